"""Voices: committed as they arrive, written down, and then submitted as if they had been typed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

import structlog

from bot.billing.limits import Limits
from bot.domain import (
    InputError,
    InputProblem,
    LimitReached,
    MediaUnavailable,
    OutcomeKind,
    Prompt,
    Source,
    TextCall,
    TextCallKind,
    TryLater,
    Voice,
)
from bot.gateway.text import TextClient
from bot.jobs.call_recorder import CallRecorder
from bot.jobs.pending import HELD, held_until
from bot.jobs.submit import Duplicate, SubmitResult, SubmitService
from bot.media.store import MediaStore
from bot.storage.engine import Store
from bot.storage.transaction import Transaction

log = structlog.get_logger(__name__)

LONGEST, LARGEST = 5 * 60, 20 * 1024 * 1024  # seconds; bytes
WAITING = 2  # voices of one account that are not written down yet
CROWD = 100  # and of all
TRIES, PAUSE, LONGEST_PAUSE = 3, 2.0, 30.0


class VoiceRefusal(StrEnum):
    """Why a voice is not taken, or has no words, so that it is done: the keys of texts."""

    TOO_LONG = "voice.long"
    TOO_MANY = "voice.many"
    CROWDED = "voice.busy"
    SILENT = "voice.silent"
    GONE = "voice.gone"
    FAILED = "voice.failed"
    NO_ROOM = "voice.no_room"


class _Failed(Exception):
    """A voice without words, and what its row says of it."""

    def __init__(self, failure: VoiceRefusal, outcome: OutcomeKind) -> None:
        super().__init__(failure)
        self.failure = failure
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class VoiceService:
    """Listens, where there is a model that can; a voice costs its speaker nothing but its picture."""

    store: Store
    submit: SubmitService
    judge: Callable[[Transaction, int, int], Limits]  # of an account in a chat; NotAdmitted
    media: MediaStore
    fetch: Callable[[Source], Awaitable[str]]
    has_room: Callable[[], Awaitable[bool]]
    transcriber: TextClient | None
    calls: CallRecorder
    clock: Callable[[], datetime]

    @property
    def on(self) -> bool:
        return self.transcriber is not None

    async def accept(
        self, prompt: Prompt, audio: Source, seconds: int
    ) -> Voice | VoiceRefusal | None:
        """Commit a voice; None if it came before.

        Raises LimitReached where its picture could not be drawn anyway.
        """
        if seconds > LONGEST or (audio.size or 0) > LARGEST:
            return VoiceRefusal.TOO_LONG
        return await self.store.write(self._accept, prompt, audio, seconds)

    def _accept(
        self, tx: Transaction, prompt: Prompt, audio: Source, seconds: int
    ) -> Voice | VoiceRefusal | None:
        if tx.voices.known(prompt.chat_id, prompt.message_id):
            return None
        limits = self.judge(tx, prompt.account_id, prompt.chat_id)
        waiting = tx.jobs.waiting(prompt.account_id, limits.queue)
        limits.check(tx.ledger.totals(prompt.account_id, self.clock()), waiting)
        if tx.voices.waiting(prompt.account_id) >= WAITING:
            return VoiceRefusal.TOO_MANY
        if tx.voices.backlog(CROWD) >= CROWD:
            return VoiceRefusal.CROWDED
        if prompt.author:
            self.submit.people.remember(tx, prompt.chat_id, prompt.author, self.clock())
        voice = Voice.of(prompt, audio, seconds, self.clock())
        tx.voices.put(voice, held_until(self.store, tx, self.clock()))
        return voice

    async def undone(self) -> list[Voice]:
        return await self.store.read(lambda tx: tx.voices.unfinished(tx.moment(self.clock())))

    async def hold(self, places: Sequence[tuple[int, int]], *, free: bool = False) -> None:
        def hold(tx: Transaction) -> None:
            if until := held_until(self.store, tx, self.clock()):
                tx.voices.hold(places, until - HELD if free else until)

        if not self.store.leader.is_sole:
            await self.store.write(hold)

    async def open(self, voice: Voice) -> Voice | None:
        return await self.store.read(lambda tx: tx.voices.open(voice.chat_id, voice.message_id))

    async def transcribe(self, voice: Voice) -> Voice | VoiceRefusal | None:
        """Have a voice written down, and commit the words; None if it was cancelled meanwhile."""
        try:
            sha256 = await self._fetch(voice)
            return await self._transcribe(voice, sha256)
        except _Failed as failed:
            return failed.failure if await self.end(voice, failed.outcome) else None

    async def shown(self, voice: Voice, message_id: int) -> None:
        await self.store.write(self._shown, voice, message_id)

    def _shown(self, tx: Transaction, voice: Voice, message_id: int) -> None:
        tx.voices.shown(voice, message_id)
        tx.messages.add(voice.chat_id, message_id, self.clock())

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
        if not tx.voices.end(voice, None):
            return Duplicate()
        return self.submit.submit_in(tx, voice.as_prompt())

    async def end(self, voice: Voice, why: OutcomeKind) -> bool:
        """Be done with a voice that becomes no prompt; False if that was so already."""
        return await self.store.write(lambda tx: tx.voices.end(voice, why))

    async def give_up(self, voice: Voice) -> bool:
        return await self.end(voice, OutcomeKind.INTERNAL)

    async def _fetch(self, voice: Voice) -> str:
        try:
            if not await self.has_room():
                raise _Failed(VoiceRefusal.NO_ROOM, OutcomeKind.NO_ROOM)
            return await self.fetch(voice.source)
        except InputError as error:
            long = error.problem is InputProblem.TOO_MANY_BYTES
            failure = VoiceRefusal.TOO_LONG if long else VoiceRefusal.GONE
            raise _Failed(failure, OutcomeKind.BAD_INPUT) from error
        except MediaUnavailable as error:
            raise _Failed(VoiceRefusal.FAILED, OutcomeKind.INTERNAL) from error
        except TryLater as error:
            raise _Failed(VoiceRefusal.GONE, OutcomeKind.UNAVAILABLE) from error

    async def _transcribe(self, voice: Voice, sha256: str) -> Voice | None:
        """Ask for the words, again where that is free; None if they came too late to be kept."""
        transcriber, size = self.transcriber, await self.media.size(sha256)
        if transcriber is None or size is None:  # nobody here can listen any more
            raise _Failed(VoiceRefusal.FAILED, OutcomeKind.UNKNOWN_MODEL)
        place = (voice.account_id, voice.chat_id, voice.message_id)
        call = TextCall(TextCallKind.VOICE, *place, transcriber.model, transcriber.host)
        for tries in range(1, TRIES + 1):
            call_id = await self.calls.begin_text(call)
            if call_id is None:  # the process ended in the calls before
                break
            answer = await transcriber.transcribe(sha256, size, voice.seconds)
            report, words = answer.report, answer.words
            kept = await self.calls.end_text(call_id, call, report, _keep(voice, words or ""))
            log.info("heard" if words else "not heard", outcome=report.kind)
            if words:
                return replace(voice, words=words) if kept else None
            if not report.repeatable or tries == TRIES:
                if words is None:
                    raise _Failed(VoiceRefusal.FAILED, report.kind)
                raise _Failed(VoiceRefusal.SILENT, OutcomeKind.EMPTY)
            pause = report.retry_after or PAUSE * 2 ** (tries - 1)
            await asyncio.sleep(min(pause, LONGEST_PAUSE))
            if await self.open(voice) is None:
                break
        raise _Failed(VoiceRefusal.FAILED, OutcomeKind.UNKNOWN_MODEL)


def _keep(voice: Voice, words: str) -> Callable[[Transaction], bool]:
    return lambda tx: bool(words) and tx.voices.heard(voice, words)
