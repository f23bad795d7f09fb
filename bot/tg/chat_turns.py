"""Turns in a chat: its new messages come one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from bot.tg.sending import Sending, current, urgency


@dataclass(slots=True, eq=False, weakref_slot=True)
class _Line:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ahead: list[Sending] = field(default_factory=list)


@dataclass(slots=True)
class ChatTurns:
    """So that no search for a lost message meets one whose id is not known yet.

    Whoever comes lends his urgency to those before him.
    """

    _lines: WeakValueDictionary[int, _Line] = field(default_factory=WeakValueDictionary, init=False)

    @asynccontextmanager
    async def turn(self, chat_id: int) -> AsyncIterator[None]:
        line = self._lines.get(chat_id)
        if line is None:
            line = self._lines[chat_id] = _Line()
        for sending in line.ahead:
            sending.hurry(urgency())
        own = current()
        if own:
            line.ahead.append(own)
        try:
            async with line.lock:
                yield
        finally:
            if own:
                line.ahead.remove(own)
