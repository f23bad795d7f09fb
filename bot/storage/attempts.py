"""Attempts: one row for each gateway call, written before the call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, case, exists, func, insert, or_, select, update

from bot.domain import OutcomeKind
from bot.storage.tables import ATTEMPTS, JOBS, AttemptState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.domain import CallReport

_C = ATTEMPTS.c
_START = insert(ATTEMPTS).returning(_C.id)
_STILL_CLAIMED = exists().where(JOBS.c.id == _C.job_id, JOBS.c.attempt == _C.attempt)
_FINISH = (
    update(ATTEMPTS)
    .where(_C.id == bindparam("attempt_id"), _C.ended_at.is_(None))
    # The gateway's words may repeat the prompt, which may have been erased meanwhile.
    .values(
        detail=case(
            (_STILL_CLAIMED, bindparam("words", type_=_C.detail.type)),
            else_="",
        )
    )
    .returning(_C.id)
)
_UNKNOWN = (
    select(_C.id, _C.job_id, _C.attempt, _C.model, _C.host, _C.route, _C.started_at)
    .where(_C.ended_at.is_(None))
    .order_by(_C.id)
    .limit(bindparam("at_most"))
)
# Of the newest calls, by the primary key: not all there ever were are looked through.
_LATENCIES = (
    select(_C.model, _C.latency_ms)
    .where(
        _C.id > select(func.max(_C.id)).scalar_subquery() - bindparam("at_most"),
        _C.outcome == OutcomeKind.DRAWN,
        _C.latency_ms.is_not(None),
    )
    .order_by(_C.id)
)
_BROKEN_OFF = (
    select(_C.id)
    .where(
        _C.job_id == bindparam("of_job"),
        or_(_C.ended_at.is_(None), _C.outcome == OutcomeKind.CANCELLED),
    )
    .limit(1)
)
_CUT = select(func.count()).where(
    _C.job_id == bindparam("of_job"), _C.attempt < bindparam("before"), _C.ended_at.is_(None)
)


@dataclass(frozen=True, slots=True)
class UnknownCall:
    """A gateway call whose end nobody saw: it runs now, or was in flight at a crash."""

    id: int
    job_id: int
    attempt: int
    model: str
    host: str
    route: str
    started_at: datetime


class Attempts:
    """The gateway calls and what they came to."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def start(
        self, job_id: int, attempt: int, model: str, host: str, route: str, at: datetime
    ) -> int:
        """Write that a call is about to be made; returns its id."""
        row = {
            "job_id": job_id,
            "attempt": attempt,
            "state": AttemptState.STARTED,
            "model": model,
            "host": host,
            "route": route,
            "started_at": at,
            "detail": "",
        }
        return int((await self._sql.execute(_START, row)).scalar_one())

    async def finish(self, attempt_id: int, report: CallReport, at: datetime) -> bool:
        """Write what a call came to, without words if the claim is lost.

        The first report stays: False if there is one.
        """
        row = {"attempt_id": attempt_id, **_fields(report, at)}
        return (await self._sql.execute(_FINISH, row)).first() is not None

    async def unknown(self, limit: int) -> list[UnknownCall]:
        """List the calls without an end, oldest first."""
        rows = await self._sql.execute(_UNKNOWN, {"at_most": limit})
        return [UnknownCall(**row) for row in rows.mappings()]

    async def broken_off(self, job_id: int) -> bool:
        """Tell whether one of a job's calls has no end of its own: only its gateway knows it."""
        return (await self._sql.execute(_BROKEN_OFF, {"of_job": job_id})).first() is not None

    async def cut(self, job_id: int, before: int) -> int:
        """Count a job's calls that earlier claims than `before` began and nobody saw the end of."""
        bound = {"of_job": job_id, "before": before}
        return int((await self._sql.execute(_CUT, bound)).scalar_one())

    async def latencies(self, limit: int) -> list[tuple[str, int]]:
        """List model and milliseconds of those of the newest calls that brought pictures, in order."""
        rows = await self._sql.execute(_LATENCIES, {"at_most": limit})
        return [(row.model, row.latency_ms) for row in rows]


def _fields(report: CallReport, at: datetime) -> dict[str, object]:
    usage, cost = report.usage, report.usage.cost
    return {
        "state": AttemptState.ENDED,
        "ended_at": at,
        "outcome": report.kind,
        "model_returned": report.model_returned,
        "http_status": report.http_status,
        "finish_reason": report.finish_reason,
        "native_reason": report.native_reason,
        "upstream_id": report.upstream_id,
        "latency_ms": report.latency_ms,
        "tokens_in": usage.tokens_in,
        "tokens_out": usage.tokens_out,
        "tokens_image": usage.tokens_image,
        "tokens_reasoning": usage.tokens_reasoning,
        "cost_micros": cost.micros,
        "currency": cost.currency,
        "cost_source": cost.source,
        "words": report.detail,
    }
