"""Asking: a job's calls to gateways, from the first to the one that ends it.

Each call has its row, committed before the call and closed after it. The last one stays open: it
is closed in the transaction that keeps what it brought.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

import structlog

from bot.domain import Answer, CallReport, OutcomeKind, StorageUnavailable, Undrawn
from bot.domain.clock import run_to_completion
from bot.gateway.request import ImageRequest, InputImage
from bot.jobs import retries
from bot.media.inputs import Bounds, PreparedInput, fit, fit_mask

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from bot.catalogue.models import Catalogue
    from bot.catalogue.profiles import Profile
    from bot.domain import Job, Request, TextCall
    from bot.gateway.client import GatewayClient
    from bot.jobs.queue import Latencies
    from bot.media.store import MediaStore
    from bot.storage.engine import Store
    from bot.storage.transaction import Transaction


log = structlog.get_logger(__name__)


class ProgressView(Protocol):
    """Shows in the chat how the drawing goes; never waits, never fails."""

    def words(self, text: str) -> None:
        """Show what the model has said so far."""

    def instead(self, label: str) -> None:
        """Show that another model draws."""


class ModelCalls:
    """Asks for a job's picture: again where that is free, elsewhere where that is right."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        gateways: Mapping[str, GatewayClient],
        calls: CallRecorder,
        latencies: Latencies,
        media: MediaStore,
        max_pixels: int,
        max_bytes: int,
        clock: Callable[[], datetime],
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._catalogue = catalogue
        self._gateways = gateways
        self._calls = calls
        self._latencies = latencies
        self._media = media
        self._max_pixels = max_pixels
        self._max_bytes = max_bytes
        self._clock = clock
        self._dice = dice

    def chain(self, request: Request) -> list[Profile]:
        """List the models that may draw a request, the chosen one first."""
        chosen = self._catalogue.get(request.model)
        if chosen is None:
            return []
        chain = [chosen, *self._catalogue.fallbacks(chosen, self._clock().date())]
        return [profile for profile in chain if _able(profile, request)]

    def first(self, request: Request) -> Profile | None:
        """Name the model that is asked first; None if none can be asked now."""
        return next((p for p in self.chain(request) if not self._rests(p)), None)

    async def ask(
        self, job: Job, files: Sequence[str], call: int | None, show: ProgressView
    ) -> tuple[Answer, int | None]:
        """Ask one model after the other; tells the answer and the call's row, which is open.

        `files` name the request's pictures in the media store, `call` a row that is there already.
        Raises InputError where a picture cannot be used.
        """
        failed: Answer | None = None
        barred: set[str] = set()
        for profile in self.chain(job.request):
            if profile.gateway in barred or (call is None and self._rests(profile)):
                continue
            if profile.id != job.request.model:
                show.instead(profile.label)
            order = await self._order(job.request, profile, files)
            answer, call = await self._repeatedly(job, order, call, show)
            failed = failed or answer
            if not retries.elsewhere(answer.report):
                return answer, call
            await self._calls.end(job, call, answer.report)
            call = None
            barred |= {profile.gateway} if retries.bars(answer.report) else set()
            log.warning("gave up on a model", job=job.id, model=profile.id, kind=answer.report.kind)
        return failed or _resting(), None

    def _rests(self, profile: Profile) -> bool:
        """Whether a model's gateway has failed so often that it is left alone for a while."""
        return self._gateways[profile.gateway].open_for() > 0

    async def _repeatedly(
        self, job: Job, order: ImageRequest, call: int | None, show: ProgressView
    ) -> tuple[Answer, int]:
        """Make a call, and make it again as long as that costs nothing."""
        repeats, waited = 0, 0.0
        while True:
            if call is None:
                call = await self._calls.begin(job, order.profile)
            answer = await self._once(job, order, call, show)
            if retries.reply_required(answer.report, order.profile, insisted=order.insist):
                order, seconds = replace(order, insist=True), 0.0
            else:
                again = retries.pause(answer.report, repeats, self._dice(), waited)
                if again is None or self._rests(order.profile):
                    return answer, call
                repeats, seconds, waited = repeats + 1, again, waited + again
            await self._calls.end(job, call, answer.report)
            call = None
            log.info("asking again", job=job.id, kind=answer.report.kind, seconds=round(seconds, 1))
            await asyncio.sleep(seconds)

    async def _once(self, job: Job, order: ImageRequest, call: int, show: ProgressView) -> Answer:
        gateway = self._gateways[order.profile.gateway]
        try:
            answer = await gateway.generate(order, progress=show.words)
        except asyncio.CancelledError:
            await self._cut(job, call)
            raise
        if answer.report.kind is OutcomeKind.DRAWN:
            self._latencies.note(order.profile.id, answer.report.latency_ms)
        return answer

    async def _cut(self, job: Job, call: int) -> None:
        """Note that a call was broken off; where that cannot be, its row stays without an end."""
        try:
            await run_to_completion(self._calls.cut(job, call, CallReport(OutcomeKind.CANCELLED)))
        except StorageUnavailable:
            log.exception("a broken off call cannot be noted", job=job.id)

    async def _order(
        self, request: Request, profile: Profile, files: Sequence[str]
    ) -> ImageRequest:
        bounds = Bounds(
            max_pixels=self._max_pixels,
            max_bytes=self._max_bytes,
            side=profile.input_side,
            size=profile.input_bytes,
        )
        drawn_from = files[:-1] if request.mask else files
        ready = [await fit(self._media, sha256, bounds) for sha256 in drawn_from]
        mask = await fit_mask(self._media, files[-1], ready[0], bounds) if request.mask else None
        return ImageRequest(
            prompt=request.prompt,
            profile=profile,
            inputs=tuple(map(_input, ready)),
            aspect_ratio=_ratio(request, profile, ready),
            size=request.size if request.size in profile.sizes else None,
            mask=_input(mask) if mask else None,
        )


