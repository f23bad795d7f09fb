"""Captioned: commands that stand under a photo or a file do what they do as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telegram.ext import MessageHandler, filters

from bot.tg.parse import PRESETS, command_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping

    from telegram import Message, Update
    from telegram.ext import BaseHandler, ContextTypes

    Take = Callable[[Update, ContextTypes.DEFAULT_TYPE], Coroutine[Any, Any, None]]


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


def handlers(
    known: Mapping[str, Take], where: filters.BaseFilter
) -> Iterator[BaseHandler[Any, Any, Any]]:
    """Make a handler for each command but presets: they are what a photo without words gets."""
    for command, take in known.items():
        if command != PRESETS:
            yield MessageHandler(where & _Captioned(command), take)
