"""Albums: their messages arrive one by one and wait for each other."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from pydantic import TypeAdapter
from sqlalchemy import Executable, Text, and_, bindparam, func, not_, select, update

from bot.domain import AlbumItem
from bot.storage.columns import PendingKind, PendingState
from bot.storage.pending import (
    CLOSED,
    IN_CHAT,
    LIVE,
    OTHER,
    OWN,
    THIS,
    PendingRepository,
    document,
)
from bot.storage.tables import PENDING

_C = PENDING.c
_ALBUM = and_(
    _C.kind == PendingKind.ALBUM, IN_CHAT, _C.group_id == bindparam("of_group", type_=Text())
)


class PendingAlbums(PendingRepository[AlbumItem]):
    """The messages of albums: each album is closed once, by who makes a job of it."""

    kind = PendingKind.ALBUM
    shape = TypeAdapter(AlbumItem)
    columns: ClassVar = {
        "at": "arrived_at",
        "words": "prompt",
        "group_id": "group_id",
        "reply_id": "reply_id",
    }

    # On Postgres nobody adds to an album while somebody closes it; SQLite has one writer anyway.
    _TAKE_TURN = select(
        func.pg_advisory_xact_lock(
            func.hashtextextended(bindparam("of_group", type_=Text()), bindparam("of_chat"))
        )
    )
    _LATE = select(_C.message_id).where(_ALBUM, not_(LIVE)).limit(1)

    def add(self, item: AlbumItem) -> bool | None:
        """Store a message of an album.

        True: it waits for the others. False: it came too late, its album is closed. None: it was
        stored before, this is a repeated update.
        """
        album = self._album(item.chat_id, item.group_id)
        late = self._any(self._LATE, **album)
        state = PendingState.CLOSED if late else PendingState.OPEN
        return not late if self._add(item, state) else None

    _OPEN = (
        select(_C.chat_id, _C.group_id, func.max(_C.at, type_=_C.at.type).label("last_at"))
        .where(_C.kind == PendingKind.ALBUM, LIVE)
        .group_by(_C.chat_id, _C.group_id)
        .order_by(func.max(_C.at))
    )

    def open_albums(self) -> list[tuple[int, str, datetime]]:
        """List what waits: chat, group and when its last message came; the oldest first."""
        return [(row.chat_id, row.group_id, row.last_at) for row in self._run(self._OPEN)]

    _WAITING = select(func.max(_C.at, type_=_C.at.type)).where(_ALBUM, LIVE)

    def waiting(self, chat_id: int, group_id: str) -> datetime | None:
        """Tell when an open album's last message came; None if it is closed or unknown."""
        last_at: datetime | None = self._value(self._WAITING, of_chat=chat_id, of_group=group_id)
        return last_at

    _CLOSE = CLOSED.where(_ALBUM, LIVE).returning(*_C)
    _CLOSE_QUIET = _CLOSE.where(
        bindparam("quiet_since", type_=_C.at.type)
        >= select(func.max(OTHER.c.at, type_=_C.at.type))
        .where(
            OTHER.c.kind == PendingKind.ALBUM,
            OTHER.c.chat_id == bindparam("of_chat"),
            OTHER.c.group_id == bindparam("of_group"),
        )
        .scalar_subquery()
    )

    def close(
        self, chat_id: int, group_id: str, quiet_since: datetime | None = None
    ) -> list[AlbumItem]:
        """Close an album and take its messages in order.

        Nothing is returned where it is closed already, or where a message came after
        `quiet_since`.
        """
        album = self._album(chat_id, group_id)
        if quiet_since is None:
            return self._items(self._CLOSE, **album)
        return self._items(self._CLOSE_QUIET, quiet_since=quiet_since, **album)

    _ITEMS = select(PENDING).where(_ALBUM)

    def items(self, chat_id: int, group_id: str) -> list[AlbumItem]:
        """List an album's messages in order, open or closed."""
        return self._items(self._ITEMS, of_chat=chat_id, of_group=group_id)

    _GET = select(PENDING).where(THIS)

    def get(self, chat_id: int, message_id: int) -> AlbumItem | None:
        """Look up one message; None if it is of no album."""
        return self._first(self._GET, **self._key(chat_id, message_id))

    _REWORD = update(PENDING).where(THIS).values(words=bindparam("new"), payload=bindparam("doc"))

    def reword(self, item: AlbumItem) -> list[AlbumItem]:
        """Change a message's caption; returns all messages of its album if that is closed."""
        album = self._album(item.chat_id, item.group_id)
        items = {found.message_id: found for found in self._items(self._ITEMS, **album)}
        before = items.get(item.message_id)
        if before is None or before.account_id != item.account_id:
            return []
        after = replace(before, prompt=item.prompt, addressed=item.addressed)
        key = self._key(item.chat_id, item.message_id)
        self._run(self._REWORD, new=after.prompt, doc=document(after), **key)
        if self.waiting(item.chat_id, item.group_id) is not None:
            return []
        return list({**items, item.message_id: after}.values())

    _OF_ACCOUNT = select(PENDING).where(_C.kind == PendingKind.ALBUM, OWN, LIVE)

    def cancel(self, account_id: int) -> int:
        """Close an account's albums that wait and are for the bot; tells how many there were."""
        items = self._items(self._OF_ACCOUNT, of_account=account_id)
        albums = {(item.chat_id, item.group_id) for item in items if item.addressed}
        return sum(bool(self.close(*album)) for album in sorted(albums))

    def _album(self, chat_id: int, group_id: str) -> dict[str, object]:
        album: dict[str, object] = {"of_chat": chat_id, "of_group": group_id}
        if self._has_others:
            self._run(self._TAKE_TURN, **album)
        return album

    def _items(self, statement: Executable, /, **values: object) -> list[AlbumItem]:
        return sorted(self._messages(statement, **values), key=lambda item: item.message_id)
