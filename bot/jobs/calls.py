"""Calls: a job's calls to gateways, from the first to the one that ends it, and their rows.

Each call has its row, committed before the call and closed after it, with what it consumed. A job's
last one stays open: it is closed in the transaction that keeps what it brought. A call whose end
nobody saw, because the process ended meanwhile, keeps a row without an end for the operator
(docs/decisions/0014).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar

import structlog

from bot.catalogue.models import Catalogue
from bot.catalogue.profiles import Profile
from bot.domain import (
    Answer,
    CallReport,
    Drawn,
    Job,
    OutcomeKind,
    Request,
    Undrawn,
)
from bot.gateway.client import GatewayClient
from bot.gateway.request import ImageRequest, InputImage
from bot.jobs import retries
from bot.jobs.call_recorder import CallRecorder
from bot.jobs.gone_models import GoneModels
from bot.jobs.queue import Latencies
from bot.media.bounds import Bounds
from bot.media.inputs import Inputs, PreparedInput
from bot.storage.transaction import Transaction

log = structlog.get_logger(__name__)
T = TypeVar("T")

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
        gateway, prompt = self.gateways[request.profile.gateway], (job.chat_id, job.message_id)
        try:
            async with AsyncExitStack() as stack:
                if self.place:
                    async with self.recorder.before(call_id):
                        await stack.enter_async_context(self.place(gateway.name))
                answer = await gateway.generate(request, on_text=progress.words, prompt=prompt)
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
