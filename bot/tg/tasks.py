"""Talk: what the bot says without anybody waiting for it; owned, bounded in number and time."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import structlog

from bot.domain import BotError, StorageUnavailable, TryLater

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator
    from typing import Any

    Turn = Callable[[], Awaitable[None]]

log = structlog.get_logger(__name__)

AT_ONCE = 5_000  # more than this is a flood of ours: what cannot be said is logged and dropped
PATIENCE = 120.0  # seconds for one utterance, floods included


class BackgroundTasks:
    """Runs utterances in the background, so that handlers commit and return."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, utterance: Coroutine[Any, Any, object], what: str) -> asyncio.Task[None] | None:
        """Begin to say something; its failure is logged and harms nothing else."""
        if len(self._tasks) >= AT_ONCE:
            utterance.close()
            log.error("too much to say, dropped", what=what)
            return None
        task = asyncio.create_task(_spoken(utterance, what), name=what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drain(self, seconds: float) -> None:
        """Let what is being said be finished, for up to `seconds`."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=1)


async def _spoken(utterance: Coroutine[Any, Any, object], what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await utterance
    except (BotError, TimeoutError) as error:
        log.warning("not said", what=what, error=type(error).__name__, reason=str(error))
    except Exception:  # the task's edge
        log.exception("not said", what=what)


T = TypeVar("T")


FOLLOWING_AT_ONCE = 8  # calls at the same time; others wait
STORAGE_PAUSE, TRIES = 5.0, 60


class Recoverable(Protocol[T]):
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


class RecoverableTasks(Generic[T]):
    """Follows each item to where a person has to say something, in a task of its own."""

    def __init__(self, book: Recoverable[T]) -> None:
        self._book = book
        self._turns = asyncio.Semaphore(FOLLOWING_AT_ONCE)
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


TURNS_TRIES = 4


class LatestEdit:
    """Has at most one edit of a message in flight, and one wish waiting behind it."""

    def __init__(self, background: BackgroundTasks) -> None:
        self._background = talk
        self._next: dict[tuple[int, int], Turn | None] = {}

    def wish(self, chat_id: int, message_id: int, turn: Turn) -> None:
        """Have a message turned; a wish that still waits for the same message is void."""
        key = (chat_id, message_id)
        under_way = key in self._next
        self._next[key] = turn
        if under_way:
            return
        if self._background.run(self._run(key), "turn of a message") is None:
            del self._next[key]

    async def _run(self, key: tuple[int, int]) -> None:
        try:
            while turn := self._next[key]:
                self._next[key] = None
                await self._perform(key, turn)
        finally:  # at once: a wish that came between this and a callback would be lost
            del self._next[key]

    async def _perform(self, key: tuple[int, int], turn: Turn) -> None:
        for tries in range(TURNS_TRIES):
            try:
                return await turn()
            except TryLater as later:
                await asyncio.sleep(max(2**tries, later.seconds))
            turn, self._next[key] = self._next[key] or turn, None
        return await turn()
