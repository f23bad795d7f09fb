"""The rate limiter: which call to Telegram is the next one, and when."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import structlog
from telegram._utils.types import JSONDict
from telegram.error import RetryAfter
from telegram.ext import BaseRateLimiter

from bot.tg.errors import flood_seconds
from bot.tg.sending import Priority, current, leaves, sent_back, urgency

Result = bool | JSONDict | list[JSONDict]
Call = Callable[..., Coroutine[Any, Any, Result]]
Waiter = asyncio.Future[None]

log = structlog.get_logger(__name__)

PATIENCE = 60.0  # seconds for the floods that one call may meet
CHATS = 10_000  # how many chats' floods are remembered
BURST = 1.0  # seconds of unused time that may be caught up
MOST_WAITING = 10_000  # calls; who comes then is told to come again
FULL_SECONDS = 5  # later
LEFT_OUT_SECONDS = 0.5  # a place that moves is told within that time, or not
# They are no messages.
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
PICTURES = frozenset({"editMessageMedia", "sendPhoto", "sendDocument"})
MENUS = frozenset({"setMyCommands", "setMyDescription", "setMyShortDescription"})
# A message that is to be new is waited for by others: only its rewriting may be left out.
EDITS = frozenset({"editMessageText", "editMessageReplyMarkup"})


class RateLimiter(BaseRateLimiter[None]):
    """Spaces messages out to `rate` a second (0 = no limit of our own) and waits floods out."""

    def __init__(self, rate: float) -> None:
        self._places = Places(rate)
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
            return await self._call_or_drop(callback, args, kwargs, chat)
        while True:
            left -= await self._wait_for_flood(chat, left)
            if endpoint not in UNPACED:
                await self._wait_for_place(endpoint, chat)
            leaves()
            try:
                return await callback(*args, **kwargs)
            except RetryAfter as flood:
                sent_back()
                await self._note_flood(chat, flood_seconds(flood), endpoint)

    async def _call_or_drop(
        self,
        callback: Call,
        args: Any,  # noqa: ANN401 - PTB's signature
        kwargs: dict[str, Any],
        chat: object,
    ) -> Result:
        """Call if there is room at this moment; messages never wait behind such a call."""
        if self._flooded(chat) or not await self._is_free(chat):
            return True
        try:
            return await callback(*args, **kwargs)
        except RetryAfter as flood:
            await self._note_flood(chat, flood_seconds(flood), "a decoration")
            return True

    async def _is_free(self, chat: object) -> bool:  # noqa: ARG002 - chats have no pace of their own
        return self._places.take_free()

    async def _wait_for_flood(self, chat: object, patience: float) -> float:
        """Wait until Telegram takes calls for this chat again; tells how long it took."""
        seconds = self._flooded(chat)
        if seconds > patience:
            raise RetryAfter(math.ceil(seconds))
        if seconds:
            await asyncio.sleep(seconds)
        return seconds

    async def _wait_for_place(self, endpoint: str, _chat: object) -> None:
        priority = _priority(endpoint)
        may_be_left_out = priority is Priority.MOVING and endpoint in EDITS
        try:
            async with asyncio.timeout(LEFT_OUT_SECONDS if may_be_left_out else None):
                await self._places.take(priority)
        except TimeoutError:
            raise RetryAfter(math.ceil(LEFT_OUT_SECONDS)) from None

    def _flooded(self, chat: object) -> float:
        until = self._floods.get(chat)
        return max(0.0, until - _clock()) if until else 0.0

    async def _note_flood(self, chat: object, seconds: float, method: str) -> None:
        log.warning("flood control", method=method, seconds=seconds)
        self._floods[chat] = _clock() + seconds
        self._floods.move_to_end(chat)
        if len(self._floods) > CHATS:
            self._floods.popitem(last=False)


class Places:
    """So many places a second: the most urgent waiter's first, among equals who came first."""

    def __init__(self, rate: float) -> None:
        self._gap = 1 / rate if rate else 0.0
        self._last = 0.0  # when the last place was taken, had they all been
        self._waiting: dict[Priority, dict[Waiter, None]] = {one: {} for one in Priority}
        self._timer: asyncio.TimerHandle | None = None

    async def take(self, priority: Priority) -> None:
        """Wait for a place; raises RetryAfter where too many wait. Pictures are few by themselves."""
        if not self._gap or (priority is not Priority.MENU and self.take_free()):
            return
        if priority and sum(map(len, self._waiting.values())) >= MOST_WAITING:
            raise RetryAfter(FULL_SECONDS)
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self._waiting[priority][waiter] = None
        sending = current()
        if sending:
            sending.move = partial(self._move, waiter)
        try:
            self._serve()
            await waiter
        finally:
            if sending:
                sending.move = None
            self._remove(waiter)

    def take_free(self) -> bool:
        """Take a place if one is free and nobody waits; tells whether."""
        now = _clock()
        if self._gap and (any(self._waiting.values()) or self._last + self._gap > now):
            return False
        self._count(now)
        return True

    def _move(self, waiter: Waiter, priority: Priority) -> None:
        if self._remove(waiter):
            self._waiting[priority][waiter] = None
            self._serve()

    def _remove(self, waiter: Waiter) -> bool:
        for waiters in self._waiting.values():
            if waiter in waiters:
                del waiters[waiter]
                return True
        return False

    def _serve(self) -> None:
        """Give out the places that are free now, and come back for the next one."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while (priority := next((one for one in Priority if self._waiting[one]), None)) is not None:
            free_at = self._last + self._gap + (BURST if priority is Priority.MENU else 0)
            if free_at > (now := _clock()):
                loop = asyncio.get_running_loop()
                self._timer = loop.call_at(free_at, self._serve)
                return
            waiter = next(iter(self._waiting[priority]))
            del self._waiting[priority][waiter]
            if not waiter.done():
                self._count(now)
                waiter.set_result(None)

    def _count(self, now: float) -> None:
        self._last = max(self._last + self._gap, now - BURST)


def _priority(endpoint: str) -> Priority:
    own = urgency()
    if endpoint in MENUS or own is Priority.MENU:
        return Priority.MENU
    return Priority.PICTURE if endpoint in PICTURES else own


def _clock() -> float:
    return asyncio.get_running_loop().time()
