"""Asks: pictures that wait for their prompt, and wishes that wait for a model.

A row stays when its ask is closed, until it is pruned: a reply finds its pictures again, and a
repeated update is known by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, delete, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from bot.domain import PendingPrompt
from bot.storage.repository import Repository
from bot.storage.tables import ASKS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


MOST_UNQUESTIONED = 1000
MOST_BEFORE = 20

# So that a place without topics is found by plain equality; no topic has the id 0.
_NO_THREAD = 0

_C = ASKS.c
_OF_ACCOUNT = _C.account_id == bindparam("of_account")
_THIS_CHAT = _C.chat_id == bindparam("of_chat")
_THIS_MESSAGE = and_(_THIS_CHAT, _C.message_id == bindparam("of_message"))
_THIS_QUESTION = and_(_THIS_CHAT, _C.question_id == bindparam("of_message"))
_RECENT = _C.asked_at >= bindparam("not_before")
_NEWEST = (_C.asked_at.desc(), _C.message_id.desc())

_ADD = insert(ASKS).on_conflict_do_nothing().returning(_C.message_id)
_CLOSE = update(ASKS).where(_OF_ACCOUNT, _C.open).values(open=False)
# What has its prompt waits for a button, not for the next message.
_CLOSE_HERE = _CLOSE.where(_THIS_CHAT, _C.thread_id == bindparam("of_thread"), _C.prompt == "")
_CLOSE_OTHERS = _CLOSE_HERE.where(_C.message_id != bindparam("of_message"))
_EARLIER = ASKS.alias("earlier")
_ASKED_BEFORE = select(_EARLIER.c.message_id).where(
    _EARLIER.c.chat_id == bindparam("of_chat"), _EARLIER.c.message_id == bindparam("by_message")
)
_TAKE = _CLOSE_HERE.where(~_ASKED_BEFORE.exists()).returning(*_C)
_GET = select(ASKS).where(_THIS_MESSAGE, _RECENT)
_BEFORE = (
    select(ASKS)
    .where(_OF_ACCOUNT, _THIS_CHAT, _C.message_id < bindparam("of_message"), _RECENT)
    .order_by(_C.message_id.desc())
    .limit(MOST_BEFORE)
)
_CHOOSE = (
    update(ASKS).where(_THIS_MESSAGE, _RECENT, _C.open).values(open=False).returning(_C.message_id)
)
_REPLIED = (
    select(_C.chat_id, _C.message_id)
    .where(or_(_THIS_MESSAGE, _THIS_QUESTION), _OF_ACCOUNT, _RECENT)
    .order_by(*_NEWEST)
    .limit(1)
)
_WAITS = (
    select(_C.message_id)
    .where(
        _OF_ACCOUNT,
        _C.open,
        _THIS_CHAT,
        _C.thread_id == bindparam("of_thread"),
        _C.prompt == "",
        _RECENT,
    )
    .limit(1)
)
_TAKE_REPLIED = (
    update(ASKS)
    .where(tuple_(_C.chat_id, _C.message_id).in_(_REPLIED))
    .values(open=False)
    .returning(*_C)
)
_EXPECT = insert(ASKS).on_conflict_do_nothing()
_EXPECTING = (
    select(ASKS)
    .where(_THIS_QUESTION, _OF_ACCOUNT, _RECENT, _C.prompt != "")
    .order_by(*_NEWEST)
    .limit(1)
)
_WORD = update(ASKS).where(_THIS_MESSAGE).values(prompt=bindparam("words"), open=True)
_REOPEN = update(ASKS).where(_THIS_MESSAGE).values(open=True)
_QUESTIONED = update(ASKS).where(_THIS_MESSAGE).values(question_id=bindparam("question"))
_UNQUESTIONED = (
    select(ASKS)
    .where(_C.open, _C.question_id.is_(None), _C.asked_at >= bindparam("since"))
    .order_by(_C.asked_at)
    .limit(MOST_UNQUESTIONED)
)
_FORGET = _CLOSE.returning(_C.message_id)
_DROP_OLDER = delete(ASKS).where(_C.asked_at < bindparam("moment"))


class Asks(Repository):
    """The questions; of those of an account in a chat and topic, the newest is open."""

    __slots__ = ()

    def put(self, ask: PendingPrompt) -> bool:
        """Open a question and close the account's others there.

        False, and nothing has changed, if that message was asked about before: a repeated update.
        """
        row = _fields(ask)
        if (self._sql.execute(_ADD, row)).first() is None:
            return False
        here = _place(ask.account_id, ask.chat_id, ask.thread_id)
        self._sql.execute(_CLOSE_OTHERS, {**here, "of_message": ask.message_id})
        return True

    def waits(
        self, account_id: int, chat_id: int, thread_id: int | None, not_before: datetime
    ) -> bool:
        """Whether the account's pictures wait for their prompt there."""
        asked: dict[str, object] = {"not_before": not_before}
        asked |= _place(account_id, chat_id, thread_id)
        return (self._sql.execute(_WAITS, asked)).first() is not None

    def replied(self, account_id: int, chat_id: int, message_id: int, not_before: datetime) -> bool:
        """Whether a message is one of the account's asks, or the question of one."""
        asked: dict[str, object] = {"of_account": account_id, "of_chat": chat_id}
        asked |= {"of_message": message_id, "not_before": not_before}
        return (self._sql.execute(_REPLIED, asked)).first() is not None

    def expect(self, ask: PendingPrompt) -> None:
        """Keep a request without pictures, which a reply to its question brings."""
        self._sql.execute(_EXPECT, {**_fields(ask), "open": False})

    def expecting(
        self, account_id: int, chat_id: int, question_id: int, not_before: datetime
    ) -> PendingPrompt | None:
        """Find the account's request that a reply to this question completes."""
        asked = {
            "of_account": account_id,
            "of_chat": chat_id,
            "of_message": question_id,
            "not_before": not_before,
        }
        row = (self._sql.execute(_EXPECTING, asked)).mappings().first()
        found = None if row is None else _ask(row)
        return None if found is None or found.sources else found

    def word(self, chat_id: int, message_id: int, prompt: str) -> None:
        """Give pictures that wait their words: then they wait for a model."""
        asked = {"of_chat": chat_id, "of_message": message_id, "words": prompt}
        self._sql.execute(_WORD, asked)

    def take(
        self,
        account_id: int,
        chat_id: int,
        thread_id: int | None,
        not_before: datetime,
        *,
        by: int = 0,
    ) -> PendingPrompt | None:
        """Close the questions that a prompt may answer and return the newest.

        None if there is none that was asked since `not_before`, and for a repeated update: `by`,
        the prompt's message, was itself asked about before.
        """
        here = _place(account_id, chat_id, thread_id)
        rows = self._sql.execute(_TAKE, {**here, "by_message": by})
        asks = [ask for ask in map(_ask, rows.mappings()) if ask.asked_at >= not_before]
        return max(asks, key=lambda ask: (ask.asked_at, ask.message_id), default=None)

    def take_replied(
        self, account_id: int, chat_id: int, message_id: int, not_before: datetime
    ) -> PendingPrompt | None:
        """Close and return the account's question that a reply to this message answers.

        The message is the question or its pictures. A closed question is found again: each reply
        works on the same pictures.
        """
        asked = {
            "of_account": account_id,
            "of_chat": chat_id,
            "of_message": message_id,
            "not_before": not_before,
        }
        row = (self._sql.execute(_TAKE_REPLIED, asked)).mappings().first()
        return None if row is None else _ask(row)

    def get(self, chat_id: int, message_id: int, not_before: datetime) -> PendingPrompt | None:
        """Look up what was asked about a message, open or closed."""
        asked = {"of_chat": chat_id, "of_message": message_id, "not_before": not_before}
        row = (self._sql.execute(_GET, asked)).mappings().first()
        return None if row is None else _ask(row)

    def before(
        self, account_id: int, chat_id: int, message_id: int, not_before: datetime
    ) -> list[PendingPrompt]:
        """List the account's asks about earlier messages of a chat: the last MOST_BEFORE, open or not."""
        asked = {
            "of_account": account_id,
            "of_chat": chat_id,
            "of_message": message_id,
            "not_before": not_before,
        }
        return [_ask(row) for row in (self._sql.execute(_BEFORE, asked)).mappings()]

    def choose(self, chat_id: int, message_id: int, not_before: datetime) -> bool:
        """Close the question about a message; False if it is not open: an answer came before."""
        asked = {"of_chat": chat_id, "of_message": message_id, "not_before": not_before}
        return (self._sql.execute(_CHOOSE, asked)).first() is not None

    def reopen(self, chat_id: int, message_id: int) -> None:
        """Take the closing of a question back: what answered it was not accepted."""
        self._sql.execute(_REOPEN, {"of_chat": chat_id, "of_message": message_id})

    def questioned(self, chat_id: int, message_id: int, question_id: int) -> None:
        """Note which message of the bot's asks about the pictures in `message_id`."""
        this = {"of_chat": chat_id, "of_message": message_id, "question": question_id}
        self._sql.execute(_QUESTIONED, this)

    def unquestioned(self, since: datetime) -> list[PendingPrompt]:
        """List the open questions that were never sent, oldest first: MOST_UNQUESTIONED at most."""
        rows = self._sql.execute(_UNQUESTIONED, {"since": since})
        return [_ask(row) for row in rows.mappings()]

    def forget(self, account_id: int) -> int:
        """Close an account's open questions, since it has called everything off; tells how many."""
        return len((self._sql.execute(_FORGET, {"of_account": account_id})).all())

    def drop_older(self, at: datetime) -> None:
        """Delete the questions asked before a moment."""
        self._sql.execute(_DROP_OLDER, {"moment": at})


def _place(account_id: int, chat_id: int, thread_id: int | None) -> dict[str, int]:
    return {
        "of_account": account_id,
        "of_chat": chat_id,
        "of_thread": thread_id or _NO_THREAD,
    }


def _fields(ask: PendingPrompt) -> dict[str, object]:
    return {
        "account_id": ask.account_id,
        "chat_id": ask.chat_id,
        "thread_id": ask.thread_id or _NO_THREAD,
        "message_id": ask.message_id,
        "sources": ask.sources,
        "asked_at": ask.asked_at,
        "parent_picture_id": ask.parent_picture_id,
        "locale": ask.locale,
        "private": ask.private,
        "question_id": ask.question_id,
        "open": True,
        "prompt": ask.prompt,
        "flags": ask.flags,
    }


def _ask(row: Mapping[Any, Any]) -> PendingPrompt:
    known = {name: value for name, value in row.items() if name != "open"}
    return PendingPrompt(**{**known, "thread_id": row["thread_id"] or None})
