"""Calls: a job's calls to gateways, from the first to the one that ends it, and their rows.

Each call has its row, committed before the call and closed after it, with what it consumed. A job's
last one stays open: it is closed in the transaction that keeps what it brought. A call whose end
nobody saw, because the process ended meanwhile, keeps a row without an end for the operator
(docs/decisions/0014).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

import structlog

from bot.catalogue.models import Catalogue
from bot.catalogue.profiles import Profile
from bot.domain import (
    Answer,
    CallReport,
    ClaimLost,
    Cost,
    CostSource,
    Drawn,
    Job,
    OutcomeKind,
    Request,
    StorageLost,
    StorageUnavailable,
    TextCall,
    TryLater,
    Undrawn,
    Usage,
)
from bot.gateway.client import GatewayClient
from bot.gateway.request import ImageRequest, InputImage
from bot.jobs import retries
from bot.jobs.gone_models import GoneModels
from bot.jobs.queue import Latencies
from bot.media.bounds import Bounds
from bot.media.inputs import Inputs, PreparedInput
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
_CIRCUITS_OPEN = Undrawn(
    OutcomeKind.UNAVAILABLE,
    "too many calls failed in a row: the gateway is left alone for a while",
)


class ProgressView(Protocol):
    """Shows in the chat how the drawing goes; never waits, never fails."""

    def words(self, text: str) -> None:
        """Show what the model has said so far."""

    def instead(self, label: str) -> None:
        """Show that another model draws."""

    async def refused(self) -> bool:
        """Wait until something was said of the job; whether the chat refuses that for good.

        Raises TryLater where nothing could be said in some seconds.
        """


@dataclass(frozen=True, slots=True)
class ModelCalls:
    """Has a job's picture generated: again where that is free, elsewhere where that is right.

    `place` is waited for at a gateway where other processes call it, too.
    """

    catalogue: Catalogue
    gateways: Mapping[str, GatewayClient]
    recorder: CallRecorder
    latencies: Latencies
    gone: GoneModels
    inputs: Inputs
    max_pixels: int
    max_bytes: int
    clock: Callable[[], datetime]
    jitter: Callable[[], float] = random.random
    place: Callable[[str], AbstractAsyncContextManager[None]] | None = None

    def chain(self, request: Request) -> list[Profile]:
        """The models that may draw a request, the one that it names first unless that is gone."""
        first = self.catalogue.get(request.model)
        if first is None:
            return []
        chain = [first, *self.catalogue.fallbacks(first, self.clock().date())]
        return self.gone.last([profile for profile in chain if _takes(profile, request)])

    def first(self, chain: Sequence[Profile]) -> Profile | None:
        """The model that is asked first; None if there is none, or it cannot be called now."""
        first = next(iter(chain), None)
        return None if first is None or self._circuit_open(first) else first

    def charge(self, tx: Transaction, job: Job) -> int | None:
        """What a drawn job counts as; None if as much as was reserved for it.

        A model that stood in counts by its own sizes, but never more than was announced.
        """
        asked = self.catalogue.get(job.request.model)
        if asked is None or (most := asked.charge(job.request.size)) == 1:
            return None
        drew = self.catalogue.get(job.drawn_by or "")
        if drew is None or drew is asked:
            return None
        size = job.request.size if job.request.size in drew.sizes else None
        charge = min(drew.charge(size), tx.ledger.reserved(job.id))
        return charge if charge < most else None

    async def generate(
        self,
        job: Job,
        chain: Sequence[Profile],
        files: Sequence[str],
        call_id: int | None,
        progress: ProgressView,
    ) -> tuple[Answer, int | None]:
        """Ask one model of the chain after the other; tells the answer and its call's open row.

        `files` name the request's pictures in the media store, `call_id` a row that is there
        already. Raises InputError where a picture cannot be used.
        """
        first_failure: Answer | None = None
        ruled_out: set[str] = set()
        for profile in chain:
            if profile.gateway in ruled_out or (call_id is None and self._circuit_open(profile)):
                continue
            if profile.id != job.request.model:
                progress.instead(profile.label)
            request = await self._image_request(job, profile, files)
            answer, call_id = await self._call_repeatedly(job, request, call_id, progress)
            self.gone.note(profile, answer.report, chain)
            first_failure = first_failure or answer
            if isinstance(answer.outcome, Drawn):
                return answer, call_id
            if not retries.may_fall_back(
                answer.report
            ):  # what stood in does not hide why it had to
                return replace(answer, outcome=first_failure.outcome), call_id
            await self.recorder.end(job, call_id, answer.report)
            call_id = None
            if retries.rules_out_gateway(answer.report):
                ruled_out.add(profile.gateway)
            log.warning("gave up on a model", job=job.id, model=profile.id, kind=answer.report.kind)
        return first_failure or without_call(_CIRCUITS_OPEN), None

    def _circuit_open(self, profile: Profile) -> bool:
        return self.gateways[profile.gateway].open_for(profile.name) > 0

    async def _call_repeatedly(
        self, job: Job, request: ImageRequest, call_id: int | None, progress: ProgressView
    ) -> tuple[Answer, int]:
        """Make a call, and make it again as long as that costs nothing."""
        repeats, waited = 0, 0.0
        while True:
            if call_id is None:
                call_id = await self.recorder.begin(job, request.profile)
            answer = await self._call(job, request, call_id, progress)
            report = answer.report
            if retries.asks_for_picture(report, request.profile, insisted=request.insist):
                request, seconds = replace(request, insist=True), 0.0
            else:
                delay = retries.delay(report, repeats, self.jitter(), waited)
                if delay is None or self._circuit_open(request.profile):
                    return answer, call_id
                repeats, seconds, waited = repeats + 1, delay, waited + delay
            await self.recorder.end(job, call_id, report)
            call_id = None
            log.info("asking again", job=job.id, kind=report.kind, seconds=round(seconds, 1))
            await asyncio.sleep(seconds)

    async def _call(
        self, job: Job, request: ImageRequest, call_id: int, progress: ProgressView
    ) -> Answer:
        gateway = self.gateways[request.profile.gateway]
        try:
            prompt = job.chat_id, job.message_id
            ask = partial(gateway.generate, request, on_text=progress.words, prompt=prompt)
            if self.place is None:
                answer = await ask()
            else:
                async with self.place(gateway.name):
                    answer = await ask()
        except asyncio.CancelledError:
            await self.recorder.interrupt(job, call_id)
            raise
        if answer.report.kind is OutcomeKind.DRAWN:
            self.latencies.note(request.profile.id, answer.report.latency_ms)
        return replace(answer, report=replace(answer.report, model=request.profile.id))

    async def _image_request(
        self, job: Job, profile: Profile, files: Sequence[str]
    ) -> ImageRequest:
        request, work = job.request, f"{job.id}-{job.created_at.timestamp():.0f}"
        bounds = Bounds(
            max_pixels=self.max_pixels,
            max_bytes=self.max_bytes,
            side=profile.input_side,
            size=profile.input_bytes,
        )
        pictures = files[:-1] if request.mask else files
        inputs = [await self.inputs.fit(sha256, bounds, work) for sha256 in pictures]
        mask = (
            await self.inputs.fit_mask(files[-1], inputs[0], bounds, work) if request.mask else None
        )
        return ImageRequest(
            prompt=request.prompt,
            profile=profile,
            inputs=tuple(map(_sent, inputs)),
            aspect_ratio=_ratio(request, profile, inputs),
            size=request.size if request.size in profile.sizes else None,
            mask=_sent(mask) if mask else None,
        )


@dataclass(frozen=True, slots=True)
class CallRecorder:
    """Keeps the rows of calls, and counts what they consumed: once, also when repeated."""

    store: Store
    gateways: Mapping[str, GatewayClient]
    clock: Callable[[], datetime]

    async def begin(self, job: Job, profile: Profile) -> int:
        """Commit the row of a call that is about to be made; raises ClaimLost."""
        return await self.store.write(self._begin, job, profile)

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

    async def unmade(self, call_id: int) -> None:
        """Commit that a call was not made after all."""
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


def nearest_ratio(ratios: Sequence[str], width: int, height: int) -> str:
    """Choose the ratio, such as `16:9`, that a picture has to change least for."""

    def change(ratio: str) -> float:
        across, _, down = ratio.partition(":")
        wanted, current = int(across) * height, int(down) * width
        return max(wanted, current) / min(wanted, current)

    return min(ratios, key=change)


def without_call(outcome: Undrawn) -> Answer:
    return Answer(outcome, CallReport(outcome.kind, detail=outcome.detail))


def _takes(profile: Profile, request: Request) -> bool:
    """Whether a model can do what is asked; sizes and ratios are given up where it cannot."""
    return profile.takes(len(request.sources) - request.mask, mask=request.mask)


def _ratio(request: Request, profile: Profile, inputs: Sequence[PreparedInput]) -> str | None:
    if request.aspect_ratio in profile.aspect_ratios:
        return request.aspect_ratio
    if not inputs or not profile.aspect_ratios:
        return None
    return nearest_ratio(profile.aspect_ratios, inputs[0].width, inputs[0].height)


def _sent(prepared: PreparedInput) -> InputImage:
    return InputImage(sha256=prepared.sha256, mime=prepared.mime, size=prepared.size)


def _may_be_billed(report: CallReport) -> bool:
    """Whether a call may have cost something; with a full disk none is made."""
    started = report.kind is not OutcomeKind.NO_ROOM or report.http_status is not None
    return started and report.kind not in UNBILLED
