"""What all kinds of pending messages share."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import and_, bindparam, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.domain import AlbumItem, Enhancement, PendingPrompt, Voice
from bot.storage.columns import read_json
from bot.storage.kinds import PendingKind, PendingState
from bot.storage.repository import Repository
from bot.storage.tables import PENDING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import TypeAdapter
    from sqlalchemy import ColumnElement

Message = TypeVar("Message", PendingPrompt, AlbumItem, Voice, Enhancement)

MOST_LISTED = 1000

_C = PENDING.c
# Literals: SQLite cannot see that a bound state fulfils a partial index's condition.
LIVE: ColumnElement[bool] = _C.state != literal_column("'closed'")
BUSY = and_(LIVE, _C.state == PendingState.BUSY)
OWN = _C.account_id == bindparam("of_account")
IN_CHAT = _C.chat_id == bindparam("of_chat")
MESSAGE = and_(IN_CHAT, _C.message_id == bindparam("of_message"))
RECENT = _C.at >= bindparam("not_before")
KIND = _C.kind == bindparam("of_kind", type_=_C.kind.type)
THIS = and_(KIND, MESSAGE)
OTHER = PENDING.alias("other")
CLOSED = update(PENDING).values(state=PendingState.CLOSED)


class PendingRepository(Repository, Generic[Message]):
    """One kind of pending message."""

    __slots__ = ()
    kind: PendingKind
    adapter: TypeAdapter[Any]

    _ADD = insert(PENDING).on_conflict_do_nothing().returning(_C.message_id)

    def _add(self, message: Message, state: PendingState, at: datetime, **columns: object) -> bool:
        """Keep a message; False if it is known: a repeated update."""
        return self._any(
            self._ADD,
            kind=self.kind,
            chat_id=message.chat_id,
            message_id=message.message_id,
            account_id=message.account_id,
            thread_id=message.thread_id,
            at=at,
            state=state,
            payload=document(message),
            **columns,
        )

    def _load(self, row: Mapping[Any, Any], **columns: Any) -> Message:  # noqa: ANN401 - fields of any type
        message: Message = read_json(self.adapter, row["payload"])
        place = {name: row[name] for name in ("chat_id", "message_id", "account_id")}
        return replace(message, **place, **columns)

    def _key(self, chat_id: int, message_id: int) -> dict[str, object]:
        return {"of_kind": self.kind, "of_chat": chat_id, "of_message": message_id}

    _KNOWN = select(_C.message_id).where(THIS)

    def known(self, chat_id: int, message_id: int) -> bool:
        """Whether this message came before."""
        return self._any(self._KNOWN, **self._key(chat_id, message_id))

    _NOTE = update(PENDING).where(THIS).values(bot_message_id=bindparam("shown_in"))


def document(message: AlbumItem | PendingPrompt | Enhancement | Voice) -> str:
    """Write a message as its payload."""
    return json.dumps(asdict(message), ensure_ascii=False, default=datetime.isoformat)
