"""Listening: voices on their way to words and wishes, in this process; the rows outlive it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from bot.domain import BotError, OutcomeKind, StorageUnavailable, TryLater

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from bot.domain import Introduction, Voice
    from bot.voices import Voices

    Follow = Callable[[Voice, Introduction | None, bool], Awaitable[None]]

log = structlog.get_logger(__name__)

AT_ONCE = 8  # voices that are fetched and written down at the same time; others wait
STORAGE_PAUSE, TRIES = 5.0, 60


class Listening:
    """Follows each voice to its end, in a task of its own."""

    def __init__(self, voices: Voices) -> None:
        self._voices = voices
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._follow: Follow | None = None

    @asynccontextmanager
    async def following(self, follow: Follow) -> AsyncIterator[None]:
        """Bring voices forward with `follow`, those first that a restart fell into.

        The end leaves everything as it is committed, for the next start.
        """
        self._follow = follow
        for voice in await self._voices.undone():
            self.begin(voice, again=True)
        try:
            yield
        finally:
            await self._stop()

    def begin(
        self, voice: Voice, introduction: Introduction | None = None, *, again: bool = False
    ) -> None:
        """Go on with a voice that is committed; `again` if another process may have begun."""
        task = asyncio.create_task(self._run(voice, introduction, again=again), name="voice")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, voice: Voice, introduction: Introduction | None, *, again: bool) -> None:
        for _ in range(TRIES):
            try:
                async with self._turns:
                    current = await self._voices.open(voice)
                    if current and self._follow:
                        await self._follow(current, introduction, again)
            except (StorageUnavailable, TryLater) as error:
                again = True
                seconds = error.seconds if isinstance(error, TryLater) else 0
                await asyncio.sleep(max(STORAGE_PAUSE, seconds))
            except Exception as error:  # the task's edge
                if not isinstance(error, BotError):  # a chat that cannot be talked to is none
                    log.exception("a voice was not followed")
                await self._give_up(voice)
                return
            else:
                return

    async def _give_up(self, voice: Voice) -> None:
        try:
            await self._voices.end(voice, OutcomeKind.INTERNAL)
        except StorageUnavailable:
            log.warning("a voice stays open until the next start")
