"""Messages that a model of words works on: voices, and prompts to be made better."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import bindparam, func, select, update

from bot.domain import Enhancement, Voice
from bot.storage.kinds import PendingKind, PendingState
from bot.storage.pending.message import (
    BUSY,
    CLOSED,
    KIND,
    LIVE,
    MOST_LISTED,
    OWN,
    THIS,
    PendingRepository,
)
from bot.storage.tables import PENDING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain import OutcomeKind

Spoken = TypeVar("Spoken", Voice, Enhancement)

_C = PENDING.c


class _Texts(PendingRepository[Spoken]):
    """Messages that a model of words works on, as long as they are busy."""

    __slots__ = ()

    def _message(self, row: Mapping[Any, Any]) -> Spoken:
        raise NotImplementedError

    _WAITING = select(func.count()).where(KIND, OWN, BUSY)

    def waiting(self, account_id: int) -> int:
        """Count an account's messages that wait for their words."""
        return int(self._value(self._WAITING, of_kind=self.kind, of_account=account_id))

    _CROWD = select(func.count()).select_from(
        select(_C.message_id).where(KIND, BUSY).limit(bindparam("at_most")).subquery()
    )

    def crowd(self, at_most: int) -> int:
        """Count everybody's messages that wait for their words, as far as `at_most`."""
        return int(self._value(self._CROWD, of_kind=self.kind, at_most=at_most))

    _LIVE = select(PENDING).where(THIS, LIVE)

    def open(self, chat_id: int, message_id: int) -> Spoken | None:
        """Look a message up; None if it is done."""
        row = self._run(self._LIVE, **self._key(chat_id, message_id)).mappings().first()
        return None if row is None else self._message(row)

    _UNDONE = select(PENDING).where(KIND, BUSY).order_by(_C.account_id, _C.at).limit(MOST_LISTED)

    def undone(self) -> list[Spoken]:
        """List those that a new process has to go on with, MOST_LISTED at most."""
        rows = self._run(self._UNDONE, of_kind=self.kind).mappings()
        return [self._message(row) for row in rows]

    _END = (
        CLOSED.where(THIS, LIVE)
        .values(outcome=bindparam("why", type_=_C.outcome.type))
        .returning(_C.message_id)
    )

    def _end(self, message: Spoken, why: OutcomeKind | None) -> bool:
        key = self._key(message.chat_id, message.message_id)
        return self._any(self._END, why=why, **key)


def _with_reply(message: Spoken, row: Mapping[Any, Any]) -> Spoken:
    if message.reply is None:
        return message
    return replace(message, reply=replace(message.reply, message_id=row["reply_id"]))


class PendingVoices(_Texts[Voice]):
    """Messages whose words were spoken, from their arrival until they became a prompt."""

    __slots__ = ()
    kind = PendingKind.VOICE
    adapter = TypeAdapter(Voice)

    def put(self, voice: Voice) -> bool:
        """Keep a voice; False if this message is known: a repeated update."""
        reply_id = voice.reply.message_id if voice.reply else None
        return self._add(voice, PendingState.BUSY, voice.arrived_at, reply_id=reply_id)

    _HEARD = (
        update(PENDING)
        .where(THIS, BUSY, _C.words.is_(None))
        .values(words=bindparam("new_words"))
        .returning(_C.message_id)
    )

    def heard(self, voice: Voice, words: str) -> bool:
        """Keep the words; False if the voice was cancelled, or has them already."""
        key = self._key(voice.chat_id, voice.message_id)
        return self._any(self._HEARD, new_words=words, **key)

    def shown(self, voice: Voice, message_id: int) -> None:
        """Note which message of the bot's says what was heard."""
        self._run(self._NOTE, shown_in=message_id, **self._key(voice.chat_id, voice.message_id))

    def end(self, voice: Voice, why: OutcomeKind | None) -> bool:
        """Close a voice, without a `why` where it became a prompt; False if it was closed before."""
        return self._end(voice, why)

    def _message(self, row: Mapping[Any, Any]) -> Voice:
        voice = self._load(row, words=row["words"], heard_id=row["bot_message_id"])
        return _with_reply(voice, row)


class PendingRewrites(_Texts[Enhancement]):
    """Prompts that a text model is asked to better, until one of the two wordings is drawn."""

    __slots__ = ()
    kind = PendingKind.REWRITE
    adapter = TypeAdapter(Enhancement)

    def put(self, rewrite: Enhancement) -> bool:
        """Keep a prompt; False if this message is known: a repeated update."""
        reply_id = rewrite.reply.message_id if rewrite.reply else None
        return self._add(rewrite, PendingState.BUSY, rewrite.asked_at, reply_id=reply_id)

    _BETTERED = (
        update(PENDING)
        .where(THIS, BUSY)
        .values(words=bindparam("new_words"))
        .returning(_C.message_id)
    )

    def bettered(self, rewrite: Enhancement, words: str) -> bool:
        """Keep better words, empty where none could be had; False if nobody waits any more."""
        key = self._key(rewrite.chat_id, rewrite.message_id)
        return self._any(self._BETTERED, new_words=words, **key)

    _OPEN = update(PENDING).where(THIS, BUSY, _C.words.is_not(None)).values(state=PendingState.OPEN)

    def shown(self, rewrite: Enhancement, message_id: int) -> None:
        """Note that the words, if there are any yet, stand in a message of the bot's."""
        key = self._key(rewrite.chat_id, rewrite.message_id)
        self._run(self._NOTE, shown_in=message_id, **key)
        self._run(self._OPEN, **key)

    _ANEW = (
        update(PENDING)
        .where(THIS, LIVE, _C.words.is_not(None))
        .values(words=None, state=PendingState.BUSY)
        .returning(_C.message_id)
    )

    def anew(self, rewrite: Enhancement) -> bool:
        """Have other words looked for; False while that is being done."""
        return self._any(self._ANEW, **self._key(rewrite.chat_id, rewrite.message_id))

    def end(self, rewrite: Enhancement) -> bool:
        """Close a prompt; False if that was done before."""
        return self._end(rewrite, None)

    def _message(self, row: Mapping[Any, Any]) -> Enhancement:
        rewrite = self._load(
            row,
            better=row["words"],
            shown_id=row["bot_message_id"],
            shown=row["state"] == PendingState.OPEN,
        )
        return _with_reply(rewrite, row)