def _able(profile: Profile, request: Request) -> bool:
    """Whether a model can do what is asked; sizes and ratios are given up where it cannot."""
    return profile.takes(len(request.sources) - request.mask, mask=request.mask)


def _ratio(request: Request, profile: Profile, inputs: Sequence[PreparedInput]) -> str | None:
    """Take the chosen ratio, else the one that is nearest to the first picture."""
    if request.aspect_ratio in profile.aspect_ratios:
        return request.aspect_ratio
    if not inputs or not profile.aspect_ratios:
        return None
    return nearest(profile.aspect_ratios, inputs[0].width, inputs[0].height)


def nearest(ratios: Sequence[str], width: int, height: int) -> str:
    """Choose the ratio, such as `16:9`, that a picture has to change least for."""

    def change(ratio: str) -> float:
        across, _, down = ratio.partition(":")
        asked, is_now = int(across) * height, int(down) * width
        return max(asked, is_now) / min(asked, is_now)

    return min(ratios, key=change)


def _input(prepared: PreparedInput) -> InputImage:
    return InputImage(sha256=prepared.sha256, mime=prepared.mime, size=prepared.size)


def _resting() -> Answer:
    detail = "too many calls failed in a row: the gateway is left alone for a while"
    return unasked(Undrawn(OutcomeKind.UNAVAILABLE, detail))


def unasked(outcome: Undrawn) -> Answer:
    """Make the answer of an outcome that no gateway was asked for."""
    return Answer(outcome, CallReport(outcome.kind, detail=outcome.detail))


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


class CallRecorder:
    """Notes each call, and counts what it consumed."""

    def __init__(
        self, store: Store, gateways: Mapping[str, GatewayClient], clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._gateways = gateways
        self._clock = clock

    async def note(self, tx: Transaction, job: Job, profile: Profile) -> int:
        """Write the row of a call that is about to be made; tells its id."""
        route = profile.edit_route if job.request.sources else profile.route
        host = self._gateways[profile.gateway].host
        return await tx.attempts.start(
            job.id, job.attempt, profile.id, host, str(route), self._clock()
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
        if job.attempt == 1:
            return 0
        async with self._store.reading() as tx:
            return await tx.attempts.cut(job.id, job.attempt)

    async def end(self, job: Job, call: int, report: CallReport) -> None:
        """Commit what a call came to that is not a job's last, as long as that takes.

        Giving up would begin the job anew, and buy once more what this call has brought.
        """
        for _ in range(STORAGE_TRIES):
            try:
                return await run_to_completion(self._end(job, call, report))
            except StorageUnavailable:
                log.exception("a call cannot be closed yet", job=job.id)
                await asyncio.sleep(STORAGE_PAUSE)
        return await run_to_completion(self._end(job, call, report))

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
            if now and now.attempt != job.attempt:
                await tx.attempts.finish(call, report, self._clock())


def _billed(report: CallReport) -> bool:
    """Tell whether a call may have cost something; with a full disk none is begun."""
    begun = report.kind is not OutcomeKind.NO_ROOM or report.http_status is not None
    return begun and report.kind not in UNBILLED


T = TypeVar("T")


MOST_CUT = 2  # calls of one message that ended with their process; another would end it once more


class TextCalls:
    """Notes each call, counts what it consumed, and keeps what it brought."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def begin(self, errand: TextCall) -> int | None:
        """Commit the row of a call that is about to be made; None if it must not be made again."""
        async with self._store.transaction() as tx:
            if await tx.errands.cut(errand.chat_id, errand.message_id) >= MOST_CUT:
                log.error("not asked again: the process ended in each call", kind=errand.kind)
                return None
            return await tx.errands.start(errand, self._clock())

    async def end(
        self,
        call: int,
        errand: TextCall,
        report: CallReport,
        keep: Callable[[Transaction], Awaitable[T]],
    ) -> T:
        """Commit what a call came to, and what `keep` does with it, as long as that takes.

        Giving up would ask anew, and buy once more what this call has brought.
        """
        for _ in range(STORAGE_TRIES):
            try:
                return await run_to_completion(self._end(call, errand, report, keep))
            except StorageUnavailable:
                log.exception("what a call brought cannot be kept yet", kind=errand.kind)
                await asyncio.sleep(STORAGE_PAUSE)
        raise StorageUnavailable

    async def _end(
        self,
        call: int,
        errand: TextCall,
        report: CallReport,
        keep: Callable[[Transaction], Awaitable[T]],
    ) -> T:
        at = self._clock()
        async with self._store.transaction() as tx:
            await tx.errands.finish(call, report, at)
            if report.kind not in UNBILLED:
                await tx.ledger.spend((errand.account_id, errand.chat_id), report.usage, at)
            return await keep(tx)
