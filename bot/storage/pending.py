"""Pending: messages that are not yet jobs: albums, questions, voices, prompts to be made better.

One row for each message and kind. `payload` is the message as it came; what may change since is in
columns of its own, which are looked for and win. A row stays when it is closed, until it is pruned:
a reply finds its pictures again, and a repeated update is known by it. Albums and questions have
files of their own; here is what all kinds share, and those that a model of words works on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    Executable,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    not_,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from bot.domain import AlbumItem, Enhancement, OutcomeKind, PendingPrompt, Voice
from bot.storage.columns import PendingKind, PendingState, read_json
from bot.storage.repository import Repository
from bot.storage.tables import PENDING

Message = TypeVar("Message", bound=PendingPrompt | AlbumItem | Voice | Enhancement)
Spoken = TypeVar("Spoken", bound=Voice | Enhancement)

MOST_LISTED = 1000

_C = PENDING.c
_PLACE = ("chat_id", "message_id", "account_id", "thread_id")
# Literals: SQLite cannot see that a bound state fulfils a partial index's condition.
LIVE: ColumnElement[bool] = _C.state != literal_column("'closed'")
BUSY = and_(LIVE, _C.state == PendingState.BUSY)
OWN = _C.account_id == bindparam("of_account")
IN_CHAT = _C.chat_id == bindparam("of_chat")
MESSAGE = and_(IN_CHAT, _C.message_id == bindparam("of_message"))
KIND = _C.kind == bindparam("of_kind", type_=_C.kind.type)
THIS = and_(KIND, MESSAGE)
OTHER = PENDING.alias("other")
CLOSED = update(PENDING).values(state=PendingState.CLOSED)


class PendingMessages(Repository):
    """What is done to several kinds at once."""

    # Prompts whose better words are shown wait for a press, as a picture's buttons do.
    _CANCEL = (
        CLOSED.where(
            OWN,
            LIVE,
            _C.kind != PendingKind.ALBUM,
            or_(_C.kind != PendingKind.ENHANCEMENT, _C.state == PendingState.BUSY),
        )
        .values(outcome=OutcomeKind.CANCELLED)
        .returning(_C.kind)
    )

    def cancel(self, account_id: int) -> tuple[int, int]:
        """Close all but albums that waits for an account.

        Returns how many questions there were, and how many messages whose words were not there yet.
        """
        kinds = list(self._run(self._CANCEL, of_account=account_id).scalars())
        questions = kinds.count(PendingKind.QUESTION)
        return questions, len(kinds) - questions

    # An open album waits however old it is.
    _PRUNE = delete(PENDING).where(
        tuple_(*PENDING.primary_key).in_(
            select(*PENDING.primary_key)
            .where(_C.at < bindparam("moment"), or_(_C.kind != PendingKind.ALBUM, not_(LIVE)))
            .limit(bindparam("at_most"))
        )
    )

    def prune(self, before: datetime, limit: int) -> int:
        """Delete `limit` old ones; tells how many."""
        return self._run(self._PRUNE, moment=before, at_most=limit).rowcount


class PendingRepository(Repository, Generic[Message]):
    """One kind of pending message; `columns` names the fields that are in columns of their own."""

    kind: ClassVar[PendingKind]
    shape: ClassVar[TypeAdapter[Any]]
    columns: ClassVar[Mapping[str, str]]

    _ADD = insert(PENDING).on_conflict_do_nothing().returning(_C.message_id)

    def _add(self, message: Message, state: PendingState, **columns: object) -> bool:
        """Keep a message; False if it is known: a repeated update."""
        columns |= {column: getattr(message, field) for column, field in self.columns.items()}
        columns |= {name: getattr(message, name) for name in _PLACE}
        payload = document(message)
        return self._any(self._ADD, kind=self.kind, state=state, payload=payload, **columns)

    def _load(self, row: Mapping[Any, Any]) -> Message:
        message: Message = read_json(self.shape, row["payload"])
        fields = {field: row[column] for column, field in self.columns.items()}
        return replace(message, **fields, **{name: row[name] for name in _PLACE})

    def _messages(self, statement: Executable, /, **values: object) -> list[Message]:
        # What was erased of an album has no payload; its row stays: what comes late is no new album.
        rows = self._run(statement, **values).mappings()
        return [self._load(row) for row in rows if row["payload"]]

    def _first(self, statement: Executable, /, **values: object) -> Message | None:
        return next(iter(self._messages(statement, **values)), None)

    def _key(self, chat_id: int, message_id: int) -> dict[str, object]:
        return {"of_kind": self.kind, "of_chat": chat_id, "of_message": message_id}

    _KNOWN = select(_C.message_id).where(THIS)

    def known(self, chat_id: int, message_id: int) -> bool:
        return self._any(self._KNOWN, **self._key(chat_id, message_id))

    _SHOWN = update(PENDING).where(THIS).values(bot_message_id=bindparam("shown_in"))

    def shown(self, message: Message, bot_message_id: int) -> None:
        """Note the bot's message below it: the question, what was heard, or better words."""
        key = self._key(message.chat_id, message.message_id)
        self._run(self._SHOWN, shown_in=bot_message_id, **key)


