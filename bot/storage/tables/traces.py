"""Traces of what was done already: presses, messages, what Telegram was told of the bot."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from bot.storage.tables.base import SHARED, Base, core, partial


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

    __table_args__ = (partial("ix_outgoing_shared_message", "message_id", where=SHARED),)


class ClearanceRow(Base):
    """A message that an erasure has to take out of the storage chat; `refused` if that failed."""

    __tablename__ = "clearances"

    chat_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    message_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int]
    locale: Mapped[str]
    at: Mapped[datetime]
    refused: Mapped[bool]


class PublishedRow(Base):
    """What Telegram was last told of the bot itself, by a digest."""

    __tablename__ = "published"

    what: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]


CLEARANCES = core(ClearanceRow)
HANDLED = core(HandledRow)
OUTGOING = core(OutgoingRow)
PUBLISHED = core(PublishedRow)
