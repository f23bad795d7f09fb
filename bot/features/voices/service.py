"""Voices: committed as they arrive, written down, and then submitted as if they had been typed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

import structlog

from bot.domain import (
    InputError,
    InputProblem,
    LimitReached,
    OutcomeKind,
    TextCall,
    TextCallKind,
    TryLater,
)
from bot.jobs.results import Duplicate
from bot.jobs.submit import remember_author

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from bot.billing.access import Limits
    from bot.domain import Author, Source, Voice
    from bot.gateway.text import Transcriber, Transcript
    from bot.jobs.calls import TextCalls
    from bot.jobs.results import SubmitResult
    from bot.jobs.submit import SubmitService
    from bot.media.store import MediaStore
    from bot.storage.engine import Store
    from bot.storage.transaction import Transaction

log = structlog.get_logger(__name__)

LONGEST, LARGEST = 5 * 60, 20 * 1024 * 1024  # seconds; bytes
WAITING = 2  # voices of one account that are not written down yet
CROWD = 100  # and of all
TRIES, PAUSE, LONGEST_PAUSE = 3, 2.0, 30.0


class VoiceAdmission(Enum):
    """What became of a voice that has just come."""

    KEPT = auto()
    KNOWN = auto()
    TOO_MANY = auto()
    CROWDED = auto()


class TranscriptFailure(Enum):
    """Why there are no words: they can be told apart by whoever spoke."""

    SILENT = auto()
    GONE = auto()
    FAILED = auto()
    LONG = auto()
    NO_ROOM = auto()


@dataclass(frozen=True, slots=True)
class NotTranscribed:
    """A voice without words: it is done."""

    why: TranscriptFailure


@dataclass(frozen=True, slots=True)
class VoiceService:
    """Listens, where there is a model that can; a voice costs its speaker nothing but its picture."""

    store: Store
    submit: SubmitService
    limits: Limits
    media: MediaStore
    fetch: Callable[[Source], Awaitable[str]]
    has_room: Callable[[], Awaitable[bool]]
    transcriber: Transcriber | None
    calls: TextCalls
    clock: Callable[[], datetime]

    @property
    def on(self) -> bool:
        """Whether there is a model that listens."""
        return self.transcriber is not None

    async def accept(self, voice: Voice, author: Author | None = None) -> VoiceAdmission:
        """Commit a voice; raises LimitReached where its picture could not be drawn anyway."""
        return await self.store.write(self._accept, voice, author)

    def _accept(self, tx: Transaction, voice: Voice, author: Author | None) -> VoiceAdmission:
        if tx.voices.known(voice.chat_id, voice.message_id):
            return VoiceAdmission.KNOWN
        self.limits.check(tx.ledger.totals(voice.account_id, self.clock()))
        if tx.voices.waiting(voice.account_id) >= WAITING:
            return VoiceAdmission.TOO_MANY
        if tx.voices.crowd(CROWD) >= CROWD:
            return VoiceAdmission.CROWDED
        if author:
            remember_author(tx, voice.chat_id, author, self.clock())
        tx.voices.put(voice)
        return VoiceAdmission.KEPT

    async def undone(self) -> list[Voice]:
        """List the voices that an earlier process has left."""
        return await self.store.read(lambda tx: tx.voices.undone())

    async def open(self, voice: Voice) -> Voice | None:
        """Look up how far a voice has come; None if it is done, or was cancelled."""
        return await self.store.read(lambda tx: tx.voices.open(voice.chat_id, voice.message_id))

    async def transcribe(self, voice: Voice) -> Voice | NotTranscribed | None:
        """Have a voice written down, and commit the words; None if it was cancelled meanwhile."""
        sha256 = await self._fetch(voice)
        if not isinstance(sha256, str):
            return await self._fail(voice, *sha256)
        answer = await self._ask(voice, sha256)
        if answer is None:
            return await self._fail(voice, TranscriptFailure.FAILED, OutcomeKind.UNKNOWN_MODEL)
        transcript, kept = answer
        if transcript.words is None:
            return await self._fail(voice, TranscriptFailure.FAILED, transcript.report.kind)
        if not transcript.words:
            return await self._fail(voice, TranscriptFailure.SILENT, OutcomeKind.EMPTY)
        return replace(voice, words=transcript.words) if kept else None

    async def shown(self, voice: Voice, message_id: int) -> None:
        """Note the message that says what was heard."""

        def work(tx: Transaction) -> None:
            tx.voices.shown(voice, message_id)
            tx.messages.add(voice.chat_id, message_id, self.clock())

        await self.store.write(work)

    async def submit_words(self, voice: Voice) -> SubmitResult:
        """Submit what was heard, once, in the transaction that ends the voice.

        Raises LimitReached, and the voice is done as well.
        """
        try:
            return await self.store.write(self._submit_words, voice)
        except LimitReached:
            await self.end(voice, OutcomeKind.CANCELLED)
            raise

    def _submit_words(self, tx: Transaction, voice: Voice) -> SubmitResult:
        if not tx.voices.end(voice, None, self.clock()):
            return Duplicate()
        return self.submit.submit_in(tx, voice.as_prompt())

    async def end(self, voice: Voice, why: OutcomeKind) -> bool:
        """Be done with a voice that becomes no prompt; False if that was so already."""
        return await self.store.write(lambda tx: tx.voices.end(voice, why, self.clock()))

    async def give_up(self, voice: Voice) -> bool:
        """Be done with a voice that cannot be brought on."""
        return await self.end(voice, OutcomeKind.INTERNAL)

    async def _fetch(self, voice: Voice) -> str | tuple[TranscriptFailure, OutcomeKind]:
        """Fetch a voice, where there is room for it; tells its sha256, or why there is none."""
        if not await self.has_room():
            return TranscriptFailure.NO_ROOM, OutcomeKind.NO_ROOM
        try:
            return await self.fetch(voice.source)
        except InputError as error:
            long = error.problem is InputProblem.TOO_MANY_BYTES
            return TranscriptFailure.LONG if long else TranscriptFailure.GONE, OutcomeKind.BAD_INPUT
        except TryLater:
            return TranscriptFailure.GONE, OutcomeKind.UNAVAILABLE

    async def _ask(self, voice: Voice, sha256: str) -> tuple[Transcript, bool] | None:
        """Ask for the words, again where that is free; tells whether they were kept.

        None if nobody here can listen any more, or the process ended in the calls before.
        """
        transcriber, size = self.transcriber, await self.media.size(sha256)
        if transcriber is None or size is None:
            return None
        here = (voice.account_id, voice.chat_id, voice.message_id)
        call = TextCall(TextCallKind.VOICE, *here, transcriber.model, transcriber.host)
        for tries in range(TRIES):
            if tries and await self.open(voice) is None:
                return None
            call_id = await self.calls.begin(call)
            if call_id is None:
                return None
            transcript = await transcriber.transcribe(sha256, size, voice.seconds)
            report, words = transcript.report, transcript.words or ""
            kept = await self.calls.end(call_id, call, report, _keep(voice, words))
            log.info("heard" if words else "not heard", outcome=report.kind)
            if not report.repeatable or tries == TRIES - 1:
                return transcript, kept
            await asyncio.sleep(min(report.retry_after or PAUSE * 2**tries, LONGEST_PAUSE))
        return None

    async def _fail(
        self, voice: Voice, why: TranscriptFailure, kind: OutcomeKind
    ) -> NotTranscribed | None:
        return NotTranscribed(why) if await self.end(voice, kind) else None


def _keep(voice: Voice, words: str) -> Callable[[Transaction], bool]:
    return lambda tx: bool(words) and tx.voices.heard(voice, words)
