"""Calls of gateways: one row each, written before the call and closed after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, case, exists, func, insert, or_, select, update

from bot.domain import OutcomeKind
from bot.storage.repository import Repository
from bot.storage.tables import ATTEMPTS, ERRANDS, JOBS, AttemptState

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain import CallReport, TextCall, TextCallKind

_C, _E = ATTEMPTS.c, ERRANDS.c
_STILL_CLAIMED = exists().where(JOBS.c.id == _C.job_id, JOBS.c.attempt == _C.attempt)


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


@dataclass(frozen=True, slots=True)
class UnknownErrand:
    """A call whose end nobody saw: it runs now, or was in flight when the process ended."""

    id: int
    kind: TextCallKind
    account_id: int
    model: str
    host: str
    started_at: datetime


class Calls(Repository):
    """The gateway calls and what they came to."""

    __slots__ = ()

    _START = insert(ATTEMPTS).returning(_C.id)

    def start(
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
        return int(self._value(self._START, **row))

    _FINISH = (
        update(ATTEMPTS)
        .where(_C.id == bindparam("attempt_id"), _C.ended_at.is_(None))
        # The gateway's words may repeat the prompt, which may have been erased meanwhile.
        .values(
            detail=case((_STILL_CLAIMED, bindparam("words", type_=_C.detail.type)), else_=""),
        )
        .returning(_C.id)
    )

    def finish(self, attempt_id: int, report: CallReport, at: datetime) -> bool:
        """Write what a call came to, without words if the claim is lost.

        The first report stays: False if there is one.
        """
        return self._any(self._FINISH, attempt_id=attempt_id, **_fields(report, at))

    _UNKNOWN = (
        select(_C.id, _C.job_id, _C.attempt, _C.model, _C.host, _C.route, _C.started_at)
        .where(_C.ended_at.is_(None))
        .order_by(_C.id)
        .limit(bindparam("at_most"))
    )

    def unknown(self, limit: int) -> list[UnknownCall]:
        """List the calls without an end, oldest first."""
        return self._all(UnknownCall, self._UNKNOWN, at_most=limit)

    _BROKEN_OFF = (
        select(_C.id)
        .where(
            _C.job_id == bindparam("of_job"),
            or_(_C.ended_at.is_(None), _C.outcome == OutcomeKind.CANCELLED),
        )
        .limit(1)
    )

    def broken_off(self, job_id: int) -> bool:
        """Tell whether one of a job's calls has no end of its own: only its gateway knows it."""
        return self._any(self._BROKEN_OFF, of_job=job_id)

    _CUT = select(func.count()).where(
        _C.job_id == bindparam("of_job"), _C.attempt < bindparam("before"), _C.ended_at.is_(None)
    )

    def cut(self, job_id: int, before: int) -> int:
        """Count a job's calls that earlier claims than `before` began and nobody saw the end of."""
        return int(self._value(self._CUT, of_job=job_id, before=before))

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

    def latencies(self, limit: int) -> list[tuple[str, int]]:
        """List model and milliseconds of those of the newest calls that brought pictures, in order."""
        return [(row.model, row.latency_ms) for row in self._run(self._LATENCIES, at_most=limit)]


class Errands(Repository):
    """The calls beside the drawing and what they came to; no words of anybody's are in them."""

    __slots__ = ()

    _START = insert(ERRANDS).returning(_E.id)

    def start(self, errand: TextCall, at: datetime) -> int:
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
        return int(self._value(self._START, **row))

    _FINISH = update(ERRANDS).where(_E.id == bindparam("errand_id"), _E.ended_at.is_(None))

    def finish(self, errand_id: int, report: CallReport, at: datetime) -> None:
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
        self._run(self._FINISH, errand_id=errand_id, **row)

    _CUT = select(func.count()).where(
        _E.chat_id == bindparam("of_chat"),
        _E.message_id == bindparam("of_message"),
        _E.ended_at.is_(None),
    )

    def cut(self, chat_id: int, message_id: int) -> int:
        """Count a message's calls that have no end."""
        return int(self._value(self._CUT, of_chat=chat_id, of_message=message_id))

    _UNKNOWN = (
        select(_E.id, _E.kind, _E.account_id, _E.model, _E.host, _E.started_at)
        .where(_E.ended_at.is_(None))
        .order_by(_E.id)
        .limit(bindparam("at_most"))
    )

    def unknown(self, limit: int) -> list[UnknownErrand]:
        """List the calls without an end, oldest first."""
        return self._all(UnknownErrand, self._UNKNOWN, at_most=limit)


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
