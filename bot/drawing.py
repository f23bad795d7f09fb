"""Drawing: a job's inputs are fetched and the gateways are asked; whatever happens is an answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import structlog

from bot.asking import unasked
from bot.domain import InputError, InputProblem, OutcomeKind, StorageUnavailable, TryLater, Undrawn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from bot.asking import Asking, Show
    from bot.calls import Calls
    from bot.domain import Answer, Job, Source
    from bot.storage.transaction import Transaction

log = structlog.get_logger(__name__)

EXPIRY = timedelta(hours=24)  # a job that waited longer surprises more than it helps
MOST_CUT = 6  # calls that ends of the process may cut off: a job that kills it would buy for ever


class Fetch(Protocol):
    """Brings a source's bytes into the media store and names them; raises InputError."""

    def __call__(self, source: Source) -> Awaitable[str]:
        """Fetch."""
        ...


class Room(Protocol):
    """Tells whether what is bought can be kept."""

    def __call__(self) -> Awaitable[bool]:
        """Tell."""
        ...


class Accompany(Protocol):
    """Shows in the chat that a job is being drawn, for as long as the context is open."""

    def __call__(self, job: Job) -> AbstractAsyncContextManager[Show]:
        """Accompany."""
        ...


class Drawing:
    """Turns a claimed job into an answer; what it may not lose it commits first."""

    def __init__(
        self,
        *,
        asking: Asking,
        calls: Calls,
        fetch: Fetch,
        accompany: Accompany,
        room: Room,
        clock: Callable[[], datetime],
    ) -> None:
        self._asking = asking
        self._calls = calls
        self._fetch = fetch
        self._accompany = accompany
        self._room = room
        self._clock = clock

    async def note_call(self, tx: Transaction, job: Job) -> int | None:
        """Write the row of the call that a job begins with, if nothing must be done before it."""
        profile = self._asking.first(job.request)
        if profile is None or profile.id != job.request.model or job.request.sources:
            return None
        return await self._calls.note(tx, job, profile)

    async def draw(self, job: Job, call: int | None) -> tuple[Answer, int | None]:
        """Have the job drawn; tells the answer and the row of the call that brought it.

        `call` is a row that `note_call` wrote. Whatever goes wrong is an answer, a mistake of ours
        included; only StorageUnavailable is raised, and CancelledError.
        """
        try:
            return await self._draw(job, call)
        except StorageUnavailable:
            raise
        except Exception:  # the user hears of it and is not charged; the operator reads the log
            log.exception("drawing failed unexpectedly", job=job.id)
            return unasked(Undrawn(OutcomeKind.INTERNAL)), call

    async def _draw(self, job: Job, call: int | None) -> tuple[Answer, int | None]:
        if kind := await self._obstacle(job):
            return unasked(Undrawn(kind)), call
        async with self._accompany(job) as show:
            try:
                files = [await self._fetch(source) for source in job.request.sources]
                return await self._asking.ask(job, files, call, show)
            except InputError as error:
                return unasked(Undrawn(OutcomeKind.BAD_INPUT, error.problem)), call
            except TryLater:
                return unasked(Undrawn(OutcomeKind.BAD_INPUT, InputProblem.NOT_FETCHED)), call

    async def _obstacle(self, job: Job) -> OutcomeKind | None:
        """Tell why nobody is asked, if nobody is."""
        if self._clock() - job.created_at > EXPIRY:
            return OutcomeKind.EXPIRED
        if await self._calls.cut_off(job) >= MOST_CUT:
            return OutcomeKind.INTERRUPTED
        if not self._asking.chain(job.request):
            return OutcomeKind.UNKNOWN_MODEL
        return None if await self._room() else OutcomeKind.NO_ROOM
