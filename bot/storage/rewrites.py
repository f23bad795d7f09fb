"""Rewrites: prompts that a text model is asked to better, until one of the two wordings is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.domain import Enhancement, Reply
from bot.storage.repository import Repository
from bot.storage.tables import REWRITES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


MOST_OPEN = 1000

_C = REWRITES.c
_OPEN = _C.ended_at.is_(None)
_BUSY = and_(_OPEN, _C.shown.is_(False))
_THIS = and_(_C.chat_id == bindparam("of_chat"), _C.message_id == bindparam("of_message"))
_ADD = insert(REWRITES).on_conflict_do_nothing().returning(_C.message_id)
_FIND = select(_C.message_id).where(_THIS)
_GET = select(REWRITES).where(_THIS, _OPEN)
_WAITING = select(func.count()).where(_C.account_id == bindparam("of_account"), _BUSY)
_UNDONE = select(REWRITES).where(_BUSY).order_by(_C.account_id, _C.asked_at).limit(MOST_OPEN)
_BETTERED = (
    update(REWRITES)
    .where(_THIS, _BUSY)
    .values(better=bindparam("new_words"))
    .returning(_C.message_id)
)
_BUSY_ALL = select(func.count()).select_from(
    select(_C.message_id).where(_BUSY).limit(bindparam("at_most")).subquery()
)
_SHOWN = (
    update(REWRITES)
    .where(_THIS)
    .values(shown_id=bindparam("shown_in"), shown=_C.better.is_not(None))
)
_ANEW = (
    update(REWRITES)
    .where(_THIS, _OPEN, _C.better.is_not(None))
    .values(better=None, shown=False)
    .returning(_C.message_id)
)
_END = update(REWRITES).where(_THIS, _OPEN).values(ended_at=bindparam("moment"))
_TAKE = _END.returning(_C.message_id)
_END_OWN = (
    update(REWRITES)
    .where(_C.account_id == bindparam("of_account"), _BUSY)
    .values(ended_at=bindparam("moment"))
    .returning(_C.message_id)
)
_DROP_OLDER = delete(REWRITES).where(_C.asked_at < bindparam("moment"))


class Rewrites(Repository):
    """The prompts that are bettered, one row each."""

    __slots__ = ()

    def put(self, rewrite: Enhancement) -> bool:
        """Keep a prompt; False if this message is known: a repeated update."""
        return (self._sql.execute(_ADD, _fields(rewrite))).first() is not None

    def known(self, chat_id: int, message_id: int) -> bool:
        """Whether this message came before."""
        return (self._sql.execute(_FIND, _key(chat_id, message_id))).first() is not None

    def open(self, chat_id: int, message_id: int) -> Enhancement | None:
        """Look a prompt up; None if it is done."""
        row = (self._sql.execute(_GET, _key(chat_id, message_id))).mappings().first()
        return None if row is None else _rewrite(row)

    def waiting(self, account_id: int) -> int:
        """Count an account's prompts that wait for better words."""
        found = self._sql.execute(_WAITING, {"of_account": account_id})
        return int(found.scalar_one())

    def crowd(self, at_most: int) -> int:
        """Count everybody's prompts that wait for better words, as far as `at_most`."""
        return int((self._sql.execute(_BUSY_ALL, {"at_most": at_most})).scalar_one())

    def undone(self) -> list[Enhancement]:
        """List those that a new process has to go on with, MOST_OPEN at most."""
        return [_rewrite(row) for row in (self._sql.execute(_UNDONE)).mappings()]

    def bettered(self, rewrite: Enhancement, words: str) -> bool:
        """Keep better words, empty where none could be had; False if nobody waits any more."""
        new = {**_key(rewrite.chat_id, rewrite.message_id), "new_words": words}
        return (self._sql.execute(_BETTERED, new)).first() is not None

    def shown(self, rewrite: Enhancement, message_id: int) -> None:
        """Note that the words stand in a message of the bot's."""
        key = _key(rewrite.chat_id, rewrite.message_id)
        self._sql.execute(_SHOWN, {**key, "shown_in": message_id})

    def anew(self, rewrite: Enhancement) -> bool:
        """Have other words looked for; False while that is being done."""
        key = _key(rewrite.chat_id, rewrite.message_id)
        return (self._sql.execute(_ANEW, key)).first() is not None

    def end(self, rewrite: Enhancement, at: datetime) -> bool:
        """Close a prompt; False if that was done before."""
        key = _key(rewrite.chat_id, rewrite.message_id)
        return (self._sql.execute(_TAKE, {**key, "moment": at})).first() is not None

    def forget(self, account_id: int, at: datetime) -> int:
        """Close an account's prompts that wait for better words; tells how many."""
        end = {"of_account": account_id, "moment": at}
        return len((self._sql.execute(_END_OWN, end)).all())

    def drop_older(self, at: datetime) -> None:
        """Delete the prompts that came before a moment."""
        self._sql.execute(_DROP_OLDER, {"moment": at})


def _key(chat_id: int, message_id: int) -> dict[str, Any]:
    return {"of_chat": chat_id, "of_message": message_id}


def _fields(rewrite: Enhancement) -> dict[str, object]:
    reply = rewrite.reply
    return {
        "chat_id": rewrite.chat_id,
        "message_id": rewrite.message_id,
        "account_id": rewrite.account_id,
        "thread_id": rewrite.thread_id,
        "locale": rewrite.locale,
        "private": rewrite.private,
        "words": rewrite.words,
        "bare": rewrite.bare,
        "flags": rewrite.flags,
        "reply_id": reply.message_id if reply else None,
        "reply_sources": (reply.source,) if reply and reply.source else (),
        "asked_at": rewrite.asked_at,
        "better": rewrite.better,
        "shown_id": rewrite.shown_id,
        "shown": rewrite.shown,
        "ended_at": None,
    }


def _rewrite(row: Mapping[Any, Any]) -> Enhancement:
    known = {name: row[name] for name in _fields_of(row)}
    sources = row["reply_sources"]
    reply = None
    if row["reply_id"] is not None:
        reply = Reply(row["reply_id"], sources[0] if sources else None)
    return Enhancement(**known, reply=reply)


def _fields_of(row: Mapping[Any, Any]) -> set[str]:
    return set(row) - {"reply_id", "reply_sources", "ended_at"}
