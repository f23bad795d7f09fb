"""What privacy mode hid from the bot, explained once in each group.

Of an album that is replied to, or captioned on one picture, Telegram shows a bot in privacy mode
that one picture only. https://core.telegram.org/bots/features#privacy-mode
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from telegram import Message

from bot.domain import Prompt
from bot.tg.replies import Replies
from bot.tg.sender import Target


def may_miss_pictures(message: Message, prompt: Prompt) -> bool:
    """Whether a message asks for work on a picture whose album the bot may not have seen."""
    to = message.reply_to_message
    if to is None or to.media_group_id is None or prompt.sources:
        return False
    return bool(prompt.reply and prompt.reply.source)


@dataclass(frozen=True, slots=True)
class PrivacyModeHint:
    """`is_new` tells whether a group must still hear it; from then on it has."""

    replies: Replies
    is_new: Callable[[int], Awaitable[bool]]

    def explain(self, prompt: Prompt) -> None:
        if not prompt.private and prompt.chat_id < 0 and not self.replies.sender.reads_all:
            self.replies.background.run(self._explain(prompt), "privacy mode")

    async def _explain(self, prompt: Prompt) -> None:
        sender, chat_id = self.replies.sender, prompt.chat_id
        if await sender.bot_is_admin(chat_id) or not await self.is_new(chat_id):
            return
        target = Target(chat_id, prompt.thread_id, prompt.message_id)
        await sender.send(target, self.replies.texts(prompt.locale, "blind.album"))
