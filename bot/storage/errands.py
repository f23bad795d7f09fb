"""Errands: one row for each call that betters a prompt or writes a voice down, written before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, insert, select, update

from bot.storage.tables import ERRANDS

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.domain import CallReport, TextCall, TextCallKind

_C = ERRANDS.c
_START = insert(ERRANDS).returning(_C.id)
_FINISH = update(ERRANDS).where(_C.id == bindparam("errand_id"), _C.ended_at.is_(None))
_CUT = select(func.count()).where(
    _C.chat_id == bindparam("of_chat"),
    _C.message_id == bindparam("of_message"),
    _C.ended_at.is_(None),
)
_UNKNOWN = (
    select(_C.id, _C.kind, _C.account_id, _C.model, _C.host, _C.started_at)
    .where(_C.ended_at.is_(None))
    .order_by(_C.id)
    .limit(bindparam("at_most"))
)


@dataclass(frozen=True, slots=True)
class UnknownErrand:
    """A call whose end nobody saw: it runs now, or was in flight when the process ended."""

    id: int
    kind: TextCallKind
    account_id: int
    model: str
    host: str
    started_at: datetime


class Errands:
    """The calls beside the drawing and what they came to; no words of anybody's are in them."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def start(self, errand: TextCall, at: datetime) -> int:
        """Write that a call is about to be made; returns its id."""
        row = {
            "kind": errand.kind,
            "account_id": errand.account_id,
            "chat_id": errand.chat_id,
            "message_id": errand.message_id,
            "model": errand.model,
            "host": errand.host,
            "started_at": at,
        }
        return int((await self._sql.execute(_START, row)).scalar_one())

    async def finish(self, errand_id: int, report: CallReport, at: datetime) -> None:
        """Write what a call came to; the first report stays."""
        usage, cost = report.usage, report.usage.cost
        row = {
            "ended_at": at,
            "outcome": report.kind,
            "http_status": report.http_status,
            "latency_ms": report.latency_ms,
            "tokens_in": usage.tokens_in,
            "tokens_out": usage.tokens_out,
            "cost_micros": cost.micros,
            "currency": cost.currency,
            "cost_source": cost.source,
        }
        await self._sql.execute(_FINISH, {"errand_id": errand_id, **row})

    async def cut(self, chat_id: int, message_id: int) -> int:
        """Count a message's calls that have no end."""
        found = await self._sql.execute(_CUT, {"of_chat": chat_id, "of_message": message_id})
        return int(found.scalar_one())

    async def unknown(self, limit: int) -> list[UnknownErrand]:
        """List the calls without an end, oldest first."""
        rows = await self._sql.execute(_UNKNOWN, {"at_most": limit})
        return [UnknownErrand(**row) for row in rows.mappings()]
