"""Voices: spoken wishes, committed as they arrive, written down, and then wished as if typed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING

import structlog

from bot.acceptance import introduce
from bot.domain import (
    Errand,
    ErrandKind,
    InputError,
    InputProblem,
    LimitReached,
    OutcomeKind,
    TryLater,
)
from bot.submissions import Duplicate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from bot.accounts import Limits
    from bot.domain import Introduction, Source, Voice, Wake
    from bot.errands import ErrandBook
    from bot.gateway.text import TextResult, Transcriber
    from bot.generation import Generation
    from bot.media.store import MediaStore
    from bot.storage.engine import Store
    from bot.storage.transaction import Transaction
    from bot.submissions import Submission

log = structlog.get_logger(__name__)

LONGEST, LARGEST = 5 * 60, 20 * 1024 * 1024  # seconds; bytes
WAITING = 2  # voices of one account that are not written down yet
CROWD = 100  # and of all
TRIES, PAUSE, LONGEST_PAUSE = 3, 2.0, 30.0


class Arrival(Enum):
    """What became of a voice that has just come."""

    KEPT = auto()
    KNOWN = auto()
    TOO_MANY = auto()
    CROWDED = auto()


class Deaf(Enum):
    """Why there are no words: they can be told apart by whoever spoke."""

    SILENT = auto()
    GONE = auto()
    FAILED = auto()
    LONG = auto()
    NO_ROOM = auto()


@dataclass(frozen=True, slots=True)
class Unheard:
    """A voice without words: it is done."""

    why: Deaf


class Voices:
    """Listens, where there is a model that can; a voice costs its speaker nothing but its picture."""

    def __init__(
        self,
        *,
        store: Store,
        generation: Generation,
        limits: Limits,
        media: MediaStore,
        fetch: Callable[[Source], Awaitable[str]],
        room: Callable[[], Awaitable[bool]],
        transcriber: Transcriber | None,
        errands: ErrandBook,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._generation = generation
        self._limits = limits
        self._media = media
        self._fetch = fetch
        self._room = room
        self._transcriber = transcriber
        self._errands = errands
        self._clock = clock

    @property
    def on(self) -> bool:
        """Whether there is a model that listens."""
        return self._transcriber is not None

    async def accept(self, voice: Voice, introduction: Introduction | None = None) -> Arrival:
        """Commit a voice; raises LimitReached where its picture could not be drawn anyway."""
        async with self._store.transaction() as tx:
            if await tx.voices.known(voice.chat_id, voice.message_id):
                return Arrival.KNOWN
            self._limits.check(await tx.ledger.totals(voice.account_id, self._clock()))
            if await tx.voices.waiting(voice.account_id) >= WAITING:
                return Arrival.TOO_MANY
            if await tx.voices.crowd(CROWD) >= CROWD:
                return Arrival.CROWDED
            if introduction:
                await introduce(tx, voice.chat_id, introduction, self._clock())
            await tx.voices.put(voice)
        return Arrival.KEPT

    async def undone(self) -> list[Voice]:
        """List the voices that an earlier process has left."""
        async with self._store.reading() as tx:
            return await tx.voices.undone()

    async def open(self, voice: Voice) -> Voice | None:
        """Look up how far a voice has come; None if it is done, or was called off."""
        async with self._store.reading() as tx:
            return await tx.voices.open(voice.chat_id, voice.message_id)

    async def hear(self, voice: Voice) -> Voice | Unheard | None:
        """Have a voice written down, and commit the words; None if it was called off meanwhile."""
        sha256 = await self._fetched(voice)
        if not isinstance(sha256, str):
            return await self._unheard(voice, *sha256)
        heard = await self._transcript(voice, sha256)
        if heard is None:
            return await self._unheard(voice, Deaf.FAILED, OutcomeKind.UNKNOWN_MODEL)
        transcript, kept = heard
        if transcript.words is None:
            return await self._unheard(voice, Deaf.FAILED, transcript.report.kind)
        if not transcript.words:
            return await self._unheard(voice, Deaf.SILENT, OutcomeKind.EMPTY)
        return replace(voice, words=transcript.words) if kept else None

    async def shown(self, voice: Voice, message_id: int) -> None:
        """Note the message that says what was heard."""
        async with self._store.transaction() as tx:
            await tx.voices.shown(voice, message_id)
            await tx.outgoing.add(voice.chat_id, message_id, self._clock())

    async def wish(self, voice: Voice) -> Submission:
        """Submit what was heard, once, in the transaction that ends the voice.

        Raises LimitReached, and the voice is done as well.
        """
        wakes: list[Wake] = []
        try:
            async with self._store.transaction() as tx:
                if not await tx.voices.end(voice, None, self._clock()):
                    return Duplicate()
                submission = await self._generation.enter(tx, voice.wish(), wakes)
        except LimitReached:
            await self.end(voice, OutcomeKind.CANCELLED)
            raise
        return self._generation.begin(submission, wakes)

    async def end(self, voice: Voice, why: OutcomeKind) -> bool:
        """Be done with a voice that becomes no wish; False if that was so already."""
        async with self._store.transaction() as tx:
            return await tx.voices.end(voice, why, self._clock())

    async def give_up(self, voice: Voice) -> bool:
        """Be done with a voice that cannot be brought on."""
        return await self.end(voice, OutcomeKind.INTERNAL)

    async def _fetched(self, voice: Voice) -> str | tuple[Deaf, OutcomeKind]:
        """Fetch a voice, where there is room for it; tells its sha256, or why there is none."""
        if not await self._room():
            return Deaf.NO_ROOM, OutcomeKind.NO_ROOM
        try:
            return await self._fetch(voice.source)
        except InputError as error:
            long = error.problem is InputProblem.TOO_MANY_BYTES
            return Deaf.LONG if long else Deaf.GONE, OutcomeKind.BAD_INPUT
        except TryLater:
            return Deaf.GONE, OutcomeKind.UNAVAILABLE

    async def _transcript(self, voice: Voice, sha256: str) -> tuple[TextResult, bool] | None:
        """Ask for the words, again where that is free; tells whether they were kept.

        None if nobody here can listen any more, or the process ended in the calls before.
        """
        transcriber, size = self._transcriber, await self._media.size(sha256)
        if transcriber is None or size is None:
            return None
        errand = _errand(voice, transcriber)
        for tries in range(TRIES):
            if tries and await self.open(voice) is None:
                return None
            call = await self._errands.begin(errand)
            if call is None:
                return None
            came = await transcriber.transcribe(sha256, size, voice.seconds)
            keep = partial(_keep, voice=voice, words=came.words)
            kept = await self._errands.end(call, errand, came.report, keep)
            log.info("heard" if came.words else "not heard", outcome=came.report.kind)
            if not came.report.repeatable or tries == TRIES - 1:
                return came, kept
            await asyncio.sleep(min(came.report.retry_after or PAUSE * 2**tries, LONGEST_PAUSE))
        return None

    async def _unheard(self, voice: Voice, why: Deaf, kind: OutcomeKind) -> Unheard | None:
        return Unheard(why) if await self.end(voice, kind) else None


def _errand(voice: Voice, transcriber: Transcriber) -> Errand:
    here = (voice.account_id, voice.chat_id, voice.message_id)
    return Errand(ErrandKind.VOICE, *here, transcriber.model, transcriber.host)


async def _keep(tx: Transaction, *, voice: Voice, words: str | None) -> bool:
    return bool(words) and await tx.voices.heard(voice, words or "")
