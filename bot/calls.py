"""Calls: the rows of what the gateways are asked, written before and closed after."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from bot.domain import OutcomeKind, StorageUnavailable
from bot.steps import finished

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from bot.catalogue import Profile
    from bot.domain import CallReport, Job
    from bot.storage.engine import Store
    from bot.storage.transaction import Transaction
    from bot.upstream.client import Gateway

log = structlog.get_logger(__name__)

STORAGE_PAUSE, STORAGE_TRIES = 5.0, 720  # an hour; then the next start finds the job

# What the gateway refused before any model saw it, or never heard of.
UNBILLED = frozenset(
    {
        OutcomeKind.BAD_KEY,
        OutcomeKind.OUT_OF_MONEY,
        OutcomeKind.UNKNOWN_MODEL,
        OutcomeKind.RATE_LIMITED,
        OutcomeKind.UNAVAILABLE,
        OutcomeKind.EXPIRED,
        OutcomeKind.INTERRUPTED,
    }
)


class Calls:
    """Notes each call, and counts what it consumed."""

    def __init__(
        self, store: Store, gateways: Mapping[str, Gateway], clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._gateways = gateways
        self._clock = clock

    async def note(self, tx: Transaction, job: Job, profile: Profile) -> int:
        """Write the row of a call that is about to be made; tells its id."""
        route = profile.edit_route if job.request.sources else profile.route
        host = self._gateways[profile.gateway].host
        return await tx.attempts.start(
            job.id, job.claim, profile.id, host, str(route), self._clock()
        )

    async def begin(self, job: Job, profile: Profile) -> int:
        """Commit the row of a call that is about to be made; tells its id."""
        async with self._store.transaction() as tx:
            return await self.note(tx, job, profile)

    async def close(self, tx: Transaction, job: Job, call: int, report: CallReport) -> None:
        """Write what a call came to, and count what it consumed: once, also when repeated."""
        at = self._clock()
        if await tx.attempts.finish(call, report, at) and _billed(report):
            await tx.ledger.spend((job.account_id, job.told_in or job.account_id), report.usage, at)

    async def cut_off(self, job: Job) -> int:
        """Count the job's calls that the ends of processes have cut off."""
        if job.claim == 1:
            return 0
        async with self._store.reading() as tx:
            return await tx.attempts.cut(job.id, job.claim)

    async def end(self, job: Job, call: int, report: CallReport) -> None:
        """Commit what a call came to that is not a job's last, as long as that takes.

        Giving up would begin the job anew, and buy once more what this call has brought.
        """
        for _ in range(STORAGE_TRIES):
            try:
                return await finished(self._end(job, call, report))
            except StorageUnavailable:
                log.exception("a call cannot be closed yet", job=job.id)
                await asyncio.sleep(STORAGE_PAUSE)
        return await finished(self._end(job, call, report))

    async def _end(self, job: Job, call: int, report: CallReport) -> None:
        async with self._store.transaction() as tx:
            await self.close(tx, job, call, report)

    async def cut(self, job: Job, call: int, report: CallReport) -> None:
        """Note that a call was broken off because its job was called off; it may be billed yet.

        A call that the end of this process breaks off keeps a row without end, for it is made
        again.
        """
        async with self._store.transaction() as tx:
            now = await tx.jobs.get(job.id)
            if now and now.claim != job.claim:
                await tx.attempts.finish(call, report, self._clock())


def _billed(report: CallReport) -> bool:
    """Tell whether a call may have cost something; with a full disk none is begun."""
    begun = report.kind is not OutcomeKind.NO_ROOM or report.http_status is not None
    return begun and report.kind not in UNBILLED
