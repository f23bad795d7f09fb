"""The queue: who waits for what, how many are ahead of him, and what it looks like in all."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Self

from bot.domain import Job, JobState, OutcomeKind
from bot.gateway.client import GatewayClient
from bot.jobs.submit import QueuedJob
from bot.storage.engine import Store
from bot.storage.transaction import Transaction

MOST_POSITIONS = 1000  # that are listed; who is behind them sees his first one
MOST_JOBS = 1000  # of one account that are looked at
WINDOW = 20  # calls of a model that count
ENOUGH = 3  # fewer calls tell nothing
HISTORY = 1000  # rows of calls that are read at the start


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
    """The whole queue, for operators.

    `open_circuits` has gateways and models that are left alone, and for how many seconds yet.
    """

    running: int
    queued: int
    typical: tuple[TypicalLatency, ...]
    open_circuits: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class QueueService:
    """Looks at the queue; changes nothing."""

    store: Store
    latencies: Latencies
    gateways: Mapping[str, GatewayClient]

    async def of(self, account_id: int, chat_id: int, limit: int) -> list[tuple[Job, int]]:
        """An account's jobs of a chat that it still waits for, with how many are ahead.

        What is drawn is among them once its delivery has failed. Those for inline messages belong to the account's private chat.
        """
        return await self.store.read(_awaited_of, account_id, chat_id, limit)

    async def positions(self) -> list[QueuePosition]:
        """The positions in the queue, the first one first: MOST_POSITIONS at most."""
        rows = await self.store.read(lambda tx: tx.jobs.queue(MOST_POSITIONS))
        return list(positions_of(rows))

    async def queued(self, position: QueuePosition) -> QueuedJob | None:
        """The job of a position; None if it is not queued any more."""
        job = await self.store.read(lambda tx: tx.jobs.get(position.job_id))
        if job is None or job.state is not JobState.ACCEPTED:
            return None
        return QueuedJob(job, position.ahead, position.dispatched)

    async def overview(self) -> QueueOverview:
        running, queued = await self.store.read(lambda tx: tx.jobs.counts())
        return QueueOverview(
            running, queued, tuple(self.latencies.all()), tuple(self.open_circuits())
        )

    def open_circuits(self) -> Iterator[tuple[str, float]]:
        """Name gateways and models that are left alone, and for how many seconds yet."""
        for name, gateway in self.gateways.items():
            if left := gateway.open_for():
                yield name, left
                continue
            yield from ((f"{name}/{model}", left) for model, left in gateway.open_models().items())


def positions_of(rows: Iterable[tuple[int, int, int, bool]]) -> Iterator[QueuePosition]:
    """Count as `Jobs.ahead` does: what waits for its account's own jobs is before nobody else."""
    before, own = 0, Counter[int]()
    for job_id, account_id, chat_id, dispatched in rows:
        yield QueuePosition(job_id, chat_id, before + own[account_id], dispatched)
        if dispatched:
            before += 1
        else:
            own[account_id] += 1


def _awaited_of(
    tx: Transaction, account_id: int, chat_id: int, limit: int
) -> list[tuple[Job, int]]:
    private = chat_id == account_id

    def belongs(job: Job) -> bool:
        return private if job.inline_message_id else job.chat_id == chat_id

    jobs = tx.jobs.of_account(account_id, limit=MOST_JOBS)
    awaited = [job for job in jobs if belongs(job) and _awaited(job)]
    return [(job, tx.jobs.ahead(job.id, account_id)) for job in awaited[:limit]]


def _awaited(job: Job) -> bool:
    undelivered = job.delivery_tries > 0 and job.outcome is OutcomeKind.DRAWN
    return job.rendered_at is None or undelivered


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
        latencies = cls()
        for model, milliseconds in await store.read(lambda tx: tx.calls.latencies(HISTORY)):
            latencies.note(model, milliseconds)
        return latencies

    def note(self, model: str, milliseconds: int) -> None:
        self._calls[model].append(milliseconds)

    def typical(self, model: str) -> TypicalLatency | None:
        """What a model usually takes; None while that is not known."""
        calls = self._calls.get(model, ())
        if len(calls) < ENOUGH:
            return None
        return TypicalLatency(model, median(calls) / 1000, len(calls))

    def all(self) -> list[TypicalLatency]:
        return [known for model in sorted(self._calls) if (known := self.typical(model))]
