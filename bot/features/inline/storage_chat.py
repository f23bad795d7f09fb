"""The storage chat: a private channel in which pictures for inline messages are uploaded.

Those that somebody had erased go out of it, too.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog
from telegram import Bot, InputFile, InputMediaDocument

from bot.domain import BotError, PendingDeletion, TryLater, Undeletable, Unreachable
from bot.features.inline.service import PendingDeletions
from bot.tg.errors import Moved, Rejected, translated
from bot.tg.replies import Replies
from bot.tg.sender import Target
from bot.tg.tasks import work_off

log = structlog.get_logger(__name__)

PAUSE = 60.0  # seconds until what Telegram has not answered is tried again
ERASED, ERASED_NAME = b"This picture was erased.\n", "erased.txt"


@dataclass(frozen=True, slots=True)
class StorageChatDeleter:
    """Works off what erasures leave to do in the storage chat; a new start goes on with it."""

    bot: Bot
    deletions: PendingDeletions
    replies: Replies
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        await work_off(self._delete_all, self._woken, "storage chat not cleared", pause=PAUSE)

    async def _delete_all(self) -> None:
        """Do what can be done; raises TryLater where Telegram does not answer."""
        while waiting := await self.deletions.waiting():
            for deletion in waiting:
                try:
                    gone = await self._delete(deletion)
                except TryLater:
                    if not self.deletions.is_too_old(deletion):
                        raise
                    gone = False
                await self.deletions.end(deletion, gone=gone)
        for undeletable in await self.deletions.unreported():
            await self._report(undeletable)

    async def _delete(self, deletion: PendingDeletion) -> bool:
        """Delete a message, or put something else into it; False if it stays as it is."""
        try:
            await self.replies.sender.delete(deletion.chat_id, deletion.message_id)
        except (Rejected, Unreachable, Moved):
            return await self._empty(deletion)
        return True

    async def _empty(self, deletion: PendingDeletion) -> bool:
        nothing = InputMediaDocument(InputFile(ERASED, ERASED_NAME, attach=True))
        try:
            with translated():
                await self.bot.edit_message_media(nothing, deletion.chat_id, deletion.message_id)
        except Rejected as refused:
            return refused.says("message to edit not found")
        except (Unreachable, Moved):
            return False
        return True

    async def _report(self, undeletable: Undeletable) -> None:
        """Tell somebody in private what stays; who cannot be reached has left."""
        log.warning("erased pictures stay in the storage chat", messages=undeletable.messages)
        text = self.replies.texts(undeletable.locale, "forget.left", n=undeletable.messages)
        try:
            await self.replies.sender.send(Target(undeletable.account_id), text)
        except TryLater:
            raise
        except BotError as error:
            log.info("not told", error=type(error).__name__)
        await self.deletions.report_sent(undeletable)
