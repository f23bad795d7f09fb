"""Outgoing messages: which messages of a chat the bot itself has sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select, union_all
from sqlalchemy.dialects.postgresql import insert

from bot.storage.tables import JOBS, OUTGOING, PICTURES

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.ext.asyncio import AsyncConnection


def _above(chat: ColumnElement[int], message: ColumnElement[int]) -> Select[tuple[int]]:
    """Select one table's message ids, each on its own index and no more than asked for."""
    lowest = (
        select(message.label("id"))
        .where(chat == bindparam("of_chat"), message > bindparam("above"))
        .order_by(message)
        .limit(bindparam("at_most"))
        .subquery()
    )
    return select(lowest.c.id)


_ADD = insert(OUTGOING).on_conflict_do_nothing()
_KNOWN = union_all(
    _above(JOBS.c.chat_id, JOBS.c.status_message_id),
    _above(PICTURES.c.chat_id, PICTURES.c.message_id),
    _above(OUTGOING.c.chat_id, OUTGOING.c.message_id),
)
_PRUNE = delete(OUTGOING).where(OUTGOING.c.at < bindparam("moment"))


class Outgoing:
    """The bot's own messages; jobs and pictures know theirs, the table has the others."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def add(self, chat_id: int, message_id: int, at: datetime) -> None:
        """Remember a message that the bot sent; again is harmless."""
        await self._sql.execute(_ADD, {"chat_id": chat_id, "message_id": message_id, "at": at})

    async def known(self, chat_id: int, above: int, limit: int) -> set[int]:
        """Collect the lowest ids above `above` of the bot's messages: `limit` at most."""
        asked = {"of_chat": chat_id, "above": above, "at_most": limit}
        found: set[int] = {row.id for row in await self._sql.execute(_KNOWN, asked)}
        return set(sorted(found)[:limit])

    async def prune(self, before: datetime) -> None:
        """Forget old messages of the table."""
        await self._sql.execute(_PRUNE, {"moment": before})
