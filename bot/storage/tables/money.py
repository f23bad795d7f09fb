"""What is reserved, used, allowed and paid."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bot.storage.columns import ROW_ID
from bot.storage.tables.base import Base, LedgerKind, core, partial


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
        partial("uq_ledger_closed", "job_id", where="kind IN ('settle', 'release')", unique=True),
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


class AllowanceRow(Base):
    """How many pictures a member, or with the account 0 everybody, asked for in a chat in a day."""

    __tablename__ = "allowances"

    chat_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    used: Mapped[int]

    __table_args__ = (CheckConstraint("used >= 0", name="used"),)


LEDGER = core(LedgerRow)
COUNTERS = core(CounterRow)
COSTS = core(CostRow)
ALLOWANCES = core(AllowanceRow)
