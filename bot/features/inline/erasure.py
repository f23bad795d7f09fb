"""Clearances: pictures that somebody had erased go out of the storage chat, too."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from telegram import InputFile, InputMediaDocument

from bot.domain import BotError, TryLater, Unreachable
from bot.domain.clock import run_to_completion
from bot.tg.errors import Moved, Rejected, translated
from bot.tg.sender import Target

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from telegram import Bot

    from bot.domain import PendingDeletion, Undeletable
    from bot.i18n.texts import Texts
    from bot.storage.engine import Store
    from bot.tg.sender import Sender


PAGE = 100
GIVEN_UP = timedelta(days=2)  # nothing that Telegram does not answer is tried for longer


class PendingDeletions:
    """Keeps what is to be taken out until it is gone, or its owner knows that it is not."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def waiting(self) -> list[PendingDeletion]:
        """List the next messages to be taken out."""
        async with self._store.reading() as tx:
            return await tx.clearances.waiting(PAGE)

    def too_old(self, clearance: PendingDeletion) -> bool:
        """Whether a message has been tried for long enough."""
        return self._clock() - clearance.at > GIVEN_UP

    async def end(self, clearance: PendingDeletion, *, gone: bool) -> None:
        """Note whether a message is gone."""
        async with self._store.transaction() as tx:
            if gone:
                await tx.clearances.done(clearance)
            else:
                await tx.clearances.refused(clearance)

    async def left(self) -> list[Undeletable]:
        """List who is to be told that something stays."""
        async with self._store.reading() as tx:
            return await tx.clearances.left()

    async def told(self, leftover: Undeletable) -> None:
        """Forget what stays: its owner knows."""
        async with self._store.transaction() as tx:
            await tx.clearances.told(leftover.account_id)


log = structlog.get_logger(__name__)

PAUSE = 60.0  # seconds until what Telegram has not answered is tried again
ERASED, ERASED_NAME = b"This picture was erased.\n", "erased.txt"


class StorageChatDeleter:
    """Works off what erasures leave to do in the storage chat; a new start goes on with it."""

    def __init__(
        self, *, bot: Bot, clearances: PendingDeletions, sender: Sender, texts: Texts
    ) -> None:
        self._bot = bot
        self._clearances = clearances
        self._sender = messages
        self._texts = texts
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Begin at once: something was erased."""
        self._woken.set()

    async def run(self) -> None:
        """Take out what there is, then sleep until there is more; until cancelled."""
        while True:
            self._woken.clear()
            pause: float | None = None
            try:
                await self._clear()
            except TryLater as later:
                pause = max(PAUSE, later.seconds)
            except Exception:  # the loop's edge
                log.exception("storage chat not cleared")
                pause = PAUSE
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()

    async def _clear(self) -> None:
        """Do what can be done; raises TryLater where Telegram does not answer."""
        while waiting := await self._clearances.waiting():
            for clearance in waiting:
                gone = await self._gone(clearance)
                await run_to_completion(self._clearances.end(clearance, gone=gone))
        for leftover in await self._clearances.left():
            await self._tell(leftover)

    async def _gone(self, clearance: PendingDeletion) -> bool:
        try:
            return await self._take_out(clearance)
        except TryLater:
            if self._clearances.too_old(clearance):
                return False
            raise

    async def _take_out(self, clearance: PendingDeletion) -> bool:
        """Delete a message, or put something else into it; False if it stays as it is."""
        try:
            await self._sender.delete(clearance.chat_id, clearance.message_id)
        except (Rejected, Unreachable, Moved):
            return await self._empty(clearance)
        return True

    async def _empty(self, clearance: PendingDeletion) -> bool:
        nothing = InputMediaDocument(InputFile(ERASED, ERASED_NAME, attach=True))
        try:
            with translated():
                await self._bot.edit_message_media(nothing, clearance.chat_id, clearance.message_id)
        except Rejected as refused:
            return refused.says("message to edit not found")
        except (Unreachable, Moved):
            return False
        return True

    async def _tell(self, leftover: Undeletable) -> None:
        """Tell somebody in private what stays; who cannot be reached has left."""
        text = self._texts(leftover.locale, "forget.left", n=leftover.messages)
        log.warning("erased pictures stay in the storage chat", messages=leftover.messages)
        try:
            await self._sender.say(Target(leftover.account_id), text)
        except TryLater:
            raise
        except BotError as error:
            log.info("not told", error=type(error).__name__)
        await run_to_completion(self._clearances.told(leftover))
