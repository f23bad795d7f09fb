"""A chat's move: a group became a supergroup, with another id and other message ids.

What the old chat's messages were called means nothing in the new one, where the same numbers will
name other messages. So ids that are part of a key go far below zero, in their order: whoever finds
a negative message id must not reply to it. Ids that only say where something stands are cleared.
"""

from __future__ import annotations

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql.dml import UpdateBase

from bot.storage import tables
from bot.storage.admin_tables import ACCOUNT_RULES
from bot.storage.pending import LIVE

# More than any message id of Telegram's (32 bits).
LEFT_BEHIND = 1 << 40

_OLD: BindParameter[int] = bindparam("old")


def _moved(table: Table, key: str, *where: ColumnElement[bool], **values: object) -> UpdateBase:
    """Change the key of the old one's rows, and what else is given of them."""
    rows = update(table).where(table.c[key] == _OLD, *where)
    return rows.values({key: bindparam("new", type_=table.c[key].type), **values})


def _copied(table: Table, key: str, *where: ColumnElement[bool]) -> Insert:
    kept = [column.name for column in table.columns if column.name != key]
    new = bindparam("new", type_=table.c[key].type)
    old = select(new, *(table.c[name] for name in kept)).where(table.c[key] == _OLD, *where)
    return upsert(table).from_select([key, *kept], old)


def _merged(
    table: Table, *sums: str, key: str = "account_id", within: str | None = None
) -> tuple[UpdateBase, ...]:
    """Add the old account's rows to the new one's, then delete them; `within` the old chat only."""
    where = [table.c[within] == _OLD] if within else []
    new = _copied(table, key, *where)
    added = (
        new.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={name: table.c[name] + new.excluded[name] for name in sums},
        )
        if sums
        else new.on_conflict_do_nothing()
    )
    return added, delete(table).where(and_(table.c[key] == _OLD, *where))


def _known() -> UpdateBase:
    """Tell the new chat's row what the old one's knows of the bot's life there."""
    new = _copied(tables.CHATS, "id")
    facts = ("added_by", "hinted_at")
    return new.on_conflict_do_update(
        index_elements=[tables.CHATS.c.id],
        set_={name: func.coalesce(tables.CHATS.c[name], new.excluded[name]) for name in facts},
    )


_STEPS: tuple[UpdateBase, ...] = (
    _moved(tables.JOBS, "account_id", tables.JOBS.c.ended_at.is_(None)),
    _moved(
        tables.JOBS,
        "chat_id",
        tables.JOBS.c.ended_at.is_(None),
        message_id=tables.JOBS.c.message_id - LEFT_BEHIND,
        status_message_id=None,
        after_message_id=0,
    ),
    _moved(tables.PICTURES, "chat_id", message_id=None),
    _moved(tables.PICTURES, "account_id"),
    delete(tables.MESSAGE_LINKS).where(tables.MESSAGE_LINKS.c.chat_id == _OLD),
    _moved(tables.PENDING, "account_id", LIVE),
    _moved(
        tables.PENDING,
        "chat_id",
        message_id=tables.PENDING.c.message_id - LEFT_BEHIND,
        reply_id=tables.PENDING.c.reply_id - LEFT_BEHIND,
        bot_message_id=None,
        held_until=None,
    ),
    _moved(
        tables.CALLS,
        "chat_id",
        tables.CALLS.c.job_id.is_(None),
        message_id=tables.CALLS.c.message_id - LEFT_BEHIND,
    ),
    delete(tables.SENT_MESSAGES).where(tables.SENT_MESSAGES.c.chat_id == _OLD),
    _moved(tables.LEDGER, "account_id"),
    *_merged(
        tables.COUNTERS, "reserved", "settled", "tokens_in", "tokens_out", "unpriced_calls", "calls"
    ),
    *_merged(tables.COSTS, "micros"),
    *_merged(tables.PREFERENCES),
    *_merged(ACCOUNT_RULES),
    # A chat that speaks for itself is an account in its own counts, too.
    *_merged(tables.ALLOWANCES, "used", within="chat_id"),
    *_merged(tables.ALLOWANCES, "used", key="chat_id"),
    _known(),
)
# What others commit between a copy and its deletion would be lost, so they wait until all is moved:
# at the tables in the order in which a prompt comes to them.
_LOCKED = dict.fromkeys((tables.CHATS, tables.PENDING, *(step.table for step in _STEPS)))
_LOCK = text(f"LOCK TABLE {', '.join(map(str, _LOCKED))} IN EXCLUSIVE MODE")


def migrate_chat(sql: Connection, old: int, new: int) -> None:
    """Give what belonged to the chat `old` to the chat `new`; doing it again changes nothing.

    Its account keeps all its money: the ledger's rows change their name, not their numbers.
    """
    if sql.dialect.name == "postgresql":  # SQLite has one writer
        sql.execute(_LOCK)
    for step in _STEPS:
        sql.execute(step, {"old": old, "new": new})
