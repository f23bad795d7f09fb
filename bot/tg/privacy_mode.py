"""Blind spots: what privacy mode hid from the bot, explained once in each group.

Of an album that is replied to, or captioned on one picture, Telegram shows a bot in privacy mode
that one picture only. https://core.telegram.org/bots/features#privacy-mode
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.tg.sender import Target

if TYPE_CHECKING:
    from telegram import Message

    from bot.domain import Prompt
    from bot.features.desk import Desk


def saw_part(message: Message, wish: Prompt) -> bool:
    """Whether a message asks for work on a picture whose album the bot may not have seen."""
    to = message.reply_to_message
    if to is None or to.media_group_id is None or wish.sources:
        return False
    return bool(wish.reply and wish.reply.source)


def explain(desk: Desk, wish: Prompt) -> None:
    """Explain to a group what the bot did not see, unless it was told before."""
    if not wish.private and wish.chat_id < 0 and not desk.sender.reads_all:
        desk.background.run(_explain(desk, wish), "privacy mode")


async def _explain(desk: Desk, wish: Prompt) -> None:
    if await desk.sender.bot_is_admin(wish.chat_id) or not await desk.memberships.hint(
        wish.chat_id
    ):
        return
    target = Target(wish.chat_id, wish.thread_id, wish.message_id)
    await desk.sender.say(target, desk.texts(wish.locale, "blind.album"))
