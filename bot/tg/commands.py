"""Commands: typed, or standing under a photo or a file, where they do the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram.ext import CommandHandler, MessageHandler, filters

from bot.tg.parse import PRESETS, command_of

if TYPE_CHECKING:
    from telegram import Message

    from bot.tg.feature import Handler, OnUpdate

# Without these, PTB's filters match edited, business and guest messages, too.
MESSAGE, POST = filters.UpdateType.MESSAGE, filters.UpdateType.CHANNEL_POST
EDITED = filters.UpdateType.EDITED


def command(name: str, take: OnUpdate) -> list[Handler]:
    """Have `/name` taken, in a caption too; /presets there is what a photo without words gets."""
    typed: Handler = CommandHandler(name, take, filters=MESSAGE)
    captioned: Handler = MessageHandler(MESSAGE & _Captioned(name), take)
    return [typed] if name == PRESETS else [typed, captioned]


class _Captioned(filters.MessageFilter):
    """Tells a message whose caption begins with this command of this bot's."""

    def __init__(self, command: str) -> None:
        super().__init__(name=f"captioned {command}")
        self._command = command

    def filter(self, message: Message) -> bool:
        """Whether this is one; an album is taken as a whole, elsewhere."""
        if not message.caption or not message.caption_entities or message.media_group_id:
            return False
        first = message.caption_entities[0]
        name = message.parse_caption_entity(first)
        return command_of(first, name, message.get_bot()) == self._command
