"""Asks: pictures that wait for their prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete
from sqlalchemy.dialects.postgresql import insert

from bot.domain import Ask
from bot.storage.tables import ASKS

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

# A key cannot hold NULL; no topic has the id 0.
_NO_THREAD = 0

_C = ASKS.c
_NEW = insert(ASKS)
_PUT = _NEW.on_conflict_do_update(
    index_elements=[_C.account_id, _C.chat_id, _C.thread_id],
    set_={
        "message_id": _NEW.excluded.message_id,
        "sources": _NEW.excluded.sources,
        "asked_at": _NEW.excluded.asked_at,
        "parent_picture_id": _NEW.excluded.parent_picture_id,
    },
)
_TAKE = (
    delete(ASKS)
    .where(
        _C.account_id == bindparam("of_account"),
        _C.chat_id == bindparam("of_chat"),
        _C.thread_id == bindparam("of_thread"),
        _C.asked_at >= bindparam("not_before"),
    )
    .returning(*_C)
)
_FORGET = delete(ASKS).where(_C.account_id == bindparam("of_account"))
_DROP_OLDER = delete(ASKS).where(_C.asked_at < bindparam("moment"))


class Asks:
    """The open questions; an account has one in each chat and topic."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def put(self, ask: Ask) -> None:
        """Keep a question, in place of the account's earlier one there."""
        await self._sql.execute(
            _PUT,
            {
                "account_id": ask.account_id,
                "chat_id": ask.chat_id,
                "thread_id": ask.thread_id or _NO_THREAD,
                "message_id": ask.message_id,
                "sources": ask.sources,
                "asked_at": ask.asked_at,
                "parent_picture_id": ask.parent_picture_id,
            },
        )

    async def take(
        self, account_id: int, chat_id: int, thread_id: int | None, not_before: datetime
    ) -> Ask | None:
        """Remove and return the question that a prompt answers, unless asked too long ago."""
        key = {
            "of_account": account_id,
            "of_chat": chat_id,
            "of_thread": thread_id or _NO_THREAD,
            "not_before": not_before,
        }
        row = (await self._sql.execute(_TAKE, key)).mappings().first()
        return None if row is None else Ask(**{**row, "thread_id": row["thread_id"] or None})

    async def forget(self, account_id: int) -> None:
        """Drop an account's questions: it has called everything off."""
        await self._sql.execute(_FORGET, {"of_account": account_id})

    async def drop_older(self, at: datetime) -> None:
        """Forget the questions asked before a moment."""
        await self._sql.execute(_DROP_OLDER, {"moment": at})
