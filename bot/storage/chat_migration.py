"""A chat's move: a group became a supergroup, with another id and other message ids.

What the old chat's messages were called means nothing in the new one, where the same numbers will
name other messages. So ids that are part of a key go far below zero, in their order: whoever finds
a negative message id must not reply to it. Ids that only say where something stands are cleared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from bot.storage.pending.message import LIVE
from bot.storage.tables import (
    ALLOWANCES,
    CALLS,
    CHATS,
    COSTS,
    COUNTERS,
    JOBS,
    LEDGER,
    MESSAGE_LINKS,
    PENDING,
    PICTURES,
    PREFERENCES,
    SENT_MESSAGES,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table
    from sqlalchemy.sql import Executable

# More than any message id of Telegram's (32 bits).
LEFT_BEHIND = 1 << 40


def _merged(
    table: Table, *sums: str, key: str = "account_id", within: str | None = None
) -> tuple[Executable, ...]:
    """Add the old account's rows to the new one's, then delete them; `within` the old chat only."""
    kept = [column.name for column in table.columns if column.name != key]
    rows = and_(*(table.c[name] == bindparam("old") for name in (key, within) if name))
    named = bindparam("new", type_=table.c[key].type)
    old = select(named, *(table.c[name] for name in kept)).where(rows)
    new = upsert(table).from_select([key, *kept], old)
    added = (
        new.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={name: table.c[name] + new.excluded[name] for name in sums},
        )
        if sums
        else new.on_conflict_do_nothing()
    )
    return added, delete(table).where(rows)


def _known() -> Executable:
    """Tell the new chat's row what the old one's knows of the bot's life there."""
    kept = [column.name for column in CHATS.columns if column.name != "id"]
    old = select(bindparam("new", type_=CHATS.c.id.type), *(CHATS.c[name] for name in kept)).where(
        CHATS.c.id == bindparam("old")
    )
    new = upsert(CHATS).from_select(["id", *kept], old)
    facts = ("added_by", "hinted_at")
    return new.on_conflict_do_update(
        index_elements=[CHATS.c.id],
        set_={name: func.coalesce(CHATS.c[name], new.excluded[name]) for name in facts},
    )


def _moved(table: Table, **values: object) -> Executable:
    new = bindparam("new", type_=table.c.chat_id.type)
    return update(table).where(table.c.chat_id == bindparam("old")).values(chat_id=new, **values)


_STEPS: tuple[Executable, ...] = (
    update(JOBS)
    .where(JOBS.c.account_id == bindparam("old"), JOBS.c.ended_at.is_(None))
    .values(account_id=bindparam("new")),
    update(JOBS)
    .where(JOBS.c.chat_id == bindparam("old"), JOBS.c.ended_at.is_(None))
    .values(
        chat_id=bindparam("new"),
        message_id=JOBS.c.message_id - LEFT_BEHIND,
        status_message_id=None,
        after_message_id=0,
    ),
    _moved(PICTURES, message_id=None),
    update(PICTURES)
    .where(PICTURES.c.account_id == bindparam("old"))
    .values(account_id=bindparam("new")),
    delete(MESSAGE_LINKS).where(MESSAGE_LINKS.c.chat_id == bindparam("old")),
    update(PENDING)
    .where(PENDING.c.account_id == bindparam("old"), LIVE)
    .values(account_id=bindparam("new")),
    _moved(
        PENDING,
        message_id=PENDING.c.message_id - LEFT_BEHIND,
        reply_id=PENDING.c.reply_id - LEFT_BEHIND,
        bot_message_id=None,
    ),
    update(CALLS)
    .where(CALLS.c.chat_id == bindparam("old"), CALLS.c.job_id.is_(None))
    .values(chat_id=bindparam("new"), message_id=CALLS.c.message_id - LEFT_BEHIND),
    delete(SENT_MESSAGES).where(SENT_MESSAGES.c.chat_id == bindparam("old")),
    update(LEDGER)
    .where(LEDGER.c.account_id == bindparam("old"))
    .values(account_id=bindparam("new")),
    *_merged(COUNTERS, "reserved", "settled", "tokens_in", "tokens_out", "unpriced_calls"),
    *_merged(COSTS, "micros"),
    *_merged(PREFERENCES),
    # A chat that speaks for itself is an account in its own counts, too.
    *_merged(ALLOWANCES, "used", within="chat_id"),
    *_merged(ALLOWANCES, "used", key="chat_id"),
    _known(),
)


def migrate_chat(sql: Connection, old: int, new: int) -> None:
    """Give what belonged to the chat `old` to the chat `new`; doing it again changes nothing.

    Its account keeps all its money: the ledger's rows change their name, not their numbers.
    """
    for step in _STEPS:
        sql.execute(step, {"old": old, "new": new})
