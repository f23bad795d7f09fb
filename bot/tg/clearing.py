"""Clearing: what was erased is taken out of the storage chat, or made empty where it must stay."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog
from telegram import InputFile, InputMediaDocument

from bot.domain import BotError, TryLater, Unreachable
from bot.steps import finished
from bot.tg.errors import Moved, Rejected, translated
from bot.tg.spots import Spot

if TYPE_CHECKING:
    from telegram import Bot

    from bot.clearances import Clearances
    from bot.domain import Clearance, Leftover
    from bot.i18n.texts import Texts
    from bot.tg.messages import Messages

log = structlog.get_logger(__name__)

PAUSE = 60.0  # seconds until what Telegram has not answered is tried again
ERASED, ERASED_NAME = b"This picture was erased.\n", "erased.txt"


class Clearing:
    """Works off what erasures leave to do in the storage chat; a new start goes on with it."""

    def __init__(
        self, *, bot: Bot, clearances: Clearances, messages: Messages, texts: Texts
    ) -> None:
        self._bot = bot
        self._clearances = clearances
        self._messages = messages
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
                await finished(self._clearances.end(clearance, gone=gone))
        for leftover in await self._clearances.left():
            await self._tell(leftover)

    async def _gone(self, clearance: Clearance) -> bool:
        try:
            return await self._take_out(clearance)
        except TryLater:
            if self._clearances.too_old(clearance):
                return False
            raise

    async def _take_out(self, clearance: Clearance) -> bool:
        """Delete a message, or put something else into it; False if it stays as it is."""
        try:
            await self._messages.delete(clearance.chat_id, clearance.message_id)
        except (Rejected, Unreachable, Moved):
            return await self._empty(clearance)
        return True

    async def _empty(self, clearance: Clearance) -> bool:
        nothing = InputMediaDocument(InputFile(ERASED, ERASED_NAME, attach=True))
        try:
            with translated():
                await self._bot.edit_message_media(nothing, clearance.chat_id, clearance.message_id)
        except Rejected as refused:
            return refused.says("message to edit not found")
        except (Unreachable, Moved):
            return False
        return True

    async def _tell(self, leftover: Leftover) -> None:
        """Tell somebody in private what stays; who cannot be reached has left."""
        text = self._texts(leftover.locale, "forget.left", n=leftover.messages)
        log.warning("erased pictures stay in the storage chat", messages=leftover.messages)
        try:
            await self._messages.say(Spot(leftover.account_id), text)
        except TryLater:
            raise
        except BotError as error:
            log.info("not told", error=type(error).__name__)
        await finished(self._clearances.told(leftover))
