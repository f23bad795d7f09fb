"""The worker: claims a job, has it drawn, keeps the result, delivers it, ends it.

`accepted → running → rendered → delivered | refused | failed | cancelled | expired`. Each arrow is
one commit, conditional on the number of the claim, so a crash between any two continues from the
last one, and whoever lost his claim changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from bot.billing.limits import Limits
from bot.catalogue.profiles import Profile
from bot.domain import (
    Answer,
    Arrival,
    ClaimLost,
    Drawn,
    InputError,
    InputProblem,
    Job,
    JobState,
    MediaUnavailable,
    OutcomeKind,
    Picture,
    Source,
    StorageLost,
    StorageUnavailable,
    TryLater,
    Undrawn,
    Unreachable,
    Wake,
)
from bot.jobs.call_recorder import STORAGE_PAUSE, STORAGE_TRIES, CallRecorder, persist
from bot.jobs.calls import ModelCalls, ProgressView, without_call
from bot.jobs.dispatch import Claimed, Dispatch
from bot.storage.engine import Store
from bot.storage.transaction import Transaction
from bot.storage.wait import run_to_completion

log = structlog.get_logger(__name__)

EXPIRY = timedelta(hours=24)  # a job that waited longer surprises more than it helps
MOST_INTERRUPTED = 6  # calls cut off by ends of the process: a job that kills it would buy for ever
SOONEST, LATEST = 5.0, 300.0  # seconds between two tries to deliver

FINAL_STATES = {
    OutcomeKind.DRAWN: JobState.DELIVERED,
    OutcomeKind.REFUSED: JobState.REFUSED,
    OutcomeKind.TEXT_ONLY: JobState.REFUSED,
    OutcomeKind.CANCELLED: JobState.CANCELLED,
    OutcomeKind.EXPIRED: JobState.EXPIRED,
}


class Chat(Protocol):
    """The chat of a job, where its drawing is shown and its result delivered."""

    def accompany(self, job: Job) -> AbstractAsyncContextManager[ProgressView]: ...

    def deliver(
        self, job: Job, pictures: list[Picture], *, again: bool
    ) -> Awaitable[Arrival | None]:
        """Put a job's result into its chat, so often called as you like; it stands there once.

        `again` says that an earlier try may have begun it. Tells what is left to be noted with the
        job's end: where the last picture stands. Raises Unreachable where that is impossible and
        TryLater where it is now.
        """
        ...


class _Unsaid(Exception):
    """Nobody could be told of the job yet, or no picture read or kept; it may be in so many `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Worker:
    """Performs one job at a time for each caller; holds no state between jobs.

    `fetch` brings a source's bytes into the media store and names them (raises InputError and
    TryLater), `has_space` tells whether what is bought can be kept.
    """

    store: Store
    limits: Callable[[int], Limits]
    calls: ModelCalls
    recorder: CallRecorder
    dispatch: Dispatch
    fetch: Callable[[Source], Awaitable[str]]
    has_space: Callable[[], Awaitable[bool]]
    chat_of: Callable[[Job], Chat]
    clock: Callable[[], datetime]

    async def perform(self, wake: Wake | Claimed) -> None:
        """Bring one job as far as it goes now; a void wake does nothing."""
        try:
            await self._perform(wake)
        except StorageLost as lost:  # the bot is stopping
            log.error("a job is left as it is", job=wake.job_id, reason=str(lost))  # noqa: TRY400 - expected
        except StorageUnavailable:
            log.exception("the database does not answer", job=wake.job_id)
            await self._find_again(wake)

    async def _perform(self, wake: Wake | Claimed) -> None:
        if isinstance(wake, Claimed):
            claimed: Claimed | None = wake
        else:
            claimed = await run_to_completion(self.store.write(self._claim, wake), self._unclaim)
        if claimed is None:
            return
        job, call_id = claimed.job, claimed.call_id
        if job.state is JobState.RENDERED:
            pictures = await self.store.read(lambda tx: tx.pictures.of_job(job.id))
            await self._finish(job, pictures, again=True)
            return
        try:
            answer, call_id = await self._draw(job, claimed.chain, call_id)
        except _Unsaid as unsaid:
            await self.store.write(self._put_back, job, unsaid.seconds)
            return
        if (kept := await self._keep(job, answer, call_id)) is not None:
            await self._finish(*kept, again=False)

    def _claim(self, tx: Transaction, wake: Wake) -> Claimed | None:
        job = tx.jobs.claim(wake, self.clock())
        return self.begin_in(tx, job) if job else None

    async def _unclaim(self, claimed: Claimed | None) -> None:
        if claimed:
            await self.recorder.unmade(claimed.call_id)

    def begin_in(self, tx: Transaction, job: Job) -> Claimed:
        """Say who may draw a claimed job, in order.

        Where nothing must be fetched first, its call is noted in the same commit.
        """
        if job.state is not JobState.RUNNING:
            return Claimed(job)
        chain = self.calls.chain(job.request)
        profile = None if job.request.sources else self.calls.first(chain)
        return Claimed(job, chain, self.recorder.begin_in(tx, job, profile) if profile else None)

    async def _draw(
        self, job: Job, chain: Sequence[Profile], call_id: int | None
    ) -> tuple[Answer, int | None]:
        """Have the job drawn; tells the answer and the row of the call that brought it.

        Whatever goes wrong is an answer, a mistake of ours included; only StorageUnavailable is
        raised, _Unsaid where nobody is told of it yet or no picture can be kept, and CancelledError.
        """
        try:
            async with AsyncExitStack() as stack:
                async with self.recorder.before(call_id):
                    if kind := await self._obstacle(job, chain):
                        return without_call(Undrawn(kind)), call_id
                    progress = await stack.enter_async_context(self.chat_of(job).accompany(job))
                    files = [await self.fetch(source) for source in job.request.sources]
                    if await _is_refused(progress):
                        return without_call(Undrawn(OutcomeKind.UNDELIVERABLE)), call_id
                    if not self.dispatch.is_current:
                        await self.store.write(_check_claim, job)
                return await self.calls.generate(job, chain, files, call_id, progress)
        except MediaUnavailable as later:  # nothing was bought with what cannot be read or kept
            raise _Unsaid(later.seconds) from later
        except (InputError, TryLater) as error:
            problem = error.problem if isinstance(error, InputError) else InputProblem.NOT_FETCHED
            return without_call(Undrawn(OutcomeKind.BAD_INPUT, problem)), call_id
        except ClaimLost:  # this process slept, and another has the job: nothing is kept of it
            return without_call(Undrawn(OutcomeKind.INTERRUPTED)), call_id
        except (StorageUnavailable, _Unsaid):
            raise
        except Exception:  # the user hears of it and is not charged; the operator reads the log
            log.exception("drawing failed unexpectedly", job=job.id)
            return without_call(Undrawn(OutcomeKind.INTERNAL)), call_id

    async def _obstacle(self, job: Job, chain: Sequence[Profile]) -> OutcomeKind | None:
        """Tell why no model of the chain is asked, if none is."""
        if self.clock() - job.created_at > EXPIRY:
            return OutcomeKind.EXPIRED
        if await self.recorder.interrupted(job) >= MOST_INTERRUPTED:
            return OutcomeKind.INTERRUPTED
        if not chain:
            return OutcomeKind.UNKNOWN_MODEL
        return None if await self.has_space() else OutcomeKind.NO_ROOM

    async def _keep(
        self, job: Job, answer: Answer, call_id: int | None
    ) -> tuple[Job, list[Picture]] | None:
        """Commit what came back before anybody hears of it; None if the claim was lost."""
        write = partial(self.store.write, self._keep_in, job, answer, call_id)
        kept = await persist(write, "an answer cannot be kept yet", job=job.id)
        report = answer.report
        log.info(
            "drawn" if isinstance(answer.outcome, Drawn) else "not drawn",
            job=job.id,
            user=job.account_id,
            chat=job.chat_id,
            model=report.model or job.request.model,
            outcome=report.kind,
            status=report.http_status,
            **report.logged,
            ms=report.latency_ms,
            cost=str(report.usage.cost),
        )
        return kept

    def _keep_in(
        self, tx: Transaction, job: Job, answer: Answer, call_id: int | None
    ) -> tuple[Job, list[Picture]] | None:
        tx.jobs.holds(job)  # before its call and counters, as who cancels or erases it
        if call_id is not None:
            self.recorder.end_in(tx, job, call_id, answer.report)
        return tx.jobs.keep(job.id, job.claim, answer.outcome, self.clock(), answer.report.model)

    async def _finish(self, job: Job, pictures: list[Picture], *, again: bool) -> None:
        kind, arrival = job.outcome or OutcomeKind.INTERNAL, None
        try:
            arrival = await self.chat_of(job).deliver(job, pictures, again=again)
        except Unreachable:
            kind = OutcomeKind.UNDELIVERABLE
        except StorageUnavailable:
            raise
        except Exception as error:  # whatever it is: a paid result is not given up at once
            if not isinstance(error, TryLater):
                log.exception("delivery failed unexpectedly", job=job.id)
            if self._waited(job) <= EXPIRY:
                seconds = error.seconds if isinstance(error, TryLater) else LATEST
                await self.store.write(self._postpone, job, seconds)
                return
            kind = OutcomeKind.UNDELIVERABLE
        await self.store.write(self._end, job, kind, len(pictures), arrival)

    def _put_back(self, tx: Transaction, job: Job, seconds: float) -> None:
        """Draw nothing of which nobody could be told; the job waits, and holds no slot."""
        if not tx.jobs.put_back(job.id, job.claim):
            return
        delay = self._delay(job, seconds)
        log.warning(
            "nothing can be said or kept yet, so nothing is drawn", job=job.id, seconds=delay
        )
        self.dispatch.later_in(tx, Wake(job.id, job.claim), delay)

    def _waited(self, job: Job) -> timedelta:
        return self.clock() - (job.rendered_at or job.created_at)

    def _delay(self, job: Job, seconds: float) -> float:
        """Tell after how many seconds to try again: often at first, as long as it waits more rarely."""
        waited = self._waited(job).total_seconds()
        return min(max(seconds, waited / 2, SOONEST), max(LATEST, seconds))

    def _postpone(self, tx: Transaction, job: Job, seconds: float) -> None:
        """Try again after a while; meanwhile the account's next job is drawn."""
        tx.jobs.take_turn(job.account_id)  # before its job, as a ban
        if not tx.jobs.postpone(job.id, job.claim):
            return
        delay = self._delay(job, seconds)
        log.warning("delivery postponed", job=job.id, seconds=round(delay))
        self.dispatch.later_in(tx, Wake(job.id, job.claim, said=True), delay)
        admitted = tx.jobs.admit(job.account_id, self.limits(job.account_id).concurrency)
        self.dispatch.wake_in(tx, admitted)

    def _end(
        self,
        tx: Transaction,
        job: Job,
        kind: OutcomeKind,
        pictures: int,
        arrival: Arrival | None,
    ) -> None:
        """End the job, settle or release its reservation, and admit the account's next."""
        # The account's turn as a ban, the job, then what is its own as an erasure: in another order
        # two wait for each other on Postgres.
        tx.jobs.take_turn(job.account_id)
        tx.jobs.holds(job)
        if arrival:
            tx.pictures.arrive(arrival)
        if kind is OutcomeKind.UNDELIVERABLE and tx.pictures.arrived(job.id):
            kind = OutcomeKind.DRAWN  # shown or not, inline results and /history give it back
        at, state = self.clock(), FINAL_STATES.get(kind, JobState.FAILED)
        ended = tx.jobs.end(job.id, job.claim, state, kind, job.detail, at)
        if ended is None:
            return
        tx.after_commit(self.store.meter.job_ended, ended)
        admitted = tx.jobs.admit(job.account_id, self.limits(job.account_id).concurrency)
        self.dispatch.wake_in(tx, admitted)
        if state is JobState.DELIVERED:
            self._settle(tx, job, pictures, at)
        elif (released := tx.ledger.release(job.id, at)) and job.allowed:
            tx.allowances.give_back(ended.chat_id, ended.account_id, released, ended.created_at)

    def _settle(self, tx: Transaction, job: Job, pictures: int, at: datetime) -> None:
        """Charge what was reserved, or less where a model drew that counts less."""
        charged = self.calls.charge(tx, job) if pictures else 0
        tx.ledger.settle(job.id, charged, at, also=job.counted_in)
        if charged is not None and job.allowed:
            left = tx.ledger.reserved(job.id) - charged
            tx.allowances.give_back(job.chat_id, job.account_id, left, job.created_at)

    async def _find_again(self, wake: Wake | Claimed) -> None:
        """Come back to a job that the database did not let us finish, once it answers again."""
        for _ in range(STORAGE_TRIES):
            await asyncio.sleep(STORAGE_PAUSE)
            try:
                await self.store.write(self._wake_again, wake.job_id)
            except StorageUnavailable:
                continue
            return

    def _wake_again(self, tx: Transaction, job_id: int) -> None:
        job = tx.jobs.get(job_id)
        if job and not job.state.final:
            self.dispatch.wake_in(tx, [Wake(job.id, job.claim)])


async def _is_refused(progress: ProgressView) -> bool:
    try:
        return await progress.refused()
    except TryLater as later:
        raise _Unsaid(later.seconds) from later


def _check_claim(tx: Transaction, job: Job) -> None:
    if not tx.jobs.holds(job):
        raise ClaimLost
