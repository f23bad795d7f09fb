"""Column types that mean the same on SQLite and Postgres, and the words that some of them hold."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
)
from sqlalchemy import BigInteger, DateTime, Integer, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from bot.domain import BotError, Note, NoteKind, Request, Source
from bot.domain.administration import Facts
from bot.domain.shown_names import clean_name

T = TypeVar("T")

# SQLite numbers rows by itself only in a column that is exactly INTEGER (which is 64 bits there).
ROW_ID = BigInteger().with_variant(Integer(), "sqlite")


class CallKind(StrEnum):
    """What a gateway is asked for."""

    IMAGE = "image"
    REWRITE = "rewrite"
    VOICE = "voice"
    PROBE = "probe"


class PendingKind(StrEnum):
    """What a message waits as."""

    ALBUM = "album"
    QUESTION = "ask"
    ENHANCEMENT = "rewrite"
    VOICE = "voice"


class PendingState(StrEnum):
    """Whom a message waits for: a model of words, somebody, or nobody any more."""

    BUSY = "busy"
    OPEN = "open"
    CLOSED = "closed"


class LedgerKind(StrEnum):
    """What a ledger row moves.

    A job has one `reserve` and later one `settle` or `release`, all of its payer. `counted` says
    that the same pictures also show in the statistics of the chat where they were made. `refund`
    gives back what was settled, by an operator.
    """

    RESERVE = "reserve"
    SETTLE = "settle"
    RELEASE = "release"
    COUNTED = "counted"
    REFUND = "refund"


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
        """Name the zone that SQLite does not keep."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class SafeText(TypeDecorator[str]):
    """Text of people and gateways: what UTF-8 or Postgres cannot keep is replaced, not refused."""

    impl = Text()
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        return None if value is None else _storable(value)


class NameText(SafeText):
    """A name that somebody has given himself, as it may be shown: also one that was kept as it came."""

    cache_ok = True

    def process_result_value(self, value: str | None, _dialect: Dialect) -> str | None:
        return None if value is None else clean_name(value)


class EnumText(TypeDecorator[StrEnum]):
    """One word of an enumeration, kept as text; a word that this version does not know is refused."""

    impl = String(16)
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: StrEnum | None, _dialect: Dialect) -> str | None:
        """Give the driver a plain str: psycopg would write an enum's name."""
        return None if value is None else str(self.words(value))

    def process_result_value(self, value: str | None, _dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.words(value)


class Unreadable(BotError):
    """A stored document is not what this version of the bot writes: permanent."""


class _Document(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _SourceDocument(_Document):
    file_id: str | None
    sha256: str | None
    size: int | None


class _NoteDocument(_Document):
    kind: str
    word: str
    instead: str
    model: str


class _FirstRequest(_Document):
    v: Literal[1]
    prompt: str
    model: str
    aspect_ratio: str | None
    sources: list[_SourceDocument]


class _SecondRequest(_Document):
    v: Literal[2]
    prompt: str
    model: str
    aspect_ratio: str | None
    size: str | None
    mask: bool
    changed: bool = False
    notes: list[_NoteDocument] = []
    sources: list[_SourceDocument]


_REQUEST: TypeAdapter[_FirstRequest | _SecondRequest] = TypeAdapter(
    Annotated[_FirstRequest | _SecondRequest, Field(discriminator="v")]
)


class RequestJson(TypeDecorator[Request]):
    """A request as typed JSON text."""

    impl = Text()
    cache_ok = True

    def process_bind_param(self, value: Request | None, _dialect: Dialect) -> str | None:
        if value is None:
            return None
        document = {"v": 2, **asdict(value)}
        return _storable(json.dumps(document, ensure_ascii=False, separators=(",", ":")))

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Request | None:
        """Read the document; the first version had neither size nor mask. Raises Unreadable."""
        if value is None:
            return None
        found = read_json(_REQUEST, value).model_dump(exclude={"v"})
        sources = tuple(Source(**source) for source in found.pop("sources"))
        notes = tuple(
            Note(**{**note, "kind": NoteKind(note["kind"])}) for note in found.pop("notes", ())
        )
        return Request(sources=sources, notes=notes, **found)


_FACTS: TypeAdapter[dict[str, str | int | bool | None]] = TypeAdapter(
    dict[str, StrictStr | StrictBool | StrictInt | None]
)


class FactsJson(TypeDecorator[Facts]):
    """Named values as JSON text."""

    impl = Text()
    cache_ok = True

    def process_bind_param(self, value: Facts | None, _dialect: Dialect) -> str | None:
        if value is None:
            return None
        return _storable(json.dumps(dict(value), ensure_ascii=False, separators=(",", ":")))

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Facts | None:
        """Read the document; raises Unreadable."""
        return None if value is None else read_json(_FACTS, value)


def read_json(shape: TypeAdapter[T], document: str) -> T:
    """Read a stored document; raises Unreadable."""
    try:
        return shape.validate_json(document)
    except ValidationError as exc:
        # The document is somebody's words: only where it is wrong goes further.
        wrong = [".".join(map(str, error["loc"])) for error in exc.errors(include_input=False)]
        raise Unreadable(f"a stored document cannot be read: {', '.join(wrong)}") from None


def _storable(text: str) -> str:
    """Replace NUL and halves of surrogate pairs, which JSON lets through."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
