"""Who works on which job when: the port, and the embedded queue of one process.

Nothing is promised here: correctness lives in the job rows, so a wake that is lost is found again
at the next start, and one that comes twice is void at its second claim.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from bot.billing.limits import Limits
from bot.catalogue.profiles import Profile
from bot.domain import Job, Wake
from bot.storage.engine import Store
from bot.storage.transaction import Transaction

log = structlog.get_logger(__name__)

BACKLOG = 10_000  # wakes kept in memory; more wait in the database
REFILL, PAGE = 1_000, 500  # wakes read back at once, and at the start
REFILL_PAUSE = 5.0  # seconds until it is tried again, where the database did not answer
SAYING = 16  # tasks for jobs of which only something has to be said, beside those that draw


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that is worked on from now, by which models, and the row of its call if it has one."""

    job: Job
    chain: Sequence[Profile] = ()
    call_id: int | None = None

    @property
    def job_id(self) -> int:
        return self.job.id


@dataclass(slots=True, eq=False)
class Slot:
    """Room for a job that is being accepted: it is claimed with that, and begins with the commit."""

    dispatch: LocalDispatch
    used: bool = False

    def begin(self, claimed: Claimed) -> None:
        self.used = True
        self.dispatch.begin(claimed)


Perform = Callable[[Wake | Claimed], Awaitable[None]]


class Dispatch(Protocol):
    """Has jobs worked on, here or in another process; what ends in `_in` begins with the commit."""

    @property
    def is_alive(self) -> bool: ...

    @property
    def is_current(self) -> bool:
        """Whether no other process can have taken what runs here; False where it may have."""

    def start(self, perform: Perform) -> None: ...

    async def recover(self) -> None:
        """Find the unfinished jobs that nobody works on; raises StorageUnavailable."""

    def slot(self) -> AbstractContextManager[Slot | None]:
        """Keep room for a job while it is accepted; None where there is none, or others wait for it."""

    def wake_in(self, tx: Transaction, wakes: Sequence[Wake]) -> None:
        """Have these jobs run as soon as there is room."""

    def later_in(self, tx: Transaction, wake: Wake, seconds: float) -> None:
        """Have a job run again after a while; it holds no slot meanwhile."""

    def interrupt_in(self, tx: Transaction, wakes: Sequence[Wake]) -> None:
        """Stop who runs these jobs, of which only something has to be said."""

    def restart_in(self, tx: Transaction, wakes: Sequence[Wake], seconds: float) -> None:
        """Stop who runs these jobs, and have them run again after a while."""

    def runs(self, job_id: int) -> bool:
        """Whether a job runs in this process."""

    async def drain(self, seconds: float) -> None:
        """Start nothing more and give what runs up to `seconds` to finish; then hand it back."""


