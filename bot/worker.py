"""The worker: claims a job, has it drawn, keeps the result, delivers it, ends it.

`accepted → running → rendered → delivered | refused | failed | cancelled | expired`. Each arrow is
one commit, conditional on the attempt number of the claim, so a crash between any two continues
from the last one, and whoever lost his claim changes nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import structlog

from bot.calls import STORAGE_PAUSE, STORAGE_TRIES
from bot.domain import (
    Answer,
    Drawn,
    Job,
    JobState,
    OutcomeKind,
    StorageUnavailable,
    TryLater,
    Unreachable,
    Wake,
)
from bot.drawing import EXPIRY
from bot.steps import finished

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from bot.accounts import Accounts
    from bot.calls import Calls
    from bot.domain import Picture
    from bot.drawing import Drawing
    from bot.storage.engine import Store


log = structlog.get_logger(__name__)

SOONEST, LATEST = 5.0, 300.0  # seconds between two tries to deliver

FINAL_STATES = {
    OutcomeKind.DRAWN: JobState.DELIVERED,
    OutcomeKind.REFUSED: JobState.REFUSED,
    OutcomeKind.TEXT_ONLY: JobState.REFUSED,
    OutcomeKind.CANCELLED: JobState.CANCELLED,
    OutcomeKind.EXPIRED: JobState.EXPIRED,
}


class Deliver(Protocol):
    """Puts a job's result into its chat, so often called as you like; it stands there once.

    Raises Unreachable where that is impossible and TryLater where it is now.
    """

    def __call__(self, job: Job, pictures: list[Picture], *, again: bool) -> Awaitable[None]:
        """Deliver."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """A job in the state `rendered`, with its pictures in order."""

    job: Job
    pictures: list[Picture]


class Timers(Protocol):
    """Wakes jobs, now or later."""

    def wake(self, wakes: list[Wake]) -> None:
        """Have jobs run."""

    def later(self, wake: Wake, seconds: float) -> None:
        """Have a job run after a while."""


class Worker:
    """Performs one job at a time for each caller; holds no state between jobs."""

    def __init__(
        self,
        *,
        store: Store,
        accounts: Accounts,
        drawing: Drawing,
        calls: Calls,
        dispatch: Timers,
        deliver: Deliver,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._drawing = drawing
        self._calls = calls
        self._dispatch = dispatch
        self._deliver = deliver
        self._clock = clock

    async def perform(self, wake: Wake) -> None:
        """Bring one job as far as it goes now; a void wake does nothing."""
        try:
            await self._perform(wake)
        except StorageUnavailable:
            log.exception("the database does not answer", job=wake.job_id)
            await self._find_again(wake)

    async def _perform(self, wake: Wake) -> None:
        job, call = await self._claim(wake)
        if job is None:
            return
        if job.state is JobState.RENDERED:
            await self._finish(await self._result(job), again=True)
            return
        answer, call = await self._drawing.draw(job, call)
        kept = await self._kept(job, answer, call)
        if kept:
            await self._finish(kept, again=False)

    async def _claim(self, wake: Wake) -> tuple[Job | None, int | None]:
        """Claim the job; where nothing must be fetched first, note its call in the same commit."""
        async with self._store.transaction() as tx:
            job = await tx.jobs.claim(wake, self._clock())
            call = None
            if job and job.state is JobState.RUNNING:
                call = await self._drawing.note_call(tx, job)
        return job, call

    async def _result(self, job: Job) -> Result:
        """Read what an earlier claim has kept."""
        async with self._store.reading() as tx:
            return Result(job, await tx.pictures.of_job(job.id))

    async def _kept(self, job: Job, answer: Answer, call: int | None) -> Result | None:
        """Keep an answer as long as it takes: what was paid for is not given up for a busy disk."""
        for _ in range(STORAGE_TRIES):
            try:
                return await finished(self._keep(job, answer, call))
            except StorageUnavailable:
                log.exception("an answer cannot be kept yet", job=job.id)
                await asyncio.sleep(STORAGE_PAUSE)
        return await self._keep(job, answer, call)

    async def _keep(self, job: Job, answer: Answer, call: int | None) -> Result | None:
        """Commit what came back before anybody hears of it; None if the claim was lost."""
        at = self._clock()
        outcome, report = answer.outcome, answer.report
        async with self._store.transaction() as tx:
            if call is not None:
                await self._calls.close(tx, job, call, report)
            kept = await tx.jobs.keep(job.id, job.claim, outcome, at)
            drawn = kept and isinstance(outcome, Drawn)
            pictures = await tx.pictures.of_job(job.id) if drawn else []
        log.info(
            "drawn" if isinstance(outcome, Drawn) else "not drawn",
            job=job.id,
            outcome=report.kind,
            status=report.http_status,
            detail=report.detail[:200],
            ms=report.latency_ms,
        )
        return Result(kept, pictures) if kept else None

    async def _finish(self, result: Result, *, again: bool) -> None:
        job, pictures = result.job, result.pictures
        kind = job.outcome or OutcomeKind.INTERNAL
        try:
            await self._deliver(job, pictures, again=again)
        except Unreachable:
            kind = OutcomeKind.UNDELIVERABLE
        except StorageUnavailable:
            raise
        except Exception as error:  # whatever it is: a paid result is not given up at once
            if not isinstance(error, TryLater):
                log.exception("delivery failed unexpectedly", job=job.id)
            if not self._overdue(job):
                self._postpone(job, error.seconds if isinstance(error, TryLater) else LATEST)
                return
            kind = OutcomeKind.UNDELIVERABLE
        await self._end(job, kind, len(pictures))

    def _overdue(self, job: Job) -> bool:
        return self._clock() - (job.rendered_at or job.created_at) > EXPIRY

    def _postpone(self, job: Job, seconds: float) -> None:
        """Try again after as long as the result has waited: often at first, then rarely."""
        waited = (self._clock() - (job.rendered_at or job.created_at)).total_seconds()
        delay = min(max(seconds, waited / 2, SOONEST), max(LATEST, seconds))
        log.warning("delivery postponed", job=job.id, seconds=round(delay))
        self._dispatch.later(Wake(job.id, job.claim), delay)

    async def _end(self, job: Job, kind: OutcomeKind, pictures: int) -> None:
        """End the job, settle or release its reservation, and admit the account's next."""
        at = self._clock()
        state = FINAL_STATES.get(kind, JobState.FAILED)
        async with self._store.transaction() as tx:
            ended = await tx.jobs.end(job.id, job.claim, state, kind, job.detail, at)
            if ended is None:
                return
            if state is JobState.DELIVERED:
                charged = None if pictures else 0  # None is what was reserved
                await tx.ledger.settle(job.id, charged, at, also=job.told_in)
            elif (released := await tx.ledger.release(job.id, at)) and job.allowed:
                await tx.allowances.give_back(
                    ended.chat_id, ended.account_id, released, ended.created_at
                )
            wakes = await tx.jobs.admit(job.account_id, self._accounts.limits.concurrency)
        self._dispatch.wake(wakes)

    async def _find_again(self, wake: Wake) -> None:
        """Come back to a job that the database did not let us finish, once it answers again."""
        for _ in range(STORAGE_TRIES):
            await asyncio.sleep(STORAGE_PAUSE)
            try:
                async with self._store.reading() as tx:
                    job = await tx.jobs.get(wake.job_id)
            except StorageUnavailable:
                continue
            if job and not job.state.final:
                self._dispatch.wake([Wake(job.id, job.claim)])
            return
