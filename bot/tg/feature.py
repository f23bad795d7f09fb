"""What a feature gives to the bot, and how updates find it; `bot/parts.py` has one line for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from telegram import CallbackQuery, Update
from telegram.ext import BaseHandler, CallbackQueryHandler, ContextTypes, filters

from bot.tg.callbacks import Press, Verb, parse
from bot.tg.parse import PRESETS, ParsedMessage, command_in, source_of
from bot.tg.presses import Presses

# Without these, PTB's filters match edited, business and guest messages, too.
MESSAGE, POST = filters.UpdateType.MESSAGE, filters.UpdateType.CHANNEL_POST
EDITED = filters.UpdateType.EDITED

Handler = BaseHandler[Any, Any, Any]
OnUpdate = Callable[[Update, ContextTypes.DEFAULT_TYPE], Coroutine[Any, Any, None]]
OnPress = Callable[[CallbackQuery, Press], Awaitable[None]]
# Takes a prompt that somebody may send before it becomes a job; True if it is taken, and answered.
Interceptor = Callable[[ParsedMessage], Awaitable[bool]]


class Feature:
    """Features know nothing of each other; what two of them need lies in `bot/tg` or `bot/jobs`."""

    def commands(self) -> Mapping[str, OnUpdate]:
        """What people write behind a slash."""
        return {}

    def handlers(self) -> Sequence[Handler]:
        """Messages that are no commands; the first that fits an update takes it."""
        return ()

    def callbacks(self) -> Mapping[Verb, OnPress]:
        return {}

    def interceptors(self) -> Sequence[Interceptor]:
        return ()

    def tasks(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        """What runs, by name, while the bot runs."""
        return {}


class CommandRouter(Handler):
    """Gives each command to the feature that knows it: typed, or under a photo or a file."""

    def __init__(self, commands: Mapping[str, OnUpdate]) -> None:
        super().__init__(self.on_command)
        self._commands = commands

    def check_update(self, update: object) -> bool:
        return isinstance(update, Update) and self._find(update) is not None

    async def on_command(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        if take := self._find(update):
            await take(update, context)

    def _find(self, update: Update) -> OnUpdate | None:
        message = update.message
        command = command_in(message, message.get_bot()) if message else None
        # Who forwards a message shows what somebody else wrote, and asks for none of it.
        if message is None or command is None or message.forward_origin:
            return None
        # Pictures are taken as a whole album, and /presets there is what one without words gets.
        album = message.media_group_id and source_of(message)
        if message.caption and (album or command == PRESETS):
            return None
        return self._commands.get(command)


class CallbackRouter(CallbackQueryHandler[Any, Any]):
    """Gives each press to the feature whose button it is; a forged or stale one is explained."""

    def __init__(self, presses: Presses, callbacks: Mapping[Verb, OnPress]) -> None:
        super().__init__(self.on_press)
        self._presses = presses
        self._callbacks = callbacks

    async def on_press(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        query = update.callback_query
        if query is None:
            return
        press = parse(query.data)
        take = self._callbacks.get(press.verb) if press else None
        if press is None or take is None:
            self._presses.answer(query, "press.stale")
        else:
            await take(query, press)
