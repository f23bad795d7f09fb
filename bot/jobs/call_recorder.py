"""The rows of calls, and what they consumed: see bot/jobs/calls.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog

from bot.catalogue.profiles import Profile
from bot.domain import (
    CallReport,
    ClaimLost,
    Cost,
    CostSource,
    Job,
    OutcomeKind,
    StorageLost,
    StorageUnavailable,
    TextCall,
    TryLater,
    Usage,
)
from bot.gateway.client import GatewayClient
from bot.storage.engine import Store
from bot.storage.transaction import Transaction
from bot.storage.wait import run_to_completion

log = structlog.get_logger(__name__)
T = TypeVar("T")

STORAGE_PAUSE, STORAGE_TRIES = 5.0, 720  # an hour; then the next start finds the job
# Calls of one message that ended with their process; another would end it once more.
MOST_TEXT_CALLS_INTERRUPTED = 2
AT_IT = timedelta(minutes=1)  # in which whoever asks for words is believed to be alive

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
        OutcomeKind.UNDELIVERABLE,
    }
)


@dataclass(frozen=True, slots=True)
class CallRecorder:
    """Keeps the rows of calls, and counts what they consumed: once, also when repeated."""

    store: Store
    gateways: Mapping[str, GatewayClient]
    clock: Callable[[], datetime]

    async def begin(self, job: Job, profile: Profile) -> int:
        """Commit the row of a call that is about to be made; raises ClaimLost."""
        return await run_to_completion(self.store.write(self._begin, job, profile), self.unmade)

    def _begin(self, tx: Transaction, job: Job, profile: Profile) -> int:
        if not tx.jobs.holds(job):
            raise ClaimLost
        return self.begin_in(tx, job, profile)

    def begin_in(self, tx: Transaction, job: Job, profile: Profile) -> int:
        route = profile.edit_route if job.request.sources else profile.route
        host = self.gateways[profile.gateway].host
        return tx.calls.start(job, profile.id, host, str(route), self.clock())

    async def end(self, job: Job, call_id: int, report: CallReport) -> None:
        """Commit what a call came to that is not a job's last, as long as that takes.

        Giving up would begin the job anew, and buy once more what this call has brought.
        """
        write = partial(self.store.write, self.end_in, job, call_id, report)
        await persist(write, "a call cannot be closed yet", job=job.id)

    def end_in(self, tx: Transaction, job: Job, call_id: int, report: CallReport) -> None:
        at = self.clock()
        if not tx.calls.finish(call_id, report, at):
            return
        self._count(tx, job, report)
        if _may_be_billed(report):
            tx.ledger.spend((job.account_id, job.counted_in or job.account_id), report.usage, at)

    async def interrupt(self, job: Job, call_id: int) -> None:
        """Note that a call was broken off because its job was cancelled; it may be billed yet.

        One that the end of this process breaks off keeps a row without end, for it is made again.
        """

        def note(tx: Transaction) -> None:
            current = tx.jobs.get(job.id)
            if current and current.claim != job.claim:
                at, report = self.clock(), CallReport(OutcomeKind.CANCELLED)
                if tx.calls.finish(call_id, report, at):
                    self._count(tx, job, report)
                    tx.ledger.called(job.account_id, at)

        try:
            await run_to_completion(self.store.write(note))
        except StorageUnavailable:
            log.exception("a broken off call cannot be noted", job=job.id)

    def _count(self, tx: Transaction, job: Job, report: CallReport) -> None:
        model = report.model or job.request.model
        tx.after_commit(self.store.meter.call_ended, "image", model, report)

    @asynccontextmanager
    async def before(self, call_id: int | None) -> AsyncIterator[None]:
        """What comes before a call: who breaks off in it has made none, and its row says so."""
        try:
            yield
        except BaseException:
            await self.unmade(call_id)
            raise

    async def unmade(self, call_id: int | None) -> None:
        """Commit that a call was not made after all; None is one that has no row."""
        if call_id is None:
            return
        try:
            await run_to_completion(self.store.write(self.unmade_in, call_id))
        except StorageUnavailable:
            log.exception("a call that was not made cannot be noted", call=call_id)

    def unmade_in(self, tx: Transaction, call_id: int) -> None:
        """Note that a call was not made after all: there is nothing that may be billed."""
        free = Usage(cost=Cost(0, source=CostSource.FREE))
        tx.calls.finish(call_id, CallReport(OutcomeKind.UNDELIVERABLE, free), self.clock())

    async def interrupted(self, job: Job) -> int:
        """Count the job's calls that the ends of processes have cut off."""
        if job.claim == 1:
            return 0
        return await self.store.read(lambda tx: tx.calls.interrupted(job.id, job.claim))

    async def begin_text(self, call: TextCall) -> int | None:
        """Commit a call's row: None if the process ended in all before; TryLater if another is at it."""
        return await self.store.write(self._begin_text, call)

    def _begin_text(self, tx: Transaction, call: TextCall) -> int | None:
        at = tx.moment(self.clock())
        if tx.calls.text_in_flight(call.chat_id, call.message_id, at - AT_IT):
            raise TryLater(AT_IT.total_seconds() / 4)
        before = tx.calls.interrupted_text(call.chat_id, call.message_id)
        if before >= MOST_TEXT_CALLS_INTERRUPTED:
            log.error("not asked again: the process ended in each call", kind=call.kind)
            return None
        return tx.calls.start_text(call, at)

    async def end_text(
        self, call_id: int, call: TextCall, report: CallReport, keep: Callable[[Transaction], T]
    ) -> T:
        """Commit what a call for words came to, and what `keep` does with it, as long as that takes.

        Giving up would ask anew, and buy once more what this call has brought.
        """

        def end(tx: Transaction) -> T:
            at = self.clock()
            closed = tx.calls.finish(call_id, report, at)
            kept = keep(tx)  # the message before the counters, as where it is drawn
            if closed:
                tx.after_commit(self.store.meter.call_ended, call.kind, call.model, report)
                if report.kind not in UNBILLED:
                    tx.ledger.spend((call.account_id, call.chat_id), report.usage, at)
            return kept

        problem = "what a call brought cannot be kept yet"
        return await persist(lambda: self.store.write(end), problem, kind=call.kind)


async def persist(write: Callable[[], Coroutine[Any, Any, T]], problem: str, **about: object) -> T:
    """Write as long as it takes, whoever is cancelled: what was paid for is not lost to a busy disk."""
    for _ in range(STORAGE_TRIES):
        try:
            return await run_to_completion(write())
        except StorageLost:  # the bot is stopping
            raise
        except StorageUnavailable:
            log.exception(problem, **about)
            await asyncio.sleep(STORAGE_PAUSE)
    return await run_to_completion(write())


def _may_be_billed(report: CallReport) -> bool:
    """Whether a call may have cost something; with a full disk none is made."""
    started = report.kind is not OutcomeKind.NO_ROOM or report.http_status is not None
    return started and report.kind not in UNBILLED
