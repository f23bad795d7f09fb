"""Albums: their messages arrive one by one and wait for each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, not_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from bot.domain import AlbumItem
from bot.storage.repository import Repository
from bot.storage.tables import ALBUM_ITEMS, ALBUMS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any


_A = ALBUMS.c
_I = ALBUM_ITEMS.c
_THIS = (_A.chat_id == bindparam("of_chat")) & (_A.group_id == bindparam("of_group"))

_ADD_ITEM = insert(ALBUM_ITEMS).on_conflict_do_nothing().returning(_I.message_id)
_NEW = insert(ALBUMS)
_TOUCH = _NEW.on_conflict_do_update(
    index_elements=[_A.chat_id, _A.group_id],
    set_={"last_at": _NEW.excluded.last_at},
    where=not_(_A.closed),
).returning(_A.closed)
_OPEN = select(_A.chat_id, _A.group_id, _A.last_at).where(not_(_A.closed)).order_by(_A.last_at)
_WAITING = select(_A.last_at).where(_THIS, not_(_A.closed))
_CLOSE = update(ALBUMS).where(_THIS, not_(_A.closed)).values(closed=True).returning(_A.chat_id)
_CLOSE_QUIET = _CLOSE.where(_A.last_at <= bindparam("quiet_since"))
_ITEMS = (
    select(ALBUM_ITEMS)
    .where(_I.chat_id == bindparam("of_chat"), _I.group_id == bindparam("of_group"))
    .order_by(_I.message_id)
)
_REWORD = (
    update(ALBUM_ITEMS)
    .where(
        _I.chat_id == bindparam("of_chat"),
        _I.message_id == bindparam("of_message"),
        _I.account_id == bindparam("of_account"),
    )
    .values(prompt=bindparam("words"), addressed=bindparam("for_us"))
    .returning(_I.message_id)
)
_OF_ACCOUNT = select(_I.chat_id, _I.group_id).where(
    _I.account_id == bindparam("of_account"), _I.addressed
)
_CALL_OFF = (
    update(ALBUMS)
    .where(not_(_A.closed), tuple_(_A.chat_id, _A.group_id).in_(_OF_ACCOUNT))
    .values(closed=True)
    .returning(_A.group_id)
)
_OLD = (_A.closed, _A.last_at < bindparam("moment"))
_DROP_ITEMS = delete(ALBUM_ITEMS).where(
    tuple_(_I.chat_id, _I.group_id).in_(select(_A.chat_id, _A.group_id).where(*_OLD))
)
_DROP = delete(ALBUMS).where(*_OLD)


class Albums(Repository):
    """The albums: each is open until it is closed, once, by whoever makes a job of it."""

    __slots__ = ()

    def add(self, item: AlbumItem) -> bool | None:
        """Store a message of an album.

        True: it waits for the others. False: it came too late, its album is closed. None: it was
        stored before, this is a repeated update.
        """
        if (self._sql.execute(_ADD_ITEM, _fields(item))).first() is None:
            return None
        album = {
            "chat_id": item.chat_id,
            "group_id": item.album_id,
            "last_at": item.arrived_at,
            "closed": False,
        }
        return (self._sql.execute(_TOUCH, album)).first() is not None

    def open_albums(self) -> list[tuple[int, str, datetime]]:
        """List what waits: chat, group and when its last message came; the oldest first."""
        rows = self._sql.execute(_OPEN)
        return [(row.chat_id, row.group_id, row.last_at) for row in rows]

    def waiting(self, chat_id: int, group_id: str) -> datetime | None:
        """Tell when an open album's last message came; None if it is closed or unknown."""
        this = {"of_chat": chat_id, "of_group": group_id}
        last_at: datetime | None = (self._sql.execute(_WAITING, this)).scalar()
        return last_at

    def close(
        self, chat_id: int, group_id: str, quiet_since: datetime | None = None
    ) -> list[AlbumItem]:
        """Close an album and take its messages in order.

        Nothing is returned where it is closed already, or where a message came after
        `quiet_since`.
        """
        this = {"of_chat": chat_id, "of_group": group_id}
        close = _CLOSE if quiet_since is None else _CLOSE_QUIET
        asked = this if quiet_since is None else this | {"quiet_since": quiet_since}
        if (self._sql.execute(close, asked)).first() is None:
            return []
        return [_item(row) for row in (self._sql.execute(_ITEMS, this)).mappings()]

    def reword(self, item: AlbumItem) -> list[AlbumItem]:
        """Change a message's caption; returns all messages of its album if that is closed."""
        words = {
            "of_chat": item.chat_id,
            "of_message": item.message_id,
            "of_account": item.account_id,
            "words": item.prompt,
            "for_us": item.addressed,
        }
        if (self._sql.execute(_REWORD, words)).first() is None:
            return []
        if self.waiting(item.chat_id, item.album_id) is not None:
            return []
        this = {"of_chat": item.chat_id, "of_group": item.album_id}
        return [_item(row) for row in (self._sql.execute(_ITEMS, this)).mappings()]

    def call_off(self, account_id: int) -> int:
        """Close an account's albums that wait and are for the bot; tells how many there were."""
        rows = self._sql.execute(_CALL_OFF, {"of_account": account_id})
        return len(rows.all())

    def drop_older(self, at: datetime) -> None:
        """Forget closed albums whose last message came before a moment."""
        self._sql.execute(_DROP_ITEMS, {"moment": at})
        self._sql.execute(_DROP, {"moment": at})


def _fields(item: AlbumItem) -> dict[str, object]:
    return {
        "chat_id": item.chat_id,
        "message_id": item.message_id,
        "group_id": item.album_id,
        "account_id": item.account_id,
        "sources": (item.source,),
        "prompt": item.prompt,
        "addressed": item.addressed,
        "locale": item.locale,
        "arrived_at": item.arrived_at,
        "thread_id": item.thread_id,
        "private": item.private,
        "reply_id": item.reply_id,
    }


def _item(row: Mapping[Any, Any]) -> AlbumItem:
    known = dict(row)
    (source,) = known.pop("sources")
    return AlbumItem(source=source, album_id=known.pop("group_id"), **known)
