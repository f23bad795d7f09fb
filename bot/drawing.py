"""Drawing: a job's inputs are fetched, the gateway is asked, and the call leaves its trace."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import structlog

from bot.domain import (
    Answer,
    CallReport,
    InputError,
    InputProblem,
    Job,
    OutcomeKind,
    StorageUnavailable,
    TryLater,
    Undrawn,
)
from bot.media.inspect import to_gateway_format
from bot.upstream.client import Input, Order

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from bot.catalogue import Catalogue, Profile
    from bot.domain import Source
    from bot.media.store import MediaStore
    from bot.storage.engine import Store
    from bot.storage.transaction import Transaction
    from bot.upstream.client import Gateway

T = TypeVar("T")

log = structlog.get_logger(__name__)

EXPIRY = timedelta(hours=24)  # a job that waited longer surprises more than it helps
ROUTE = "chat/completions"


class Fetch(Protocol):
    """Brings a source's bytes into the media store and names them; raises InputError."""

    def __call__(self, source: Source) -> Awaitable[str]:
        """Fetch."""
        ...


class Accompany(Protocol):
    """Shows in the chat that a job is being drawn, for as long as the context is open."""

    def __call__(self, job: Job) -> AbstractAsyncContextManager[None]:
        """Accompany."""
        ...


class Drawing:
    """Turns a claimed job into the gateway's answer; what it may not lose it commits first."""

    def __init__(
        self,
        *,
        store: Store,
        catalogue: Catalogue,
        gateway: Gateway,
        media: MediaStore,
        max_pixels: int,
        max_bytes: int,
        fetch: Fetch,
        accompany: Accompany,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._gateway = gateway
        self._media = media
        self._max_pixels = max_pixels
        self._max_bytes = max_bytes
        self._fetch = fetch
        self._accompany = accompany
        self._clock = clock

    async def note_call(self, tx: Transaction, job: Job) -> int:
        """Write the row of a call that is about to be made; tells its id."""
        return await tx.attempts.start(
            job.id, job.attempt, job.request.model, self._gateway.host, ROUTE, self._clock()
        )

    async def draw(self, job: Job, call: int | None) -> tuple[Answer, int | None]:
        """Have the job drawn; tells the answer and the call's row, noted here unless given.

        Whatever goes wrong is an answer, a mistake of ours included; only StorageUnavailable is
        raised, and CancelledError.
        """
        try:
            return await self._draw(job, call)
        except StorageUnavailable:
            raise
        except Exception:  # the user hears of it and is not charged; the operator reads the log
            log.exception("drawing failed unexpectedly", job=job.id)
            return _unasked(Undrawn(OutcomeKind.INTERNAL)), call

    async def _draw(self, job: Job, call: int | None) -> tuple[Answer, int | None]:
        if self._clock() - job.created_at > EXPIRY:
            return _unasked(Undrawn(OutcomeKind.EXPIRED)), call
        profile = self._catalogue.get(job.request.model)
        if profile is None:
            return _unasked(Undrawn(OutcomeKind.UNKNOWN_MODEL)), call
        async with self._accompany(job):
            try:
                inputs = await self._inputs(job)
            except InputError as error:
                return _unasked(Undrawn(OutcomeKind.BAD_INPUT, error.problem)), call
            except TryLater:
                return _unasked(Undrawn(OutcomeKind.BAD_INPUT, InputProblem.NOT_FETCHED)), call
            if call is None:
                async with self._store.transaction() as tx:
                    call = await self.note_call(tx, job)
            return await self._ask_gateway(job, profile, inputs, call), call

    async def _inputs(self, job: Job) -> tuple[Input, ...]:
        inputs: list[Input] = []
        for source in job.request.sources:
            sha256 = await self._fetch(source)
            ready = await to_gateway_format(
                self._media, sha256, max_pixels=self._max_pixels, max_bytes=self._max_bytes
            )
            inputs.append(Input(sha256=ready.sha256, mime=ready.mime, size=ready.size))
        return tuple(inputs)

    async def _ask_gateway(
        self, job: Job, profile: Profile, inputs: tuple[Input, ...], call: int
    ) -> Answer:
        order = Order(
            prompt=job.request.prompt,
            profile=profile,
            inputs=inputs,
            aspect_ratio=job.request.aspect_ratio,
        )
        try:
            return await self._gateway.draw(order)
        except asyncio.CancelledError:
            await finished(self._note_cut_call(job, call))
            raise

    async def _note_cut_call(self, job: Job, call: int) -> None:
        """Note that a call was broken off because its job was called off; it may be billed yet.

        A call that the end of this process breaks off keeps a row without end, for it is made
        again.
        """
        async with self._store.transaction() as tx:
            now = await tx.jobs.get(job.id)
            if now and now.attempt != job.attempt:
                await tx.attempts.finish(call, CallReport(OutcomeKind.CANCELLED), self._clock())


async def finished(step: Coroutine[Any, Any, T]) -> T:
    """Do a step to its end, also where this task is cancelled meanwhile."""
    task = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _unasked(outcome: Undrawn) -> Answer:
    return Answer(outcome, CallReport(outcome.kind, detail=outcome.detail))
