"""Tasks of the bot's own: what is said without anybody waiting for it, and what is committed to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

import structlog

from bot.domain import BotError, StorageUnavailable, TryLater
from bot.tg.errors import Moved
from bot.tg.sending import Priority, watched

Edit = Callable[[], Awaitable[None]]

log = structlog.get_logger(__name__)

AT_ONCE = 5_000  # more than this is a flood of ours: what cannot be said is logged and dropped
OF_ONE = 250  # of one person or chat: a flood of his, which takes nobody else's place
ALWAYS = 4  # so many of one find a place among AT_ONCE others, whoever floods
PATIENCE = 120.0  # seconds for one of them, floods included
RECOVERED_AT_ONCE = 8  # others wait
STORAGE_PAUSE, RECOVERY_TRIES = 5.0, 60
HOLD_SECONDS = 10.0
EDIT_TRIES = 4


async def run_until(stop: asyncio.Event, lasting: Mapping[str, Coroutine[Any, Any, None]]) -> None:
    """Run what lasts until `stop` is set, or one of it ends or fails; raises what one has raised."""

    async def stopped() -> None:
        await stop.wait()
        log.info("stopping")

    await run_together({**lasting, "stop": stopped()})


async def run_together(
    lasting: Mapping[str, Coroutine[Any, Any, None]],
    passing: Coroutine[Any, Any, None] | None = None,
) -> None:
    """Run until the first ends, then cancel the others; `passing` may end before."""
    tasks = [asyncio.create_task(work, name=name) for name, work in lasting.items()]
    started = [asyncio.create_task(passing, name="passing")] if passing else []
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*tasks, *started):
            task.cancel()
        ends = await asyncio.gather(*tasks, *started, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


async def work_off(
    work: Callable[[], Awaitable[None]], woken: asyncio.Event, problem: str, *, pause: float
) -> None:
    """Do what is left to do, then sleep until `woken`; until cancelled.

    What fails is tried again after `pause` seconds, or later where TryLater says so.
    """
    while True:
        woken.clear()
        seconds: float | None = None
        try:
            await work()
        except (StorageUnavailable, TryLater) as error:
            log.warning(problem, error=type(error).__name__)
            seconds = max(pause, error.seconds) if isinstance(error, TryLater) else pause
        except Exception:  # the loop's edge
            log.exception(problem)
            seconds = pause
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await woken.wait()


@dataclass(slots=True)
class BackgroundTasks:
    """Runs what is said in the background, so that handlers commit and return.

    Whatever says `of` whom it is leaves room for all others.
    """

    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    _of: Counter[int] = field(default_factory=Counter, init=False)
    _keys: set[object] = field(default_factory=set, init=False)

    def run_once(
        self, key: object, work: Coroutine[Any, Any, object], what: str, *, of: int | None = None
    ) -> bool:
        """Begin unless something with this key is under way, as with an impatient finger."""
        if key in self._keys:
            work.close()
            return False
        if task := self.run(work, what, of=of):
            self._keys.add(key)
            task.add_done_callback(lambda _: self._keys.discard(key))
        return True

    def run(
        self, work: Coroutine[Any, Any, object], what: str, *, of: int | None = None
    ) -> asyncio.Task[None] | None:
        """Begin; a failure is logged and harms nothing else. None where too much is under way."""
        if not self._has_room(of):
            work.close()
            log.error("too much to say, dropped", what=what, of=of)
            return None
        task = asyncio.create_task(_logged(work, what), name=what)
        self._tasks.add(task)
        if of is not None:
            self._of[of] += 1
        task.add_done_callback(partial(self._forget, of))
        return task

    def _has_room(self, of: int | None) -> bool:
        under_way = len(self._tasks)
        if of is None:
            return under_way < AT_ONCE
        own = self._of.get(of, 0)
        return own < OF_ONE and under_way < (2 * AT_ONCE if own < ALWAYS else AT_ONCE)

    def _forget(self, of: int | None, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if of is None:
            return
        self._of[of] -= 1
        if not self._of[of]:
            del self._of[of]

    async def drain(self, seconds: float) -> None:
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=1)


async def _logged(work: Coroutine[Any, Any, object], what: str) -> None:
    try:
        with watched(Priority.ANSWER):  # whatever is being done where it was begun
            async with asyncio.timeout(PATIENCE):
                await work
    except (BotError, TimeoutError) as error:
        log.warning("not said", what=what, error=type(error).__name__, reason=str(error))
    except Exception:  # the task's edge
        log.exception("not said", what=what)


@dataclass(slots=True)
class LatestEdit:
    """Has at most one edit of a message in flight, and one waiting behind it: the latest."""

    background: BackgroundTasks
    _next: dict[tuple[int, int], Edit | None] = field(default_factory=dict, init=False)

    def edit(self, chat_id: int, message_id: int, edit: Edit) -> None:
        """Have a message edited; an edit that still waits for the same message is void."""
        key = (chat_id, message_id)
        under_way = key in self._next
        self._next[key] = edit
        if under_way:
            return
        if self.background.run(self._run(key), "turn of a message", of=chat_id) is None:
            del self._next[key]

    async def _run(self, key: tuple[int, int]) -> None:
        try:
            while edit := self._next[key]:
                self._next[key] = None
                await self._perform(key, edit)
        finally:  # at once: an edit that came between this and a callback would be lost
            del self._next[key]

    async def _perform(self, key: tuple[int, int], edit: Edit) -> None:
        for tries in range(EDIT_TRIES):
            try:
                return await edit()
            except TryLater as later:
                await asyncio.sleep(max(2**tries, later.seconds))
            edit, self._next[key] = self._next[key] or edit, None
        return await edit()


class Waiting(Protocol):
    """What waits in a chat."""

    @property
    def chat_id(self) -> int: ...

    @property
    def message_id(self) -> int: ...


T = TypeVar("T", bound=Waiting)


class Recoverable(Protocol[T]):
    """Knows what is on its way: its rows outlive this process."""

    async def undone(self) -> list[T]: ...

    async def open(self, item: T, /) -> T | None:
        """Look up how far one has come; None if it is done."""
        ...

    async def give_up(self, item: T, /) -> object: ...

    async def hold(self, places: Sequence[tuple[int, int]], /, *, free: bool = False) -> None:
        """Have other processes leave messages to this one for a while, or no longer."""
        ...


@dataclass(slots=True)
class RecoverableTasks(Generic[T]):
    """Brings each item to where a person has to say something, in a task of its own.

    `advance` is told whether somebody may have begun with it before. Where a group has another id
    by then, that is told to `migrated`, which is to start what waits there.
    """

    book: Recoverable[T]
    advance: Callable[[T, bool], Awaitable[None]]
    migrated: Callable[[int, int], Awaitable[None]]
    _places: asyncio.Semaphore = field(init=False)
    _tasks: dict[asyncio.Task[None], T] = field(default_factory=dict, init=False)
    _at_work: set[asyncio.Task[Any] | None] = field(default_factory=set, init=False)
    _stopping: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(RECOVERED_AT_ONCE)

    async def start(self) -> None:
        """Go on with what a restart fell into, or what has another chat's id now."""
        undone = await self.book.undone()
        known = set(self._places_in_hand())
        fresh = [one for one in undone if (one.chat_id, one.message_id) not in known]
        if fresh:
            await self.book.hold([(one.chat_id, one.message_id) for one in fresh])
        for item in fresh:
            self.begin(item, again=True)

    def _places_in_hand(self) -> list[tuple[int, int]]:
        return [(item.chat_id, item.message_id) for item in self._tasks.values()]

    async def keep(self) -> None:
        """Hold what is in hand, for ever."""
        while True:
            await asyncio.sleep(HOLD_SECONDS)
            if places := self._places_in_hand():
                with suppress(StorageUnavailable):
                    await self.book.hold(places)

    def begin(self, item: T, *, again: bool = False) -> None:
        """Go on with an item that is committed; `again` if somebody may have begun."""
        if self._stopping:
            return
        task = asyncio.create_task(self._run(item, again=again), name="recoverable")
        self._tasks[task] = item
        task.add_done_callback(self._tasks.pop)

    async def drain(self, seconds: float) -> None:
        """Give what is being brought on up to `seconds` to finish, nothing else; then cancel it.

        What was cancelled stands as it is committed, for the next start.
        """
        self._stopping = True
        places = self._places_in_hand()
        for task in self._tasks.keys() - self._at_work:
            task.cancel()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            log.warning("left for the next start", calls=len(late))
            await asyncio.wait(late, timeout=5)
        with suppress(StorageUnavailable):
            await self.book.hold(places, free=True)

    async def _run(self, item: T, *, again: bool) -> None:
        for _ in range(RECOVERY_TRIES):
            try:
                async with self._places:
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
        task = asyncio.current_task()
        self._at_work.add(task)  # a stop waits for it
        try:
            current = await self.book.open(item)
            if current is not None and not self._stopping:
                await self.advance(current, again)
        except Moved as moved:
            await self.migrated(item.chat_id, moved.chat_id)
        finally:
            self._at_work.discard(task)

    async def _give_up(self, item: T) -> None:
        try:
            await self.book.give_up(item)
        except StorageUnavailable:
            log.warning("stays open until the next start")
