"""People: users and chats as Telegram last described them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.storage.one_trip import UNREAD
from bot.storage.tables import CHATS, USERS

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.dialects.postgresql import Insert
    from sqlalchemy.ext.asyncio import AsyncConnection

SEEN_AGAIN_AFTER = timedelta(days=1)


def _seen(table: Table, *facts: str) -> Insert:
    """Insert a row, or update it where a fact has changed or was last confirmed long ago."""
    new = insert(table)
    changed = (table.c[fact].is_distinct_from(new.excluded[fact]) for fact in facts)
    return new.on_conflict_do_update(
        index_elements=[table.c.id],
        set_={fact: new.excluded[fact] for fact in (*facts, "last_seen")},
        where=or_(*changed, table.c.last_seen <= bindparam("stale")),
    ).execution_options(**{UNREAD: True})


_SEEN_USER = _seen(USERS, "name", "username", "language")
_SEEN_CHAT = _seen(CHATS, "kind", "title")


_ADDED = (
    update(CHATS)
    .where(CHATS.c.id == bindparam("of_chat"))
    .values(added_by=bindparam("by"))
    .execution_options(**{UNREAD: True})
)
_ADDED_BY = (
    select(CHATS.c.added_by, USERS.c.language)
    .outerjoin_from(CHATS, USERS, USERS.c.id == CHATS.c.added_by)
    .where(CHATS.c.id == bindparam("of_chat"), CHATS.c.added_by.is_not(None))
)
_LANGUAGE = select(USERS.c.language).where(USERS.c.id == bindparam("of_user"))
_NEW_HINT = insert(CHATS)
_HINTED = _NEW_HINT.on_conflict_do_update(
    index_elements=[CHATS.c.id],
    set_={"hinted_at": _NEW_HINT.excluded.hinted_at},
    where=CHATS.c.hinted_at.is_(None),
).returning(CHATS.c.id)


class People:
    """The users and chats that have talked to the bot."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def seen_user(
        self, user_id: int, name: str, username: str | None, language: str | None, at: datetime
    ) -> None:
        """Keep how a user is called; writes once a day at most unless something changed."""
        row = {"id": user_id, "name": name, "username": username, "language": language}
        await self._sql.execute(_SEEN_USER, row | _times(at))

    async def seen_chat(self, chat_id: int, kind: str, title: str | None, at: datetime) -> None:
        """Keep what a chat is; writes once a day at most unless something changed."""
        row = {"id": chat_id, "kind": kind, "title": title}
        await self._sql.execute(_SEEN_CHAT, row | _times(at))

    async def language(self, user_id: int) -> str | None:
        """Tell the language of a user's Telegram, as far as it is known."""
        return await self._sql.scalar(_LANGUAGE, {"of_user": user_id})

    async def added(self, chat_id: int, by: int) -> None:
        """Keep who added the bot to a chat that was seen."""
        await self._sql.execute(_ADDED, {"of_chat": chat_id, "by": by})

    async def added_by(self, chat_id: int) -> tuple[int, str | None] | None:
        """Tell who added the bot to a chat, and his language, as far as it is known."""
        row = (await self._sql.execute(_ADDED_BY, {"of_chat": chat_id})).first()
        return (row.added_by, row.language) if row else None

    async def hint(self, chat_id: int, at: datetime) -> bool:
        """Note that a group is told what the bot cannot see; False if it was before."""
        row = {"id": chat_id, "kind": "group", "first_seen": at, "last_seen": at, "hinted_at": at}
        return (await self._sql.execute(_HINTED, row)).first() is not None


def _times(at: datetime) -> dict[str, datetime]:
    return {"first_seen": at, "last_seen": at, "stale": at - SEEN_AGAIN_AFTER}
