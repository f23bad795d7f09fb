"""Asking: a job's calls to gateways, from the first to the one that ends it.

Each call has its row, committed before the call and closed after it. The last one stays open: it
is closed in the transaction that keeps what it brought.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import structlog

from bot import retries
from bot.domain import Answer, CallReport, OutcomeKind, StorageUnavailable, Undrawn
from bot.gateway.request import ImageRequest, InputImage
from bot.media.inputs import Bounds, Prepared, fit, fit_mask
from bot.steps import finished

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from bot.calls import Calls
    from bot.catalogue import Catalogue, Profile
    from bot.domain import Job, Request
    from bot.gateway.client import GatewayClient
    from bot.latencies import Latencies
    from bot.media.store import MediaStore

log = structlog.get_logger(__name__)


class Show(Protocol):
    """Shows in the chat how the drawing goes; never waits, never fails."""

    def words(self, text: str) -> None:
        """Show what the model has said so far."""

    def instead(self, label: str) -> None:
        """Show that another model draws."""


class Asking:
    """Asks for a job's picture: again where that is free, elsewhere where that is right."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        gateways: Mapping[str, GatewayClient],
        calls: Calls,
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
        self, job: Job, files: Sequence[str], call: int | None, show: Show
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
        self, job: Job, order: ImageRequest, call: int | None, show: Show
    ) -> tuple[Answer, int]:
        """Make a call, and make it again as long as that costs nothing."""
        repeats, waited = 0, 0.0
        while True:
            if call is None:
                call = await self._calls.begin(job, order.profile)
            answer = await self._once(job, order, call, show)
            if retries.insists(answer.report, order.profile, insisted=order.insist):
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

    async def _once(self, job: Job, order: ImageRequest, call: int, show: Show) -> Answer:
        gateway = self._gateways[order.profile.gateway]
        try:
            answer = await gateway.generate(order, on_text=show.words)
        except asyncio.CancelledError:
            await self._cut(job, call)
            raise
        if answer.report.kind is OutcomeKind.DRAWN:
            self._latencies.note(order.profile.id, answer.report.latency_ms)
        return answer

    async def _cut(self, job: Job, call: int) -> None:
        """Note that a call was broken off; where that cannot be, its row stays without an end."""
        try:
            await finished(self._calls.cut(job, call, CallReport(OutcomeKind.CANCELLED)))
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


def _ratio(request: Request, profile: Profile, inputs: Sequence[Prepared]) -> str | None:
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


def _input(prepared: Prepared) -> InputImage:
    return InputImage(sha256=prepared.sha256, mime=prepared.mime, size=prepared.size)


def _resting() -> Answer:
    detail = "too many calls failed in a row: the gateway is left alone for a while"
    return unasked(Undrawn(OutcomeKind.UNAVAILABLE, detail))


def unasked(outcome: Undrawn) -> Answer:
    """Make the answer of an outcome that no gateway was asked for."""
    return Answer(outcome, CallReport(outcome.kind, detail=outcome.detail))
