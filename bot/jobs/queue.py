"""The queue: who waits for what, how many are ahead of him, and what it looks like in all."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Self

from bot.domain import JobState
from bot.jobs.results import QueuedJob

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from bot.domain import Job
    from bot.storage.engine import Store
    from bot.storage.transaction import Transaction

    class HasCircuit(Protocol):
        """A gateway that may be left alone for a while."""

        def open_for(self) -> float:
            """Seconds until it is asked again, 0 if it is well."""
            ...


LINE = 1000  # how many places are told; who stands behind them sees his first one
MINE = 1000


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """A place in the queue: `ahead` jobs are before it.

    Not `dispatched` means that it waits for the account's own earlier jobs.
    """

    job_id: int
    chat_id: int
    ahead: int
    dispatched: bool


@dataclass(frozen=True, slots=True)
class QueueOverview:
    """The whole queue: for operators. `resting` has gateways and for how many seconds."""

    running: int
    waiting: int
    usual: tuple[TypicalLatency, ...]
    resting: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class QueueService:
    """Looks at the queue; changes nothing."""

    store: Store
    latencies: Latencies
    gateways: Mapping[str, HasCircuit]

    async def of(self, account_id: int, chat_id: int, limit: int) -> list[tuple[Job, int]]:
        """List an account's jobs of a chat that are not drawn yet, with how many are ahead.

        Those for inline messages are nobody's chat's: they are told in the private one.
        """
        return await self.store.read(_waiting_of, account_id, chat_id, limit)

    async def line(self) -> list[QueuePosition]:
        """List the positions in the queue, the first one first: LINE at most."""
        rows = await self.store.read(lambda tx: tx.jobs.queue(LINE))
        return [QueuePosition(*row[:2], ahead, row[2]) for ahead, row in enumerate(rows)]

    async def waiting(self, position: QueuePosition) -> QueuedJob | None:
        """Look the job of a position up; None if it does not wait any more."""
        job = await self.store.read(lambda tx: tx.jobs.get(position.job_id))
        if job is None or job.state is not JobState.ACCEPTED:
            return None
        return QueuedJob(job, position.ahead, position.dispatched)

    async def overview(self) -> QueueOverview:
        """Tell how the whole queue stands."""
        running, waiting = await self.store.read(lambda tx: tx.jobs.counts())
        circuits = {name: gateway.open_for() for name, gateway in self.gateways.items()}
        resting = tuple((name, seconds) for name, seconds in circuits.items() if seconds)
        return QueueOverview(running, waiting, tuple(self.latencies.all()), resting)


def _waiting_of(
    tx: Transaction, account_id: int, chat_id: int, limit: int
) -> list[tuple[Job, int]]:
    private = chat_id == account_id

    def is_here(job: Job) -> bool:
        return private if job.inline_message_id else job.chat_id == chat_id

    mine = tx.jobs.of_account(account_id, limit=MINE)
    waiting = [job for job in mine if is_here(job) and job.rendered_at is None]
    return [(job, tx.jobs.ahead(job.id)) for job in waiting[:limit]]


WINDOW = 20  # calls of a model that count
ENOUGH = 3  # fewer than so many tell nothing
LOOKED_AT = 1000  # rows of calls that are read at the start


@dataclass(frozen=True, slots=True)
class TypicalLatency:
    """What a model usually takes: the median of `calls` calls that brought pictures."""

    model: str
    seconds: float
    calls: int


class Latencies:
    """Keeps the last calls of each model that brought pictures."""

    def __init__(self) -> None:
        self._calls: dict[str, deque[int]] = defaultdict(lambda: deque(maxlen=WINDOW))

    @classmethod
    async def read(cls, store: Store) -> Self:
        """Begin with what earlier processes saw."""
        latencies = cls()
        for model, milliseconds in await store.read(lambda tx: tx.calls.latencies(LOOKED_AT)):
            latencies.note(model, milliseconds)
        return latencies

    def note(self, model: str, milliseconds: int) -> None:
        """Take one more call into account, the oldest out of it."""
        self._calls[model].append(milliseconds)

    def usual(self, model: str) -> TypicalLatency | None:
        """Tell what a model usually takes; None while that is not known."""
        calls = self._calls.get(model, ())
        if len(calls) < ENOUGH:
            return None
        return TypicalLatency(model, median(calls) / 1000, len(calls))

    def all(self) -> list[TypicalLatency]:
        """List what is known, by model."""
        return [usual for model in sorted(self._calls) if (usual := self.usual(model))]