class _Texts(PendingRepository[Spoken]):
    """Messages that a model of words works on, as long as they are busy."""

    def put(self, message: Spoken, held_until: datetime | None = None) -> bool:
        """Keep a message; False if it is known: a repeated update."""
        reply_id = message.reply.message_id if message.reply else None
        return self._add(message, PendingState.BUSY, reply_id=reply_id, held_until=held_until)

    _HOLD = update(PENDING).where(THIS, BUSY).values(held_until=bindparam("until"))

    def hold(self, places: Sequence[tuple[int, int]], until: datetime) -> None:
        """Leave messages to the process that brings them on, until then."""
        for place in places:
            self._run(self._HOLD, until=until, **self._key(*place))

    def _load(self, row: Mapping[Any, Any]) -> Spoken:
        message = super()._load(row)
        if message.reply is None:
            return message
        return replace(message, reply=replace(message.reply, message_id=row["reply_id"]))

    def _change(self, statement: Executable, message: Spoken, **values: object) -> bool:
        """Whether the message was as the statement asks, and has changed."""
        return self._any(statement, **self._key(message.chat_id, message.message_id), **values)

    _WAITING = select(func.count()).where(KIND, OWN, BUSY)

    def waiting(self, account_id: int) -> int:
        """Count an account's messages that wait for their words."""
        return int(self._value(self._WAITING, of_kind=self.kind, of_account=account_id))

    _BACKLOG = select(func.count()).select_from(
        select(_C.message_id).where(KIND, BUSY).limit(bindparam("at_most")).subquery()
    )

    def backlog(self, at_most: int) -> int:
        """Count everybody's messages that wait for their words, as far as `at_most`."""
        return int(self._value(self._BACKLOG, of_kind=self.kind, at_most=at_most))

    _LIVE = select(PENDING).where(THIS, LIVE)

    def open(self, chat_id: int, message_id: int) -> Spoken | None:
        """Look a message up; None if it is done."""
        return self._first(self._LIVE, **self._key(chat_id, message_id))

    _UNFINISHED = (
        select(PENDING)
        .where(
            KIND,
            BUSY,
            or_(
                _C.held_until.is_(None),
                _C.held_until <= bindparam("moment", type_=_C.held_until.type),
            ),
        )
        .order_by(_C.account_id, _C.at)
        .limit(MOST_LISTED)
    )

    def unfinished(self, at: datetime) -> list[Spoken]:
        """List those that no process holds any more, MOST_LISTED at most."""
        return self._messages(self._UNFINISHED, of_kind=self.kind, moment=at)

    _END = (
        CLOSED.where(THIS, LIVE)
        .values(outcome=bindparam("why", type_=_C.outcome.type))
        .returning(_C.message_id)
    )

    def end(self, message: Spoken, why: OutcomeKind | None = None) -> bool:
        """Close a message, without a `why` where it became a prompt; False if it was closed before."""
        return self._change(self._END, message, why=why)


class PendingVoices(_Texts[Voice]):
    """Messages whose words were spoken, from their arrival until they became a prompt."""

    kind = PendingKind.VOICE
    shape = TypeAdapter(Voice)
    columns: ClassVar = {"at": "arrived_at", "words": "words", "bot_message_id": "heard_id"}

    _HEARD = (
        update(PENDING)
        .where(THIS, BUSY, _C.words.is_(None))
        .values(words=bindparam("new_words"))
        .returning(_C.message_id)
    )

    def heard(self, voice: Voice, words: str) -> bool:
        """Keep the words; False if the voice was cancelled, or has them already."""
        return self._change(self._HEARD, voice, new_words=words)


class PendingEnhancements(_Texts[Enhancement]):
    """Prompts that a text model is asked to better, until one of the two wordings is drawn."""

    kind = PendingKind.ENHANCEMENT
    shape = TypeAdapter(Enhancement)
    columns: ClassVar = {"at": "asked_at", "words": "better", "bot_message_id": "shown_id"}

    def _load(self, row: Mapping[Any, Any]) -> Enhancement:
        return replace(super()._load(row), shown=row["state"] == PendingState.OPEN)

    _IMPROVED = (
        update(PENDING)
        .where(THIS, BUSY)
        .values(words=bindparam("new_words"))
        .returning(_C.message_id)
    )

    def improved(self, enhancement: Enhancement, words: str) -> bool:
        """Keep better words, empty where none could be had; False if nobody waits any more."""
        return self._change(self._IMPROVED, enhancement, new_words=words)

    _OPEN = update(PENDING).where(THIS, BUSY, _C.words.is_not(None)).values(state=PendingState.OPEN)

    def shown(self, message: Enhancement, bot_message_id: int) -> None:
        """Note the bot's message that shows the words; if there are any yet, a press may follow."""
        super().shown(message, bot_message_id)
        self._run(self._OPEN, **self._key(message.chat_id, message.message_id))

    _RESTART = (
        update(PENDING)
        .where(THIS, LIVE, _C.words.is_not(None))
        .values(words=None, state=PendingState.BUSY)
        .returning(_C.message_id)
    )

    def restart(self, enhancement: Enhancement) -> bool:
        """Have other words looked for; False while that is being done."""
        return self._change(self._RESTART, enhancement)


def document(message: AlbumItem | PendingPrompt | Enhancement | Voice) -> str:
    return json.dumps(asdict(message), ensure_ascii=False, default=datetime.isoformat)
