"""Turns in a chat: its new messages come one at a time, the most urgent first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from bot.tg.sending import Priority, Sending, current


@dataclass(slots=True, eq=False, weakref_slot=True)
class _Line:
    """Who has the turn, and who waits for it; whoever waits lends his urgency to who has it."""

    holder: Sending | None = None
    _waiting: dict[asyncio.Future[None], Sending] = field(default_factory=dict)

    async def enter(self, sending: Sending) -> None:
        if self.holder is None:
            self.holder = sending
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting[waiter] = sending
        sending.move = self._hurry
        self._hurry(sending.priority)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # the turn came at the same moment
                self.leave()
            raise
        finally:
            sending.move = None
            self._waiting.pop(waiter, None)

    def leave(self) -> None:
        waiting = [waiter for waiter in self._waiting if not waiter.done()]
        self.holder = None
        if waiting:
            following = min(waiting, key=lambda waiter: self._waiting[waiter].priority)
            self.holder = self._waiting.pop(following)
            following.set_result(None)

    def _hurry(self, priority: Priority) -> None:
        if self.holder:
            self.holder.hurry(priority)


@dataclass(slots=True)
class ChatTurns:
    """So that no search for a lost message meets one whose id is not known yet.

    `alone` keeps the other processes from what it names; None where there are none.
    """

    alone: Callable[[str], AbstractAsyncContextManager[None]] | None = None
    _lines: WeakValueDictionary[int, _Line] = field(default_factory=WeakValueDictionary, init=False)

    @asynccontextmanager
    async def turn(self, chat_id: int) -> AsyncIterator[None]:
        line = self._lines.get(chat_id)
        if line is None:
            line = self._lines[chat_id] = _Line()
        await line.enter(current() or Sending(Priority.ANSWER))
        try:
            if self.alone is None:
                yield
            else:
                async with self.alone(f"messages of {chat_id}"):
                    yield
        finally:
            line.leave()
