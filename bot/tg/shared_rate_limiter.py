"""The rate limiter of several processes: one pace towards Telegram for all of them.

Within a process the most urgent call goes first, as by itself; the moment at which one may go is
taken in turn with the others. A flood that one of them meets holds all of them.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import Protocol

import structlog
from telegram.error import RetryAfter

from bot.domain import StorageUnavailable
from bot.tg.rate_limiter import EDITS, LEFT_OUT_SECONDS, PATIENCE, Places, RateLimiter
from bot.tg.sending import Priority, urgency

log = structlog.get_logger(__name__)

ALL = "telegram"
CAUGHT_UP = 0.2  # seconds of unused time that may be caught up: a second has no more than the rate
MENU_PAUSE = 0.5  # seconds until a menu asks again whether there is nothing else to say
# https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this: one a second in a
# chat, where short bursts are let pass; twenty a minute in a group.
CHAT_GAP, CHAT_BURST = 1.0, 3.0
GROUP_GAP, GROUP_BURST = 5.0, 35.0  # eight at once and twelve more in a minute


class SharedPace(Protocol):
    """Gives moments out, to one after the other; raises StorageUnavailable."""

    async def take(
        self, key: str, gap: float, burst: float = 0, within: float = math.inf
    ) -> float | None: ...

    async def hold(self, key: str, seconds: float) -> None: ...


class SharedRateLimiter(RateLimiter):
    """As the limiter of one process, and with the others; without the database, as if alone."""

    def __init__(self, rate: float, pace: SharedPace) -> None:
        super().__init__(rate)
        self._pace = pace
        self._places: _SharedPlaces = _SharedPlaces(rate, pace)

    async def shutdown(self) -> None:
        self._places.stop()

    async def _wait_for_place(self, endpoint: str, chat: object) -> None:
        may_be_left_out = urgency() is Priority.MOVING and endpoint in EDITS
        patience = LEFT_OUT_SECONDS if may_be_left_out else PATIENCE
        seconds = await self._take(chat, patience)
        if seconds is None:
            raise RetryAfter(math.ceil(patience))
        await asyncio.sleep(seconds)
        await super()._wait_for_place(endpoint, chat)

    async def _is_free(self, chat: object) -> bool:
        if self._places.are_wanted or await self._take(chat, 0) is None:
            return False
        return await self._places.take_now()

    async def _note_flood(self, chat: object, seconds: float, method: str) -> None:
        await super()._note_flood(chat, seconds, method)
        if isinstance(chat, int):
            try:
                await self._pace.hold(_key(chat), seconds)
            except StorageUnavailable:
                log.warning("other processes do not know of this flood", chat=chat)

    async def _take(self, chat: object, within: float) -> float | None:
        """Take a moment of a chat; what is written into somebody's message has no chat to wait for."""
        if not isinstance(chat, int):
            return 0.0
        gap, burst = (GROUP_GAP, GROUP_BURST) if chat < 0 else (CHAT_GAP, CHAT_BURST)
        try:
            return await self._pace.take(_key(chat), gap, burst, within)
        except StorageUnavailable:
            return 0.0


class _SharedPlaces(Places):
    """Places whose moments all processes take in turn, one after the other in each of them."""

    def __init__(self, rate: float, pace: SharedPace) -> None:
        super().__init__((max(rate - 1, rate / 2)) / (1 + CAUGHT_UP))
        self._pace = pace
        self._giving: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    @property
    def are_wanted(self) -> bool:
        return any(self._waiting.values())

    def take_free(self) -> bool:
        """Whether a place is free is not known here."""
        return False

    async def take_now(self) -> bool:
        try:
            return await self._pace.take(ALL, self._gap, CAUGHT_UP, 0) is not None
        except StorageUnavailable:
            return False

    def stop(self) -> None:
        if self._giving:
            self._giving.cancel()

    def _serve(self) -> None:
        self._news.set()
        if self.are_wanted and (self._giving is None or self._giving.done()):
            self._giving = asyncio.create_task(self._give_all(), name="places")

    async def _give_all(self) -> None:
        while self.are_wanted:
            within = -CAUGHT_UP if self._most_urgent is Priority.MENU else math.inf
            self._news.clear()
            try:
                seconds = await self._pace.take(ALL, self._gap, CAUGHT_UP, within)
            except StorageUnavailable:
                seconds = self._gap
            if seconds is None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), MENU_PAUSE)
                continue
            await asyncio.sleep(seconds)
            # Who is the most urgent now: others may have come while this moment was waited for.
            while (urgent := self._most_urgent) is not None and not self._give(urgent):
                pass

    def _give(self, priority: Priority) -> bool:
        """Give a place to the first of those who wait; false where he waits no longer."""
        waiter = next(iter(self._waiting[priority]))
        del self._waiting[priority][waiter]
        if waiter.done():
            return False
        waiter.set_result(None)
        return True

    @property
    def _most_urgent(self) -> Priority | None:
        return next((one for one in Priority if self._waiting[one]), None)


def _key(chat: int) -> str:
    return f"chat:{chat}"
