"""The way for databases of revision 0009, the last before the first release: nothing is lost.

Goes when nobody can have one any more.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, inspect, text

from bot.storage import row_numbers

log = structlog.get_logger(__name__)

REVISION, NEXT = "0009", "0010"
MANY = 100_000  # rows of a table: moving them takes so long that people ask what goes on

# Today's tables, and those whose rows they are given; a column is called as before but for one.
_SAME = ("users", "chats", "preferences", "jobs", "pictures", "ledger", "counters", "costs")
_TABLES = {name: name for name in (*_SAME, "allowances")} | {
    "message_links": "stand_ins",
    "idempotency_keys": "handled",
    "sent_messages": "outgoing",
    "pending_deletions": "clearances",
    "profile_digests": "published",
}
_RENAMED = {("jobs", "attempt"): "claim"}
_NUMBERED = {"jobs": "jobs", "pictures": "pictures", "ledger": "ledger", "calls": "attempts"}

_IMAGE_CALLS = """
INSERT INTO calls (id, kind, job_id, claim, account_id, chat_id, message_id, model, host, route,
    started_at, ended_at, outcome, model_returned, http_status, finish_reason, native_reason,
    upstream_id, latency_ms, tokens_in, tokens_out, tokens_image, tokens_reasoning, cost_micros,
    currency, cost_source, detail)
SELECT a.id, 'image', a.job_id, a.attempt, j.account_id, j.chat_id, j.message_id, a.model, a.host,
    a.route, a.started_at, a.ended_at, a.outcome, a.model_returned, a.http_status, a.finish_reason,
    a.native_reason, a.upstream_id, a.latency_ms, a.tokens_in, a.tokens_out, a.tokens_image,
    a.tokens_reasoning, a.cost_micros, a.currency, a.cost_source, a.detail
FROM old_attempts a JOIN old_jobs j ON j.id = a.job_id
"""
_TEXT_CALLS = """
INSERT INTO calls (kind, account_id, chat_id, message_id, model, host, route, started_at, ended_at,
    outcome, http_status, latency_ms, tokens_in, tokens_out, cost_micros, currency, cost_source,
    detail)
SELECT kind, account_id, chat_id, message_id, model, host, '', started_at, ended_at, outcome,
    http_status, latency_ms, tokens_in, tokens_out, cost_micros, currency, cost_source, ''
FROM old_errands ORDER BY id
"""

_PENDING_KEPT = ("chat_id", "message_id", "account_id", "group_id", "outcome", "reply_id")
# Of each kind of pending message: the table, and its columns for when, words and the bot's message.
_PENDING_KINDS = {
    "album": ("album_items", "arrived_at", "prompt", ""),
    "ask": ("asks", "asked_at", "prompt", "question_id"),
    "voice": ("voices", "arrived_at", "words", "heard_id"),
    "rewrite": ("rewrites", "asked_at", "better", "shown_id"),
}


def take_over(connection: Connection, create: Callable[[Connection], None]) -> None:
    """Put the rows aside, `create` today's tables, and give them the rows, in one transaction."""
    names = [name for name in inspect(connection).get_table_names() if name != "alembic_version"]
    numbers = {new: row_numbers.last_given(connection, old) for new, old in _NUMBERED.items()}
    columns = {name: _columns(connection, name) for name in names}
    for number, name in enumerate(names, 1):
        rows = connection.scalar(text(f"SELECT count(*) FROM {name}")) or 0  # noqa: S608 - our tables
        _tell("a table is put aside", name, rows, number, len(names))
        connection.execute(text(f"CREATE TEMPORARY TABLE old_{name} AS SELECT * FROM {name}"))  # noqa: S608
    cascade = "" if connection.dialect.name == "sqlite" else " CASCADE"
    for name in names:
        connection.execute(text(f"DROP TABLE {name}{cascade}"))
    create(connection)
    for number, (new, old) in enumerate(_TABLES.items(), 1):
        rows = connection.scalar(text(f"SELECT count(*) FROM old_{old}")) or 0  # noqa: S608
        _tell("a table is filled again", new, rows, number, len(_TABLES) + 1)
        old_names = ", ".join(f'"{name}"' for name in columns[old])
        new_names = ", ".join(f'"{_RENAMED.get((old, name), name)}"' for name in columns[old])
        copying = f"INSERT INTO {new} ({new_names}) SELECT {old_names} FROM old_{old}"  # noqa: S608
        connection.execute(text(copying))
    rows = connection.scalar(text("SELECT count(*) FROM old_attempts")) or 0
    _tell("a table is filled again", "calls", rows, len(_TABLES) + 1, len(_TABLES) + 1)
    connection.execute(text(_IMAGE_CALLS))
    for table, number in numbers.items():
        row_numbers.continue_from(connection, table, number)
    connection.execute(text(_TEXT_CALLS))
    _take_over_pending(connection)
    for name in names:
        connection.execute(text(f"DROP TABLE old_{name}"))


def _tell(what: str, table: str, rows: int, number: int, tables: int) -> None:
    if rows >= MANY:
        log.info(what, table=table, rows=rows, step=f"{number} of {tables}")


def _take_over_pending(connection: Connection) -> None:
    closed = connection.execute(text("SELECT chat_id, group_id FROM old_albums WHERE closed")).all()
    albums = {tuple(row) for row in closed}
    for kind, (table, at, words, bot_message) in _PENDING_KINDS.items():
        rows = connection.execute(text(f"SELECT * FROM old_{table}")).mappings().all()  # noqa: S608
        for old in map(dict, rows):
            new = {name: old.get(name) for name in _PENDING_KEPT} | {
                "kind": kind,
                "thread_id": old["thread_id"] or None,
                "at": old[at],
                "state": _state(kind, old, albums),
                "bot_message_id": old.get(bot_message),
                "words": old[words],
                "payload": _payload(old, at),
            }
            values = ", ".join(f":{name}" for name in new)
            insertion = f"INSERT INTO pending ({', '.join(new)}) VALUES ({values})"  # noqa: S608
            connection.execute(text(insertion), new)


def _state(kind: str, old: dict[str, Any], closed_albums: set[Any]) -> str:
    if kind == "album":
        return "closed" if (old["chat_id"], old["group_id"]) in closed_albums else "open"
    if kind == "ask":
        return "open" if old["open"] else "closed"
    if old["ended_at"] is not None:
        return "closed"
    return "open" if old.get("shown") else "busy"


def _payload(old: dict[str, Any], at: str) -> str:
    sources, replied = (
        json.loads(old[name])["sources"] if name in old else []
        for name in ("sources", "reply_sources")
    )
    moment = old[at].isoformat() if isinstance(old[at], datetime) else f"{old[at]}+00:00"
    reply = {"message_id": old.get("reply_id"), "source": replied[0] if replied else None}
    new = {
        "thread_id": old["thread_id"] or None,
        at: moment,
        "sources": sources,
        "source": sources[0] if sources else None,
        "reply": None if reply["message_id"] is None else reply,
    }
    return json.dumps({**old, **new}, ensure_ascii=False, default=str)


def _columns(connection: Connection, table: str) -> list[str]:
    return [column["name"] for column in inspect(connection).get_columns(table)]
