"""What a feature gives to the bot; `bot/app.py` has one line for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from telegram import CallbackQuery, Update
from telegram.ext import BaseHandler, ContextTypes

from bot.tg.callbacks import Press, Verb
from bot.tg.parse import ParsedMessage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Handler = BaseHandler[Any, Any, Any]
OnUpdate = Callable[[Update, ContextTypes.DEFAULT_TYPE], Coroutine[Any, Any, None]]
OnPress = Callable[[CallbackQuery, Press], Awaitable[None]]
# Takes a prompt that somebody may send before it becomes a job; True if it is taken, and answered.
Interceptor = Callable[[ParsedMessage], Awaitable[bool]]


class Feature:
    """Features know nothing of each other; what two of them need lies in `bot/tg` or `bot/jobs`."""

    def handlers(self) -> Sequence[Handler]:
        """Commands and messages; the first that fits an update takes it."""
        return ()

    def callbacks(self) -> Mapping[Verb, OnPress]:
        """Its buttons."""
        return {}

    def interceptors(self) -> Sequence[Interceptor]:
        """What looks at a prompt before it is submitted."""
        return ()

    def tasks(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        """What runs, by name, while the bot runs."""
        return {}
