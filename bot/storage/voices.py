"""Voices: messages whose words were spoken, from their arrival until they became a wish.

A row stays when its voice is done, until it is pruned: a repeated update is known by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.domain import Reply, Voice
from bot.storage.repository import Repository
from bot.storage.tables import VOICES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.domain import OutcomeKind

MOST_OPEN = 1000

_C = VOICES.c
_OPEN = _C.ended_at.is_(None)
_THIS = and_(_C.chat_id == bindparam("of_chat"), _C.message_id == bindparam("of_message"))
_ADD = insert(VOICES).on_conflict_do_nothing().returning(_C.message_id)
_FIND = select(_C.message_id).where(_THIS)
_GET = select(VOICES).where(_THIS, _OPEN)
_WAITING = select(func.count()).where(_C.account_id == bindparam("of_account"), _OPEN)
_CROWD = select(func.count()).select_from(
    select(_C.message_id).where(_OPEN).limit(bindparam("at_most")).subquery()
)
_UNDONE = select(VOICES).where(_OPEN).order_by(_C.account_id, _C.arrived_at).limit(MOST_OPEN)
_HEARD = (
    update(VOICES)
    .where(_THIS, _OPEN, _C.words.is_(None))
    .values(words=bindparam("new_words"))
    .returning(_C.message_id)
)
_SHOWN = update(VOICES).where(_THIS).values(heard_id=bindparam("shown_in"))
_END = update(VOICES).where(_OPEN).values(ended_at=bindparam("moment"), outcome=bindparam("why"))
_END_THIS = _END.where(_THIS).returning(_C.message_id)
_END_OWN = _END.where(_C.account_id == bindparam("of_account")).returning(_C.message_id)
_DROP_OLDER = delete(VOICES).where(_C.arrived_at < bindparam("moment"))


class Voices(Repository):
    """The voice messages, one row each."""

    __slots__ = ()

    def put(self, voice: Voice) -> bool:
        """Keep a voice; False if this message is known: a repeated update."""
        return (self._sql.execute(_ADD, _fields(voice))).first() is not None

    def known(self, chat_id: int, message_id: int) -> bool:
        """Whether this message came before."""
        return (self._sql.execute(_FIND, _key(chat_id, message_id))).first() is not None

    def waiting(self, account_id: int) -> int:
        """Count an account's voices that are not done."""
        found = self._sql.execute(_WAITING, {"of_account": account_id})
        return int(found.scalar_one())

    def crowd(self, at_most: int) -> int:
        """Count everybody's voices that are not done, as far as `at_most`."""
        return int((self._sql.execute(_CROWD, {"at_most": at_most})).scalar_one())

    def open(self, chat_id: int, message_id: int) -> Voice | None:
        """Look a voice up; None if it is done."""
        row = (self._sql.execute(_GET, _key(chat_id, message_id))).mappings().first()
        return None if row is None else _voice(row)

    def undone(self) -> list[Voice]:
        """List the voices that a new process has to go on with, MOST_OPEN at most."""
        return [_voice(row) for row in (self._sql.execute(_UNDONE)).mappings()]

    def heard(self, voice: Voice, words: str) -> bool:
        """Keep the words; False if the voice was called off, or has them already."""
        new = {**_key(voice.chat_id, voice.message_id), "new_words": words}
        return (self._sql.execute(_HEARD, new)).first() is not None

    def shown(self, voice: Voice, message_id: int) -> None:
        """Note which message of the bot's says what was heard."""
        new = {**_key(voice.chat_id, voice.message_id), "shown_in": message_id}
        self._sql.execute(_SHOWN, new)

    def end(self, voice: Voice, why: OutcomeKind | None, at: datetime) -> bool:
        """Close a voice, without a `why` where it became a wish; False if it was closed before."""
        end = {**_key(voice.chat_id, voice.message_id), "why": why, "moment": at}
        return (self._sql.execute(_END_THIS, end)).first() is not None

    def forget(self, account_id: int, why: OutcomeKind, at: datetime) -> int:
        """Close all of an account's voices; tells how many."""
        end = {"of_account": account_id, "why": why, "moment": at}
        return len((self._sql.execute(_END_OWN, end)).all())

    def drop_older(self, at: datetime) -> None:
        """Delete the voices that came before a moment."""
        self._sql.execute(_DROP_OLDER, {"moment": at})


def _key(chat_id: int, message_id: int) -> dict[str, Any]:
    return {"of_chat": chat_id, "of_message": message_id}


def _fields(voice: Voice) -> dict[str, object]:
    reply = voice.reply
    return {
        "chat_id": voice.chat_id,
        "message_id": voice.message_id,
        "account_id": voice.account_id,
        "thread_id": voice.thread_id,
        "locale": voice.locale,
        "private": voice.private,
        "sources": (voice.source,),
        "seconds": voice.seconds,
        "caption": voice.caption,
        "reply_id": reply.message_id if reply else None,
        "reply_sources": (reply.source,) if reply and reply.source else (),
        "arrived_at": voice.arrived_at,
        "words": voice.words,
        "heard_id": voice.heard_id,
        "outcome": None,
        "ended_at": None,
    }


def _voice(row: Mapping[Any, Any]) -> Voice:
    reply_sources = row["reply_sources"]
    source = reply_sources[0] if reply_sources else None
    return Voice(
        account_id=row["account_id"],
        chat_id=row["chat_id"],
        message_id=row["message_id"],
        source=row["sources"][0],
        seconds=row["seconds"],
        locale=row["locale"],
        arrived_at=row["arrived_at"],
        thread_id=row["thread_id"],
        private=row["private"],
        caption=row["caption"],
        reply=None if row["reply_id"] is None else Reply(row["reply_id"], source),
        words=row["words"],
        heard_id=row["heard_id"],
    )
