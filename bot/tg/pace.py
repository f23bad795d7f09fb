"""The pace of calls: our own limit of messages a second, and Telegram's 429 obeyed.

A 429 holds up the chat that it was for; it is waited out here up to `PATIENCE` seconds, and what
takes longer is given back to the caller, who knows whether trying later makes sense.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import structlog
from telegram.error import RetryAfter
from telegram.ext import BaseRateLimiter

from bot.tg.errors import flood_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from telegram._utils.types import JSONDict

    Result = bool | JSONDict | list[JSONDict]
    Call = Callable[..., Coroutine[Any, Any, Result]]

log = structlog.get_logger(__name__)

PATIENCE = 60.0
CHATS = 10_000  # how many chats' floods are remembered

UNPACED = frozenset(
    {
        "getUpdates",
        "getMe",
        "getFile",
        "answerCallbackQuery",
        "answerInlineQuery",
        "deleteWebhook",
    }
)
# Worthless later: they never wait and are never repeated.
DROPPED = frozenset({"sendChatAction", "sendMessageDraft"})


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
        callback: Call,
        args: Any,  # noqa: ANN401 - PTB's signature
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: None,  # noqa: ARG002 - PTB's signature
    ) -> Result:
        """Call when it is this call's turn; raises RetryAfter where patience ends."""
        chat, left = data.get("chat_id") or data.get("inline_message_id"), PATIENCE
        if endpoint in DROPPED:
            return await self._now_or_never(callback, args, kwargs, chat)
        while True:
            left -= await self._flood_passed(chat, left)
            await self._turn(endpoint)
            try:
                return await callback(*args, **kwargs)
            except RetryAfter as flood:
                self._remember(chat, flood_seconds(flood), endpoint)

    async def _now_or_never(
        self,
        callback: Call,
        args: Any,  # noqa: ANN401 - PTB's signature
        kwargs: dict[str, Any],
        chat: object,
    ) -> Result:
        """Call if there is room at this moment; messages never wait behind such a call."""
        if self._flooded(chat) or (self._gap and self._next + self._gap > _clock()):
            return True
        self._next = max(self._next + self._gap, _clock() - self._burst)
        try:
            return await callback(*args, **kwargs)
        except RetryAfter as flood:
            self._remember(chat, flood_seconds(flood), "a decoration")
            return True

    async def _flood_passed(self, chat: object, patience: float) -> float:
        """Wait until Telegram takes calls for this chat again; tells how long it took."""
        seconds = self._flooded(chat)
        if seconds > patience:
            raise RetryAfter(math.ceil(seconds))
        if seconds:
            await asyncio.sleep(seconds)
        return seconds

    async def _turn(self, endpoint: str) -> None:
        """Wait for a free place in the second."""
        if not self._gap or endpoint in UNPACED:
            return
        now = _clock()
        self._next = max(self._next + self._gap, now - self._burst)
        if self._next > now:
            await asyncio.sleep(self._next - now)

    def _flooded(self, chat: object) -> float:
        return max(0.0, self._floods.get(chat, 0.0) - _clock())

    def _remember(self, chat: object, seconds: float, method: str) -> None:
        log.warning("flood control", method=method, seconds=seconds)
        self._floods[chat] = _clock() + seconds
        self._floods.move_to_end(chat)
        if len(self._floods) > CHATS:
            self._floods.popitem(last=False)


def _clock() -> float:
    return asyncio.get_running_loop().time()
