"""The queue: who waits for what, how many are ahead of him, and what it looks like in all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.domain import JobState
from bot.submissions import Accepted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from bot.domain import Job
    from bot.latencies import Latencies, Usual
    from bot.storage.engine import Store

    class Rests(Protocol):
        """A gateway that may be left alone for a while."""

        def open_for(self) -> float:
            """Seconds until it is asked again, 0 if it is well."""
            ...


LINE = 1000  # how many places are told; who stands behind them sees his first one
MINE = 1000


@dataclass(frozen=True, slots=True)
class Standing:
    """A place in the queue: `ahead` jobs are before it.

    Not `dispatched` means that it waits for the account's own earlier jobs.
    """

    job_id: int
    chat_id: int
    ahead: int
    dispatched: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole queue: for operators. `resting` has gateways and for how many seconds."""

    running: int
    waiting: int
    usual: tuple[Usual, ...]
    resting: tuple[tuple[str, float], ...]


class Queue:
    """Looks at the queue; changes nothing."""

    def __init__(self, store: Store, latencies: Latencies, gateways: Mapping[str, Rests]) -> None:
        self._store = store
        self._latencies = latencies
        self._gateways = gateways

    async def of(self, account_id: int, chat_id: int, limit: int) -> list[tuple[Job, int]]:
        """List an account's jobs of a chat that are not drawn yet, with how many are ahead.

        Those for inline messages are nobody's chat's: they are told in the private one.
        """
        private = chat_id == account_id

        def here(job: Job) -> bool:
            return private if job.inline_message_id else job.chat_id == chat_id

        async with self._store.reading() as tx:
            mine = await tx.jobs.of_account(account_id, limit=MINE)
            open_ = [job for job in mine if here(job) and job.rendered_at is None]
            return [(job, await tx.jobs.ahead(job.id)) for job in open_[:limit]]

    async def line(self) -> list[Standing]:
        """List the places in the queue, the first one first: LINE at most."""
        async with self._store.reading() as tx:
            rows = await tx.queue.line(LINE)
        return [Standing(*row[:2], ahead, row[2]) for ahead, row in enumerate(rows)]

    async def waiting(self, place: Standing) -> Accepted | None:
        """Look the job of a place up; None if it does not wait any more."""
        async with self._store.reading() as tx:
            job = await tx.jobs.get(place.job_id)
        if job is None or job.state is not JobState.ACCEPTED:
            return None
        return Accepted(job, place.ahead, place.dispatched)

    async def overview(self) -> Overview:
        """Tell how the whole queue stands."""
        async with self._store.reading() as tx:
            running, waiting = await tx.queue.counts()
        rests = {name: gateway.open_for() for name, gateway in self._gateways.items()}
        resting = tuple((name, seconds) for name, seconds in rests.items() if seconds)
        return Overview(running, waiting, tuple(self._latencies.all()), resting)
