"""Messages that the bot has sent, what must not be done twice, what Telegram was told of the bot.

A message that was sent without learning its id is looked for among the ids that nobody else has.
Supergroups and channels number their messages by themselves; private chats and basic groups share
one counter, so there a known message of any such chat rules its number out.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    delete,
    func,
    literal_column,
    not_,
    select,
    union,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert

from bot.storage.repository import Repository
from bot.storage.tables import (
    IDEMPOTENCY_KEYS,
    JOBS,
    PICTURES,
    PROFILE_DIGESTS,
    SENT_MESSAGES,
    SHARED_ABOVE,
)

Column = ColumnElement[int]

KEPT = "kept:"  # how a key begins that is never pruned

_PLACES: tuple[tuple[Column, Column], ...] = (
    (JOBS.c.chat_id, JOBS.c.message_id),
    (JOBS.c.chat_id, JOBS.c.status_message_id),
    (PICTURES.c.chat_id, PICTURES.c.message_id),
    (SENT_MESSAGES.c.chat_id, SENT_MESSAGES.c.message_id),
)
_NEW_DIGEST = insert(PROFILE_DIGESTS)
UNREAD = "unread:"  # begins the keys of updates that could not be read


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


class KnownMessages(Repository):
    """Known messages; jobs and pictures know theirs, the table has the bot's others."""

    _ADD = insert(SENT_MESSAGES).on_conflict_do_nothing()

    def add(self, chat_id: int, message_id: int, at: datetime) -> None:
        """Remember a message that the bot sent; again is harmless."""
        self._run(self._ADD, chat_id=chat_id, message_id=message_id, at=at)

    _KNOWN = union(*(_between(message, _this_chat(chat)) for chat, message in _PLACES))
    _KNOWN_SHARED = union(*(_between(message, _sharing_chats(chat)) for chat, message in _PLACES))

    def known(self, chat_id: int, low: int, high: int) -> set[int]:
        """Collect the ids in low < id <= high that are no lost message of this chat."""
        if _shares(chat_id):
            rows = self._run(self._KNOWN_SHARED, low=low, high=high)
        else:
            rows = self._run(self._KNOWN, of_chat=chat_id, low=low, high=high)
        return {row.id for row in rows}

    _NEWEST = union_all(*(_highest(message, _this_chat(chat)) for chat, message in _PLACES))
    _NEWEST_SHARED = union_all(
        *(_highest(message, _sharing_chats(chat)) for chat, message in _PLACES)
    )

    def newest(self, chat_id: int) -> int:
        """Tell the highest id that `known` could name for this chat, 0 if there is none."""
        if _shares(chat_id):
            rows = self._run(self._NEWEST_SHARED)
        else:
            rows = self._run(self._NEWEST, of_chat=chat_id)
        return max(row.id or 0 for row in rows)


def _shares(chat_id: int) -> bool:
    return chat_id > int(SHARED_ABOVE)


class IdempotencyKeys(Repository):
    """The presses, questions, pings and unread updates that were dealt with, by a key of each."""

    _ADD = insert(IDEMPOTENCY_KEYS).on_conflict_do_nothing().returning(IDEMPOTENCY_KEYS.c.key)

    def add(self, key: str, at: datetime) -> bool:
        """Remember that this is done; False if it was before and must not be done again."""
        return self._any(self._ADD, key=key, at=at)

    _HAS = select(IDEMPOTENCY_KEYS.c.key).where(IDEMPOTENCY_KEYS.c.key == bindparam("of_key"))

    def has(self, key: str) -> bool:
        return self._any(self._HAS, of_key=key)

    _UNREAD = (
        select(IDEMPOTENCY_KEYS.c.at, IDEMPOTENCY_KEYS.c.key)
        .where(IDEMPOTENCY_KEYS.c.key > UNREAD, IDEMPOTENCY_KEYS.c.key < f"{UNREAD}~")
        .order_by(IDEMPOTENCY_KEYS.c.at.desc())
        .limit(bindparam("at_most"))
    )

    def unread(self, limit: int) -> list[tuple[datetime, str]]:
        """List the notes of updates that could not be read, the latest first."""
        rows = self._run(self._UNREAD, at_most=limit)
        return [(at, key.removeprefix(UNREAD)) for at, key in rows]

    _PRUNE = delete(IDEMPOTENCY_KEYS).where(
        IDEMPOTENCY_KEYS.c.key.in_(
            select(IDEMPOTENCY_KEYS.c.key)
            .where(
                IDEMPOTENCY_KEYS.c.at < bindparam("moment"),
                not_(IDEMPOTENCY_KEYS.c.key.startswith(KEPT)),
            )
            .limit(bindparam("at_most"))
        )
    )

    def prune(self, before: datetime, limit: int) -> int:
        """Forget `limit` old ones, but for KEPT; tells how many. Telegram redelivers for a day."""
        return self._run(self._PRUNE, moment=before, at_most=limit).rowcount


class ProfileDigests(Repository):
    """Commands and descriptions that were last set, each by a digest under a name."""

    _ALL = select(PROFILE_DIGESTS.c.what, PROFILE_DIGESTS.c.digest).where(
        PROFILE_DIGESTS.c.what.like(bindparam("beginning"))
    )

    def of(self, bot_id: int) -> dict[str, str]:
        """Map the names of what a bot has published to digests."""
        rows = self._run(self._ALL, beginning=f"{bot_id} %")
        return {row.what: row.digest for row in rows}

    _SET = _NEW_DIGEST.on_conflict_do_update(
        index_elements=[PROFILE_DIGESTS.c.what], set_={"digest": _NEW_DIGEST.excluded.digest}
    )

    def set(self, what: str, digest: str) -> None:
        """Note that this was published; `what` begins with the bot's id and a space."""
        self._run(self._SET, what=what, digest=digest)
