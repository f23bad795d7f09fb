"""Errands: calls beside the drawing, one row each."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from bot.domain import CostSource, OutcomeKind, TextCallKind
from bot.storage.columns import ROW_ID
from bot.storage.tables.base import Base, core, partial


class ErrandRow(Base):
    """A call that betters a prompt or writes a voice down, written before it is made."""

    __tablename__ = "errands"

    id: Mapped[int] = mapped_column(ROW_ID, primary_key=True)
    kind: Mapped[TextCallKind]
    account_id: Mapped[int]
    chat_id: Mapped[int]
    message_id: Mapped[int]
    model: Mapped[str]
    host: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[OutcomeKind | None]
    http_status: Mapped[int | None]
    latency_ms: Mapped[int | None]
    tokens_in: Mapped[int | None]
    tokens_out: Mapped[int | None]
    cost_micros: Mapped[int | None]
    currency: Mapped[str | None]
    cost_source: Mapped[CostSource | None]

    __table_args__ = (
        partial("ix_errands_unknown", "id", where="ended_at IS NULL"),
        Index(None, "chat_id", "message_id"),
    )


ERRANDS = core(ErrandRow)
