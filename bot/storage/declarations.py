"""How tables are declared: names of constraints, kinds of columns, indexes of some rows."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DefaultClause,
    ForeignKey,
    Index,
    MetaData,
    String,
    text,
)
from sqlalchemy.types import TypeEngine

from bot.domain import OutcomeKind
from bot.storage.columns import ROW_ID, EnumText, SafeText, Utc

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def column(
    kind: TypeEngine[Any],
    name: str,
    *constraints: ForeignKey,
    key: bool = False,
    null: bool = False,
    index: bool | None = None,
    default: str | None = None,
) -> Column[Any]:
    made = Column(name, kind, *constraints, primary_key=key, nullable=null, index=index)
    if default is not None:
        made.server_default = DefaultClause(text(default))
    if key:
        made.autoincrement = False
    return made


integer = partial(column, BigInteger())
words = partial(column, SafeText())
moment = partial(column, Utc())
flag = partial(column, Boolean())
outcome = partial(column, EnumText(OutcomeKind))
day = partial(column, String(10))


def number() -> Column[int]:
    """Give the column by which the database numbers rows."""
    return Column("id", ROW_ID, primary_key=True)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Declare an index of the rows that fulfil `where` (SQL that both databases read)."""
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
