"""The pace of calls: our own limit of messages a second, and Telegram's 429 obeyed.

A 429 holds up the chat that it was for; it is waited out here up to `PATIENCE` seconds, and what
takes longer is given back to the caller, who knows whether trying later makes sense.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import structlog
from telegram.error import RetryAfter
from telegram.ext import BaseRateLimiter

from bot.tg.errors import flood_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from telegram._utils.types import JSONDict

log = structlog.get_logger(__name__)

PATIENCE = 60.0
CHATS = 10_000  # how many chats' floods are remembered

UNPACED = frozenset({"getUpdates", "getMe", "getFile", "answerCallbackQuery", "deleteWebhook"})
DROPPED = frozenset({"sendChatAction"})  # worthless later: never waits, never repeated


class Pace(BaseRateLimiter[None]):
    """Spaces messages out to `rate` a second (0 = no limit of our own) and waits floods out."""

    def __init__(self, rate: float) -> None:
        self._gap = 1 / rate if rate else 0.0
        self._burst = 1.0 if rate else 0.0  # seconds of unused time that may be caught up
        self._next = 0.0
        self._floods: OrderedDict[Any, float] = OrderedDict()

    async def initialize(self) -> None:
        """Nothing to set up."""

    async def shutdown(self) -> None:
        """Nothing to tear down."""

    async def process_request(
        self,
        callback: Callable[..., Coroutine[Any, Any, bool | JSONDict | list[JSONDict]]],
        args: Any,  # noqa: ANN401 - PTB's signature
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: None,  # noqa: ARG002 - PTB's signature
    ) -> bool | JSONDict | list[JSONDict]:
        """Call when it is this call's turn; raises RetryAfter where patience ends."""
        chat = data.get("chat_id")
        if endpoint in DROPPED and self._flooded(chat):
            return True
        left = PATIENCE
        while True:
            left -= await self._turn(endpoint, chat)
            try:
                return await callback(*args, **kwargs)
            except RetryAfter as flood:
                seconds = flood_seconds(flood)
                self._remember(chat, seconds)
                log.warning("flood control", method=endpoint, seconds=seconds)
                if endpoint in DROPPED:
                    return True
                if seconds > left:
                    raise

    async def _turn(self, endpoint: str, chat: object) -> float:
        """Wait for the chat's flood to pass and for a free place in the second."""
        wait = self._flooded(chat)
        if self._gap and endpoint not in UNPACED:
            now = _clock() + wait
            self._next = max(self._next + self._gap, now - self._burst)
            wait += max(0.0, self._next - now)
        if wait:
            await asyncio.sleep(wait)
        return wait

    def _flooded(self, chat: object) -> float:
        return max(0.0, self._floods.get(chat, 0.0) - _clock())

    def _remember(self, chat: object, seconds: float) -> None:
        self._floods[chat] = _clock() + seconds
        self._floods.move_to_end(chat)
        if len(self._floods) > CHATS:
            self._floods.popitem(last=False)


def _clock() -> float:
    return asyncio.get_running_loop().time()
