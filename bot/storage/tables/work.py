"""Jobs, their calls, their pictures, and what stands for a picture."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from bot.domain import CostSource, JobState, OutcomeKind, Request
from bot.storage.columns import ROW_ID
from bot.storage.tables.base import SHARED, AttemptState, Base, core, partial


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
        partial("ix_jobs_unfinished", "id", where="ended_at IS NULL"),
        partial("ix_jobs_unfinished_account", "account_id", "id", where="ended_at IS NULL"),
        partial("ix_jobs_unfinished_chat", "chat_id", where="ended_at IS NULL"),
        partial("ix_jobs_waiting", "id", where="started_at IS NULL AND ended_at IS NULL"),
        partial(
            "ix_jobs_status_message",
            "chat_id",
            "status_message_id",
            where="status_message_id IS NOT NULL",
        ),
        partial("ix_jobs_shared_message", "message_id", where=SHARED),
        partial(
            "ix_jobs_shared_status_message",
            "status_message_id",
            where=f"{SHARED} AND status_message_id IS NOT NULL",
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

    __table_args__ = (partial("ix_attempts_unknown", "id", where="ended_at IS NULL"),)


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
    deleted: Mapped[bool] = mapped_column(server_default=false())

    __table_args__ = (
        UniqueConstraint("job_id", "position"),
        Index(None, "chat_id", "message_id"),
        partial("ix_pictures_shared_message", "message_id", where=SHARED),
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


JOBS = core(JobRow)
ATTEMPTS = core(AttemptRow)
PICTURES = core(PictureRow)
STAND_INS = core(StandInRow)
