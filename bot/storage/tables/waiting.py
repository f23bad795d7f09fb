"""Messages that are not yet jobs: albums, questions, voices, prompts to be made better."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.domain import OutcomeKind, Source
from bot.storage.tables.base import Base, core, partial


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
    reply_id: Mapped[int | None]

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
        partial("ix_asks_question", "chat_id", "question_id", where="question_id IS NOT NULL"),
    )


class VoiceRow(Base):
    """A voice message that waits for its words, or did."""

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
    outcome: Mapped[OutcomeKind | None]
    ended_at: Mapped[datetime | None]

    __table_args__ = (partial("ix_voices_open", "account_id", where="ended_at IS NULL"),)


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

    __table_args__ = (partial("ix_rewrites_open", "account_id", where="ended_at IS NULL"),)


ALBUMS = core(AlbumRow)
ALBUM_ITEMS = core(AlbumItemRow)
ASKS = core(AskRow)
VOICES = core(VoiceRow)
REWRITES = core(RewriteRow)
