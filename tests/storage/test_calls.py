"""Attempts: a call that nobody saw end stays visible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from bot.domain import CallReport, Cost, CostSource, OutcomeKind, Usage
from bot.storage.calls import UnknownCall
from bot.storage.tables import ATTEMPTS, AttemptState
from tests.storage.rows import NOON, running

if TYPE_CHECKING:
    from tests.storage.direct import Direct


def test_a_call_without_an_end_is_unknown_until_it_is_reported(db: Direct) -> None:
    job = running(db)
    with db.transaction() as tx:
        call = tx.calls.start(job.id, 1, "painter", "gateway", "chat", NOON)
        unknown = UnknownCall(call, job.id, 1, "painter", "gateway", "chat", NOON)
        assert [unknown] == tx.calls.unknown(10)
        tx.calls.finish(call, CallReport(OutcomeKind.DRAWN), NOON)
        assert tx.calls.unknown(10) == []


def test_a_report_is_kept_whole_and_the_first_one_stays(db: Direct) -> None:
    job = running(db)
    usage = Usage(1, 2, 3, 4, Cost(5, "EUR", CostSource.HEADER))
    report = CallReport(OutcomeKind.REFUSED, usage, 200, "stop", "SAFETY", "m-2", "id", 12, "no")
    with db.transaction() as tx:
        call = tx.calls.start(job.id, 1, "painter", "gateway", "chat", NOON)
        assert tx.calls.finish(call, report, NOON)
        assert not tx.calls.finish(call, CallReport(OutcomeKind.DRAWN), NOON)
        sql = tx.calls._sql
        row = (sql.execute(select(ATTEMPTS))).mappings().one()
    assert {
        "id": call,
        "job_id": job.id,
        "attempt": 1,
        "state": AttemptState.ENDED,
        "model": "painter",
        "host": "gateway",
        "route": "chat",
        "started_at": NOON,
        "ended_at": NOON,
        "outcome": OutcomeKind.REFUSED,
        "model_returned": "m-2",
        "http_status": 200,
        "finish_reason": "stop",
        "native_reason": "SAFETY",
        "upstream_id": "id",
        "latency_ms": 12,
        "tokens_in": 1,
        "tokens_out": 2,
        "tokens_image": 3,
        "tokens_reasoning": 4,
        "cost_micros": 5,
        "currency": "EUR",
        "cost_source": CostSource.HEADER,
        "detail": "no",
    } == dict(row)
