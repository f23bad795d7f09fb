"""Calls of gateways: one row each, written before the call and closed after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, case, exists, func, insert, or_, select, update

from bot.domain import CallReport, Job, JobState, OutcomeKind, TextCall
from bot.storage.columns import CallKind, PendingState
from bot.storage.repository import Repository
from bot.storage.tables import CALLS, JOBS, PENDING

LONGEST_CALL = timedelta(hours=1)  # GENERATION_TIMEOUT cannot be longer
_C = CALLS.c
_TOKENS = ("tokens_in", "tokens_out", "tokens_image", "tokens_reasoning")
_REPORTED = (
    "model_returned",
    "http_status",
    "finish_reason",
    "native_reason",
    "upstream_id",
    "latency_ms",
)
_STILL_CLAIMED = exists().where(JOBS.c.id == _C.job_id, JOBS.c.claim == _C.claim)
_LATER = CALLS.alias()
# What still waits for a call: its job, or the message that it was made for last.
_AWAITED = or_(
    and_(_STILL_CLAIMED, exists().where(JOBS.c.id == _C.job_id, JOBS.c.state == JobState.RUNNING)),
    _C.kind == CallKind.PROBE,  # an operator does
    and_(
        _C.job_id.is_(None),
        exists().where(
            PENDING.c.chat_id == _C.chat_id,
            PENDING.c.message_id == _C.message_id,
            PENDING.c.state == PendingState.BUSY,
        ),
        ~exists().where(
            _LATER.c.chat_id == _C.chat_id,
            _LATER.c.message_id == _C.message_id,
            _LATER.c.job_id.is_(None),
            _LATER.c.id > _C.id,
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class UnfinishedCall:
    """A call whose end nobody saw: it runs now, or was in flight when a process ended.

    `job_id` is None where it is for words. `awaited` means that its job or message still waits for
    it: then it is in flight, unless the process has ended since.
    """

    id: int
    kind: CallKind
    job_id: int | None
    account_id: int
    model: str
    host: str
    started_at: datetime
    awaited: bool = False


class StoredCalls(Repository):
    """The calls of jobs, for pictures, and of messages, for words, and what they came to."""

    _START = insert(CALLS).returning(_C.id)

    def start(self, job: Job, model: str, host: str, route: str, at: datetime) -> int:
        """Write that a call for a job's pictures is about to be made; returns its id."""
        called = {"model": model, "host": host, "route": route, "started_at": at, "detail": ""}
        by_job = {"job_id": job.id, "claim": job.claim, "kind": CallKind.IMAGE}
        return int(self._value(self._START, **by_job, **called, **_message(job)))

    def start_text(self, call: TextCall, at: datetime) -> int:
        """Write that a call for words is about to be made; returns its id."""
        called = {"model": call.model, "host": call.host, "route": "", "started_at": at}
        kind = CallKind(call.kind)
        return int(self._value(self._START, kind=kind, detail="", **called, **_message(call)))

    def start_probe(self, account_id: int, model: str, host: str, route: str, at: datetime) -> int:
        """Write that an operator's call is about to be made, 0 for the command line; returns its id."""
        called = {"model": model, "host": host, "route": route, "started_at": at, "detail": ""}
        whose = {"account_id": account_id, "chat_id": account_id, "message_id": 0}
        return int(self._value(self._START, kind=CallKind.PROBE, **called, **whose))

    _FINISH = (
        update(CALLS)
        .where(_C.id == bindparam("call_id"), _C.ended_at.is_(None))
        # The gateway's words may repeat the prompt, which may have been erased meanwhile.
        .values(
            detail=case(
                (
                    or_(_STILL_CLAIMED, _C.kind == CallKind.PROBE),
                    bindparam("words", type_=_C.detail.type),
                ),
                else_="",
            )
        )
        .returning(_C.id)
    )

    def finish(self, call_id: int, report: CallReport, at: datetime) -> bool:
        """Write what a call came to, without words where no job's claim is held; a probe's are nobody's.

        The first report stays: False if there is one.
        """
        cost = report.usage.cost
        return self._any(
            self._FINISH,
            call_id=call_id,
            words=report.detail,
            ended_at=at,
            outcome=report.kind,
            cost_micros=cost.micros,
            currency=cost.currency,
            cost_source=cost.source,
            **{name: getattr(report, name) for name in _REPORTED},
            **{name: getattr(report.usage, name) for name in _TOKENS},
        )

    _UNFINISHED = (
        select(
            *(_C.id, _C.kind, _C.job_id, _C.account_id, _C.model, _C.host, _C.started_at),
            _AWAITED.label("awaited"),
        )
        .where(_C.ended_at.is_(None))
        .order_by(_C.id)
        .limit(bindparam("at_most"))
    )

    def unfinished(self, limit: int) -> list[UnfinishedCall]:
        return self._all(UnfinishedCall, self._UNFINISHED, at_most=limit)

    _BY_IDS = select(CALLS).where(_C.id.in_(bindparam("ids", expanding=True)))

    def by_ids(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Map calls to their rows, as they stand in the table."""
        return {row["id"]: dict(row) for row in self._run(self._BY_IDS, ids=ids).mappings()}

    _INTERRUPTED = select(func.count()).where(
        _C.job_id == bindparam("of_job"), _C.claim < bindparam("before"), _C.ended_at.is_(None)
    )

    def interrupted(self, job_id: int, before: int) -> int:
        """Count a job's calls that earlier claims than `before` began and nobody saw the end of."""
        return int(self._value(self._INTERRUPTED, of_job=job_id, before=before))

    _INTERRUPTED_TEXT = select(func.count()).where(
        _C.chat_id == bindparam("of_chat"),
        _C.message_id == bindparam("of_message"),
        _C.job_id.is_(None),
        _C.ended_at.is_(None),
    )

    def interrupted_text(self, chat_id: int, message_id: int) -> int:
        """Count a message's calls for words that have no end."""
        return int(self._value(self._INTERRUPTED_TEXT, of_chat=chat_id, of_message=message_id))

    _TEXT_IN_FLIGHT = select(_C.id).where(
        _C.chat_id == bindparam("of_chat"),
        _C.message_id == bindparam("of_message"),
        _C.job_id.is_(None),
        _C.ended_at.is_(None),
        _C.started_at > bindparam("since"),
    )

    def text_in_flight(self, chat_id: int, message_id: int, since: datetime) -> bool:
        """Whether another process may wait for a message's words, which it has asked for `since`."""
        if not self._has_others:
            return False
        message = {"of_chat": chat_id, "of_message": message_id}
        return self._any(self._TEXT_IN_FLIGHT, since=since, **message)

    # Of the newest calls, by the primary key: not all there ever were are looked through.
    _LATENCIES = (
        select(_C.model, _C.latency_ms)
        .where(
            _C.id > select(func.max(_C.id)).scalar_subquery() - bindparam("at_most"),
            _C.kind == CallKind.IMAGE,
            _C.outcome == OutcomeKind.DRAWN,
            _C.latency_ms.is_not(None),
        )
        .order_by(_C.id)
    )

    def latencies(self, limit: int) -> list[tuple[str, int]]:
        """List model and milliseconds of those of the newest calls that brought pictures, in order."""
        return [(row.model, row.latency_ms) for row in self._run(self._LATENCIES, at_most=limit)]


def _message(of: Job | TextCall) -> dict[str, int]:
    return {"account_id": of.account_id, "chat_id": of.chat_id, "message_id": of.message_id}
