"""Column types that mean the same on SQLite and Postgres."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, DateTime, Integer, String, Text
from sqlalchemy.types import TypeDecorator

from bot.domain import Request, Source
from bot.storage import typed_json

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

# SQLite numbers rows by itself only in a column that is exactly INTEGER (which is 64 bits there).
ROW_ID = BigInteger().with_variant(Integer(), "sqlite")


class Utc(TypeDecorator[datetime]):
    """A moment in UTC: aware in Python on both databases; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Convert to UTC, which is what SQLite's text keeps, sorts and compares."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Say the zone that SQLite does not keep."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text of people and gateways: what UTF-8 or Postgres cannot keep is replaced, not refused."""

    impl = Text()
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Replace NUL and halves of surrogate pairs, which JSON lets through."""
        return None if value is None else _storable(value)


class Word(TypeDecorator[StrEnum]):
    """One word of an enumeration, kept as text."""

    impl = String(16)
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: StrEnum | None, _dialect: Dialect) -> str | None:
        """Give the driver a plain str: psycopg would write an enum's name."""
        return None if value is None else str(self.words(value))

    def process_result_value(self, value: str | None, _dialect: Dialect) -> StrEnum | None:
        """Refuse a word that this version does not know."""
        return None if value is None else self.words(value)


class RequestJson(TypeDecorator[Request]):
    """A request as typed JSON text."""

    impl = Text()
    cache_ok = True

    def process_bind_param(self, value: Request | None, _dialect: Dialect) -> str | None:
        """Write the document."""
        return None if value is None else _storable(typed_json.encode_request(value))

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Request | None:
        """Read the document; raises Unreadable."""
        return None if value is None else typed_json.decode_request(value)


class SourcesJson(TypeDecorator[tuple[Source, ...]]):
    """Pictures to work on, in order, as typed JSON text."""

    impl = Text()
    cache_ok = True

    def process_bind_param(self, value: tuple[Source, ...] | None, _dialect: Dialect) -> str | None:
        """Write the document."""
        return None if value is None else _storable(typed_json.encode_sources(value))

    def process_result_value(
        self, value: str | None, _dialect: Dialect
    ) -> tuple[Source, ...] | None:
        """Read the document; raises Unreadable."""
        return None if value is None else typed_json.decode_sources(value)


def _storable(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
