"""Following: what was committed and needs words from afar, brought on in this process."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import structlog

from bot.domain import BotError, StorageUnavailable, TryLater

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

T = TypeVar("T")

log = structlog.get_logger(__name__)

AT_ONCE = 8  # calls at the same time; others wait
STORAGE_PAUSE, TRIES = 5.0, 60


class Book(Protocol[T]):
    """Knows what is on its way: its rows outlive this process."""

    async def undone(self) -> list[T]:
        """List what an earlier process has left."""
        ...

    async def open(self, item: T, /) -> T | None:
        """Look up how far one has come; None if it is done."""
        ...

    async def give_up(self, item: T, /) -> object:
        """Be done with one that cannot be brought on."""
        ...


class Following(Generic[T]):
    """Follows each item to where a person has to say something, in a task of its own."""

    def __init__(self, book: Book[T]) -> None:
        self._book = book
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_work: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._follow: Callable[[T, bool], Awaitable[None]] | None = None

    async def start(self, follow: Callable[[T, bool], Awaitable[None]]) -> None:
        """Bring items on with `follow`, those first that a restart fell into.

        `follow` is told whether somebody may have begun before.
        """
        self._follow = follow
        for item in await self._book.undone():
            self.begin(item, again=True)

    def begin(self, item: T, *, again: bool = False) -> None:
        """Go on with an item that is committed; `again` if somebody may have begun."""
        if self._stopping:
            return
        task = asyncio.create_task(self._run(item, again=again), name="following")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, seconds: float) -> None:
        """Give what is being brought on up to `seconds` to finish, nothing else; then cancel it.

        What was cancelled stands as it is committed, for the next start.
        """
        self._stopping = True
        for task in self._tasks - self._at_work:
            task.cancel()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            log.warning("left for the next start", calls=len(late))
            await asyncio.wait(late, timeout=5)

    async def _run(self, item: T, *, again: bool) -> None:
        for _ in range(TRIES):
            try:
                async with self._turns:
                    await self._step(item, again=again)
            except (StorageUnavailable, TryLater) as error:
                again = True
                seconds = error.seconds if isinstance(error, TryLater) else 0
                await asyncio.sleep(max(STORAGE_PAUSE, seconds))
            except Exception as error:  # the task's edge
                if not isinstance(error, BotError):  # a chat that cannot be talked to is none
                    log.exception("not followed")
                await self._give_up(item)
                return
            else:
                return
        log.error("given up: neither database nor chat answered for too long")
        await self._give_up(item)

    async def _step(self, item: T, *, again: bool) -> None:
        with self._working():
            current = await self._book.open(item)
            if current is not None and self._follow and not self._stopping:
                await self._follow(current, again)

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Count this task among those that a stop waits for."""
        if (task := asyncio.current_task()) is None:  # pragma: no cover - there is always one
            return
        self._at_work.add(task)
        try:
            yield
        finally:
            self._at_work.discard(task)

    async def _give_up(self, item: T) -> None:
        try:
            await self._book.give_up(item)
        except StorageUnavailable:
            log.warning("stays open until the next start")
