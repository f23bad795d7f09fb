"""Turns: rewriting one message at a time, so that of several wishes for it the last one wins."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.domain import TryLater

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.tg.talk import Talk

    Turn = Callable[[], Awaitable[None]]

TRIES = 4


class Turns:
    """Has at most one edit of a message in flight, and one wish waiting behind it."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._next: dict[tuple[int, int], Turn | None] = {}

    def wish(self, chat_id: int, message_id: int, turn: Turn) -> None:
        """Have a message turned; a wish that still waits for the same message is void."""
        key = (chat_id, message_id)
        under_way = key in self._next
        self._next[key] = turn
        if under_way:
            return
        if self._talk.start(self._run(key), "turn of a message") is None:
            del self._next[key]

    async def _run(self, key: tuple[int, int]) -> None:
        try:
            while turn := self._next[key]:
                self._next[key] = None
                await self._perform(key, turn)
        finally:  # at once: a wish that came between this and a callback would be lost
            del self._next[key]

    async def _perform(self, key: tuple[int, int], turn: Turn) -> None:
        for tries in range(TRIES):
            try:
                return await turn()
            except TryLater as later:
                await asyncio.sleep(max(2**tries, later.seconds))
            turn, self._next[key] = self._next[key] or turn, None
        return await turn()
