"""The tables, declared once for SQLite and Postgres.

A job is unfinished while `ended_at` is NULL: the database checks that the state agrees, and the
partial indexes rest on it, since SQLite cannot see through a bound state.
Statements use the Core tables named at the end of this file.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bot.domain import CostSource, JobState, OutcomeKind, Request, Source
from bot.storage.columns import ROW_ID, RequestJson, SourcesJson, Utc, Word, Words


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
_SHARED = f"chat_id > {SHARED_ABOVE}"


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
        LedgerKind: Word(LedgerKind),
    }


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Declare an index of the rows that fulfil `where` (SQL that both databases read)."""
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


class JobRow(Base):
    """A request on its way; `parent_picture_id` has no foreign key because pictures point here."""

    __tablename__ = "jobs"

    id: Mapped[int] = mapped_column(ROW_ID, primary_key=True)
    account_id: Mapped[int]
    chat_id: Mapped[int]
    thread_id: Mapped[int | None]
    message_id: Mapped[int]
    ordinal: Mapped[int]
    request: Mapped[Request]
    locale: Mapped[str]
    state: Mapped[JobState]
    attempt: Mapped[int]
    dispatched: Mapped[bool]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    rendered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    status_message_id: Mapped[int | None]
    text: Mapped[str]
    outcome: Mapped[OutcomeKind | None]
    detail: Mapped[str]
    parent_picture_id: Mapped[int | None]
    private: Mapped[bool]
    after_message_id: Mapped[int]
    inline_message_id: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("chat_id", "message_id", "ordinal"),
        CheckConstraint(
            "(ended_at IS NULL) = (state IN ('accepted', 'running', 'rendered'))", name="ended"
        ),
        _partial("ix_jobs_unfinished", "id", where="ended_at IS NULL"),
        _partial("ix_jobs_unfinished_account", "account_id", "id", where="ended_at IS NULL"),
        _partial("ix_jobs_unfinished_chat", "chat_id", where="ended_at IS NULL"),
        _partial("ix_jobs_waiting", "id", where="started_at IS NULL AND ended_at IS NULL"),
        _partial(
            "ix_jobs_status_message",
            "chat_id",
            "status_message_id",
            where="status_message_id IS NOT NULL",
        ),
        _partial("ix_jobs_shared_message", "message_id", where=_SHARED),
        _partial(
            "ix_jobs_shared_status_message",
            "status_message_id",
            where=f"{_SHARED} AND status_message_id IS NOT NULL",
        ),
        {"sqlite_autoincrement": True},
    )


