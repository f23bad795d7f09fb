"""What all tables share: their root, the names of constraints, and kinds of rows."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import BigInteger, Index, MetaData, Table, text
from sqlalchemy.orm import DeclarativeBase

from bot.domain import CostSource, JobState, OutcomeKind, Request, Source, TextCallKind
from bot.storage.columns import RequestJson, SourcesJson, Utc, Word, Words


class AttemptState(StrEnum):
    """Where a gateway call stands; one that was cut off by a crash stays started."""

    STARTED = "started"
    ENDED = "ended"


class LedgerKind(StrEnum):
    """What a ledger row moves.

    A job has one `reserve` and later one `settle` or `release`, all of its payer. `counted` says
    that the same pictures also show in the statistics of the chat where they were made.
    """

    RESERVE = "reserve"
    SETTLE = "settle"
    RELEASE = "release"
    COUNTED = "counted"


# Supergroups and channels (ids: https://core.telegram.org/api/bots/ids) number their messages each
# by itself; all other chats of the bot, whose ids are above this, share one counter. It stands in
# SQL as a literal: SQLite cannot see that a bound value fulfils a partial index's condition.
SHARED_ABOVE = "-1000000000000"
SHARED = f"chat_id > {SHARED_ABOVE}"


class Base(DeclarativeBase):
    """The root of the declared tables; names of constraints are fixed for migrations."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own declaration
        int: BigInteger(),
        str: Words(),
        datetime: Utc(),
        Request: RequestJson(),
        tuple[Source, ...]: SourcesJson(),
        JobState: Word(JobState),
        OutcomeKind: Word(OutcomeKind),
        AttemptState: Word(AttemptState),
        CostSource: Word(CostSource),
        TextCallKind: Word(TextCallKind),
        LedgerKind: Word(LedgerKind),
    }


def partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Declare an index of the rows that fulfil `where` (SQL that both databases read)."""
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def core(row: type[Base]) -> Table:
    """Name the Core table of a declared one."""
    return cast("Table", cast("Any", row).__table__)