class LocalDispatch:
    """Runs at most `limit` jobs at once, first come, first served; no polling, no idle work.

    Those of which only something has to be said are none of these, and wait for none of them.

    `refill(n, after)` reads up to `n` wakes of jobs behind `after` back from the database once a
    backlog longer than memory allows has been worked off.
    """

    is_current = True  # a database has one such process

    def __init__(self, limit: int, refill: Callable[[int, int], Awaitable[list[Wake]]]) -> None:
        self._limit = limit
        self._refill = refill
        self._perform: Perform | None = None
        self._waiting: deque[Wake] = deque()
        self._queued: set[int] = set()
        self._unsaid: deque[Wake] = deque()
        self._saying: set[int] = set()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._kept = 0  # places for jobs that are being accepted
        self._next: dict[int, Wake] = {}
        self._later: dict[int, asyncio.TimerHandle] = {}
        self._overflowed = False
        self._read_to = 0
        self._refilling: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self, perform: Perform) -> None:
        self._perform = perform
        self._fill_slots()

    async def recover(self) -> None:
        after = 0
        while wakes := await self._refill(PAGE, after):
            self.wake(wakes)
            after = wakes[-1].job_id

    @contextmanager
    def slot(self) -> Iterator[Slot | None]:
        if self._waiting or not self._ready or not self._has_room:
            yield None
            return
        self._kept += 1
        slot = Slot(self)
        try:
            yield slot
        finally:
            if not slot.used:
                self._kept -= 1
                self._fill_slots()

    def begin(self, claimed: Claimed) -> None:
        """Run a job in the room that was kept for it."""
        self._kept -= 1
        if self._ready:  # what a stop comes before is found by the next start
            self._run(claimed)

    def wake_in(self, tx: Transaction, wakes: Sequence[Wake]) -> None:
        if wakes:
            tx.after_commit(self.wake, wakes)

    def later_in(self, tx: Transaction, wake: Wake, seconds: float) -> None:
        tx.after_commit(self.later, wake, seconds)

    def interrupt_in(self, tx: Transaction, wakes: Sequence[Wake]) -> None:
        tx.after_commit(self.interrupt, wakes)

    def restart_in(self, tx: Transaction, wakes: Sequence[Wake], seconds: float) -> None:
        tx.after_commit(self.restart, wakes, seconds)

    def wake(self, wakes: Iterable[Wake]) -> None:
        for wake in wakes:
            self._accept(wake)
        self._fill_slots()

    def later(self, wake: Wake, seconds: float) -> None:
        if self._stopping:
            return
        if earlier := self._later.pop(wake.job_id, None):
            earlier.cancel()
        loop = asyncio.get_running_loop()
        self._later[wake.job_id] = loop.call_later(seconds, self._due, wake)

    def interrupt(self, wakes: Iterable[Wake]) -> None:
        for wake in wakes:
            if task := self._running.get(wake.job_id):
                task.cancel()
            self._accept(replace(wake, said=True))
        self._fill_slots()

    def restart(self, wakes: Iterable[Wake], seconds: float) -> None:
        for wake in wakes:
            if task := self._running.get(wake.job_id):
                task.cancel()
            self.later(wake, seconds)

    def runs(self, job_id: int) -> bool:
        return job_id in self._running

    @property
    def is_alive(self) -> bool:
        """Whether no job waits while there is room for it."""
        return self._stopping or not (self._waiting and self._has_room)

    async def drain(self, seconds: float) -> None:
        """What is cancelled is unfinished in the database and continues at the next start."""
        self._stopping = True
        for handle in self._later.values():
            handle.cancel()
        if self._refilling:
            self._refilling.cancel()
        tasks = set(self._running.values())
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            log.warning("jobs handed back unfinished", jobs=len(late))
            await asyncio.wait(late, timeout=5)

    def _accept(self, wake: Wake) -> None:
        if wake.job_id in self._running:
            self._follow(wake)
        elif not wake.said and wake.job_id in self._queued:
            return
        elif len(self._waiting) + len(self._unsaid) >= BACKLOG:
            self._overflowed = True
        elif wake.said:
            self._unsaid.append(wake)
        else:
            self._waiting.append(wake)
            self._queued.add(wake.job_id)

    def _follow(self, wake: Wake) -> None:
        """Have the job's task end first, so that two of one never overlap; a newer claim stays."""
        known = self._next.get(wake.job_id)
        if known is None or known.claim <= wake.claim:
            self._next[wake.job_id] = wake

    def _due(self, wake: Wake) -> None:
        self._later.pop(wake.job_id, None)
        self.wake([wake])

    def _fill_slots(self) -> None:
        while self._unsaid and len(self._saying) < SAYING and self._ready:
            self._run(self._unsaid.popleft())
        while self._waiting and self._has_room and self._ready:
            self._run(self._waiting.popleft())
        if self._overflowed and not self._waiting and self._refilling is None and self._ready:
            self._refilling = asyncio.create_task(self._read_back())

    @property
    def _has_room(self) -> bool:
        return len(self._running) - len(self._saying) + self._kept < self._limit

    @property
    def _ready(self) -> bool:
        return self._perform is not None and not self._stopping

    def _run(self, wake: Wake | Claimed) -> None:
        job_id = wake.job_id
        if isinstance(wake, Wake):
            self._queued.discard(job_id)
            if job_id in self._running:  # it waited in both lines
                self._follow(wake)
                return
            if wake.said:
                self._saying.add(job_id)
        task = asyncio.create_task(self._guarded(wake), name=f"job {job_id}")
        self._running[job_id] = task
        task.add_done_callback(lambda _: self._done(job_id))

    async def _guarded(self, wake: Wake | Claimed) -> None:
        try:
            if self._perform:
                await self._perform(wake)
        except Exception:  # the loop's edge: a job's failure is its own
            log.exception("job failed unexpectedly", job=wake.job_id)

    def _done(self, job_id: int) -> None:
        self._running.pop(job_id, None)
        self._saying.discard(job_id)
        if wake := self._next.pop(job_id, None):
            (self._unsaid if wake.said else self._waiting).appendleft(wake)
        self._fill_slots()

    async def _read_back(self) -> None:
        self._overflowed = False
        try:
            wakes = await self._refill(REFILL, self._read_to)
        except Exception:  # the loop's edge
            log.exception("cannot read waiting jobs back")
            await asyncio.sleep(REFILL_PAUSE)
            self._refilling, self._overflowed = None, True  # they wait in the database as before
            self._fill_slots()
            return
        self._refilling = None
        fresh = [w for w in wakes if w.job_id not in self._running]
        self._overflowed = len(wakes) == REFILL
        self._read_to = wakes[-1].job_id if self._overflowed else 0
        self.wake(fresh)


async def resume(store: Store, dispatch: Dispatch, limits: Callable[[int], Limits]) -> None:
    calls = await store.read(lambda tx: tx.calls.unfinished(PAGE))
    if not dispatch.is_current:  # what is in flight may be so in another process
        calls = [call for call in calls if not call.awaited]
    if calls:
        newest = max(call.started_at for call in calls)  # whether an operator has seen them all
        words = "calls without an end, perhaps billed: python -m bot audit"
        log.warning(words, calls=len(calls), newest=newest.isoformat(timespec="seconds"))
    await dispatch.recover()
    await store.write(_admit, dispatch, limits)


async def unfinished(store: Store, limit: int, after: int) -> list[Wake]:
    return await store.read(lambda tx: tx.jobs.unfinished(after, limit))


def _admit(tx: Transaction, dispatch: Dispatch, limits: Callable[[int], Limits]) -> None:
    for account in tx.jobs.undispatched_accounts():
        dispatch.wake_in(tx, tx.jobs.admit(account, limits(account).concurrency))