class AttemptRow(Base):
    """One gateway call, written before it is made."""

    __tablename__ = "attempts"

    id: Mapped[int] = mapped_column(ROW_ID, primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"), index=True)
    attempt: Mapped[int]
    state: Mapped[AttemptState]
    model: Mapped[str]
    host: Mapped[str]
    route: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[OutcomeKind | None]
    model_returned: Mapped[str | None]
    http_status: Mapped[int | None]
    finish_reason: Mapped[str | None]
    native_reason: Mapped[str | None]
    upstream_id: Mapped[str | None]
    latency_ms: Mapped[int | None]
    tokens_in: Mapped[int | None]
    tokens_out: Mapped[int | None]
    tokens_image: Mapped[int | None]
    tokens_reasoning: Mapped[int | None]
    cost_micros: Mapped[int | None]
    currency: Mapped[str | None]
    cost_source: Mapped[CostSource | None]
    detail: Mapped[str]

    __table_args__ = (_partial("ix_attempts_unknown", "id", where="ended_at IS NULL"),)


class PictureRow(Base):
    """A finished picture: its bytes are in the media store, by sha256."""

    __tablename__ = "pictures"

    id: Mapped[int] = mapped_column(ROW_ID, primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"))
    position: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    mime: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int]
    chat_id: Mapped[int | None]
    message_id: Mapped[int | None]
    file_id: Mapped[str | None]
    original_file_id: Mapped[str | None]
    account_id: Mapped[int] = mapped_column(server_default="0")

    __table_args__ = (
        UniqueConstraint("job_id", "position"),
        Index(None, "chat_id", "message_id"),
        _partial("ix_pictures_shared_message", "message_id", where=_SHARED),
        Index("ix_pictures_gallery", "account_id", "id"),
        Index("ix_pictures_gallery_chat", "account_id", "chat_id", "id"),
        {"sqlite_autoincrement": True},
    )


class StandInRow(Base):
    """A message that stands for a picture: the question what to change, a gallery, its file."""

    __tablename__ = "stand_ins"

    chat_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    message_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    picture_id: Mapped[int] = mapped_column(index=True)


class LedgerRow(Base):
    """One movement of pictures of an account; only ever appended."""

    __tablename__ = "ledger"

    id: Mapped[int] = mapped_column(ROW_ID, primary_key=True)
    account_id: Mapped[int] = mapped_column(index=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"))
    kind: Mapped[LedgerKind]
    reserved_delta: Mapped[int]
    settled_delta: Mapped[int]
    day: Mapped[str] = mapped_column(String(10))
    month: Mapped[str] = mapped_column(String(7))
    at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("job_id", "kind"),
        _partial("uq_ledger_closed", "job_id", where="kind IN ('settle', 'release')", unique=True),
    )


class CounterRow(Base):
    """What an account has used in one period: `2026-11-22`, `2026-11` or `all`."""

    __tablename__ = "counters"

    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    period: Mapped[str] = mapped_column(String(10), primary_key=True)
    reserved: Mapped[int]
    settled: Mapped[int]
    tokens_in: Mapped[int]
    tokens_out: Mapped[int]
    unpriced_calls: Mapped[int]

    __table_args__ = (
        CheckConstraint("reserved >= 0", name="reserved"),
        CheckConstraint("settled >= 0", name="settled"),
    )


class CostRow(Base):
    """What an account's calls cost in one period and currency, in millionths."""

    __tablename__ = "costs"

    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    period: Mapped[str] = mapped_column(String(10), primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    micros: Mapped[int]


class UserRow(Base):
    """A person, as Telegram last described him."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    username: Mapped[str | None]
    language: Mapped[str | None]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]


class ChatRow(Base):
    """A chat, as Telegram last described it.

    `added_by` is who added the bot, `hinted_at` when it explained what it cannot see there.
    """

    __tablename__ = "chats"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    title: Mapped[str | None]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]
    added_by: Mapped[int | None]
    hinted_at: Mapped[datetime | None]


class PreferenceRow(Base):
    """What a user or chat has chosen, or a chat's topic; NULL means what it inherits.

    `thread_id` is 0 outside of topics. `prefix` and the two allowances (pictures a day of each
    member, and of the whole chat; 0 is none) are a group's only.
    """

    __tablename__ = "preferences"

    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    thread_id: Mapped[int] = mapped_column(
        primary_key=True, autoincrement=False, server_default="0"
    )
    model: Mapped[str | None]
    aspect_ratio: Mapped[str | None]
    size: Mapped[str | None]
    count: Mapped[int | None]
    send_as: Mapped[str | None]
    language: Mapped[str | None]
    prefix: Mapped[str | None]
    ready_ping: Mapped[bool | None]
    member_day: Mapped[int | None]
    chat_day: Mapped[int | None]


class AllowanceRow(Base):
    """How many pictures a member, or with the account 0 everybody, asked for in a chat in a day."""

    __tablename__ = "allowances"

    chat_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    used: Mapped[int]

    __table_args__ = (CheckConstraint("used >= 0", name="used"),)


class AlbumRow(Base):
    """An album that waits for its last message, or was made into a job already (`closed`)."""

    __tablename__ = "albums"

    chat_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    group_id: Mapped[str] = mapped_column(primary_key=True)
    last_at: Mapped[datetime] = mapped_column(index=True)
    closed: Mapped[bool]

    __table_args__ = (
        # The two databases spell a false boolean differently.
        Index(
            "ix_albums_open",
            "last_at",
            sqlite_where=text("closed = 0"),
            postgresql_where=text("NOT closed"),
        ),
    )


class AlbumItemRow(Base):
    """One message of an album."""

    __tablename__ = "album_items"

    chat_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    message_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    group_id: Mapped[str]
    account_id: Mapped[int]
    sources: Mapped[tuple[Source, ...]]
    prompt: Mapped[str]
    addressed: Mapped[bool]
    locale: Mapped[str]
    arrived_at: Mapped[datetime]
    thread_id: Mapped[int | None]
    private: Mapped[bool]

    __table_args__ = (Index(None, "chat_id", "group_id", "message_id"),)


class AskRow(Base):
    """A wish that waits for its prompt, or with one for a model (`open`), or did.

    `thread_id` is 0 outside of topics.
    """

    __tablename__ = "asks"

    chat_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    message_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int]
    thread_id: Mapped[int]
    sources: Mapped[tuple[Source, ...]]
    asked_at: Mapped[datetime] = mapped_column(index=True)
    parent_picture_id: Mapped[int | None]
    locale: Mapped[str]
    private: Mapped[bool]
    question_id: Mapped[int | None]
    open: Mapped[bool]
    prompt: Mapped[str] = mapped_column(server_default="")
    flags: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (
        # The two databases spell a true boolean differently.
        Index(
            "ix_asks_open",
            "account_id",
            "chat_id",
            "thread_id",
            sqlite_where=text("open = 1"),
            postgresql_where=text("open"),
        ),
        Index(
            "ix_asks_unquestioned",
            "asked_at",
            sqlite_where=text("open = 1 AND question_id IS NULL"),
            postgresql_where=text("open AND question_id IS NULL"),
        ),
        _partial("ix_asks_question", "chat_id", "question_id", where="question_id IS NOT NULL"),
    )


class HandledRow(Base):
    """What was done once and must not be done again: a press, a question, a ping."""

    __tablename__ = "handled"

    key: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)


class OutgoingRow(Base):
    """A message that the bot sent and that no job or picture remembers."""

    __tablename__ = "outgoing"

    chat_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    message_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (_partial("ix_outgoing_shared_message", "message_id", where=_SHARED),)


class VoiceRow(Base):
    """A voice message that waits for its words, or did; `calls` counts what was asked for them."""

    __tablename__ = "voices"

    chat_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    message_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int]
    thread_id: Mapped[int | None]
    locale: Mapped[str]
    private: Mapped[bool]
    sources: Mapped[tuple[Source, ...]]
    seconds: Mapped[int]
    caption: Mapped[str]
    reply_id: Mapped[int | None]
    reply_sources: Mapped[tuple[Source, ...]]
    arrived_at: Mapped[datetime] = mapped_column(index=True)
    words: Mapped[str | None]
    heard_id: Mapped[int | None]
    calls: Mapped[int]
    outcome: Mapped[OutcomeKind | None]
    ended_at: Mapped[datetime | None]

    __table_args__ = (_partial("ix_voices_open", "account_id", where="ended_at IS NULL"),)


class RewriteRow(Base):
    """A prompt that is made better, until one of its wordings is drawn."""

    __tablename__ = "rewrites"

    chat_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    message_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int]
    thread_id: Mapped[int | None]
    locale: Mapped[str]
    private: Mapped[bool]
    words: Mapped[str]
    bare: Mapped[str]
    flags: Mapped[str]
    reply_id: Mapped[int | None]
    reply_sources: Mapped[tuple[Source, ...]]
    asked_at: Mapped[datetime] = mapped_column(index=True)
    better: Mapped[str | None]
    shown_id: Mapped[int | None]
    shown: Mapped[bool]
    ended_at: Mapped[datetime | None]

    __table_args__ = (_partial("ix_rewrites_open", "account_id", where="ended_at IS NULL"),)


class PublishedRow(Base):
    """What Telegram was last told of the bot itself, by a digest."""

    __tablename__ = "published"

    what: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]


def _core(row: type[Base]) -> Table:
    return cast("Table", cast("Any", row).__table__)


JOBS = _core(JobRow)
ATTEMPTS = _core(AttemptRow)
PICTURES = _core(PictureRow)
STAND_INS = _core(StandInRow)
LEDGER = _core(LedgerRow)
COUNTERS = _core(CounterRow)
COSTS = _core(CostRow)
USERS = _core(UserRow)
CHATS = _core(ChatRow)
PREFERENCES = _core(PreferenceRow)
ALLOWANCES = _core(AllowanceRow)
ALBUMS = _core(AlbumRow)
ALBUM_ITEMS = _core(AlbumItemRow)
ASKS = _core(AskRow)
HANDLED = _core(HandledRow)
OUTGOING = _core(OutgoingRow)
VOICES = _core(VoiceRow)
REWRITES = _core(RewriteRow)
PUBLISHED = _core(PublishedRow)
METADATA = Base.metadata
