"""Outgoing messages: which messages of a chat are known, so that a lost one can be found.

A message that was sent without learning its id is looked for among the ids that nobody else has.
Supergroups and channels number their messages by themselves; private chats and basic groups share
one counter, so there a known message of any such chat rules its number out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, literal_column, select, union, union_all
from sqlalchemy.dialects.postgresql import insert

from bot.storage.one_trip import UNREAD
from bot.storage.tables import JOBS, OUTGOING, PICTURES, SHARED_ABOVE

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    Column = ColumnElement[int]

_PLACES: tuple[tuple[Column, Column], ...] = (
    (JOBS.c.chat_id, JOBS.c.message_id),
    (JOBS.c.chat_id, JOBS.c.status_message_id),
    (PICTURES.c.chat_id, PICTURES.c.message_id),
    (OUTGOING.c.chat_id, OUTGOING.c.message_id),
)


def _this_chat(chat: Column) -> ColumnElement[bool]:
    return chat == bindparam("of_chat")


def _sharing_chats(chat: Column) -> ColumnElement[bool]:
    return chat > literal_column(SHARED_ABOVE)


def _between(message: Column, chats: ColumnElement[bool]) -> Select[int]:
    return select(message.label("id")).where(
        chats, message > bindparam("low"), message <= bindparam("high")
    )


def _highest(message: Column, chats: ColumnElement[bool]) -> Select[int]:
    # Above 0: those below were left behind by a chat that moved.
    return select(func.max(message).label("id")).where(chats, message > 0)


_ADD = insert(OUTGOING).on_conflict_do_nothing().execution_options(**{UNREAD: True})
_KNOWN = union(*(_between(message, _this_chat(chat)) for chat, message in _PLACES))
_KNOWN_SHARED = union(*(_between(message, _sharing_chats(chat)) for chat, message in _PLACES))
_NEWEST = union_all(*(_highest(message, _this_chat(chat)) for chat, message in _PLACES))
_NEWEST_SHARED = union_all(*(_highest(message, _sharing_chats(chat)) for chat, message in _PLACES))


class Outgoing:
    """Known messages; jobs and pictures know theirs, the table has the bot's others."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def add(self, chat_id: int, message_id: int, at: datetime) -> None:
        """Remember a message that the bot sent; again is harmless."""
        await self._sql.execute(_ADD, {"chat_id": chat_id, "message_id": message_id, "at": at})

    async def known(self, chat_id: int, low: int, high: int) -> set[int]:
        """Collect the ids in low < id <= high that are no lost message of this chat."""
        between = {"low": low, "high": high}
        if _shares(chat_id):
            rows = await self._sql.execute(_KNOWN_SHARED, between)
        else:
            rows = await self._sql.execute(_KNOWN, {"of_chat": chat_id, **between})
        return {row.id for row in rows}

    async def newest(self, chat_id: int) -> int:
        """Tell the highest id that `known` could name for this chat, 0 if there is none."""
        if _shares(chat_id):
            rows = await self._sql.execute(_NEWEST_SHARED)
        else:
            rows = await self._sql.execute(_NEWEST, {"of_chat": chat_id})
        return max(row.id or 0 for row in rows)


def _shares(chat_id: int) -> bool:
    return chat_id > int(SHARED_ABOVE)
