"""Calls: one that nobody saw end stays visible."""

from __future__ import annotations

from sqlalchemy import select

from bot.domain import CallReport, Cost, CostSource, OutcomeKind, TextCall, TextCallKind, Usage
from bot.storage.calls import UnfinishedCall
from bot.storage.columns import CallKind
from bot.storage.tables import CALLS
from tests.storage.direct import Direct
from tests.storage.rows import ANN, GROUP, NOON, running

VOICE = TextCall(TextCallKind.VOICE, ANN, GROUP, 7, "whisper-1", "gateway.example")


def test_a_call_without_an_end_is_listed_until_it_is_reported(db: Direct) -> None:
    job = running(db)
    with db.transaction() as tx:
        call = tx.calls.start(job, "painter", "gateway", "chat", NOON)
        text = tx.calls.start_text(VOICE, NOON)
        assert tx.calls.unfinished(1) == [
            UnfinishedCall(
                call, CallKind.IMAGE, job.id, ANN, "painter", "gateway", NOON, awaited=True
            )
        ]
        tx.calls.finish(call, CallReport(OutcomeKind.DRAWN), NOON)
        assert tx.calls.unfinished(10) == [
            UnfinishedCall(text, CallKind.VOICE, None, ANN, "whisper-1", "gateway.example", NOON)
        ]
        tx.calls.finish(text, CallReport(OutcomeKind.TEXT_ONLY), NOON)
        assert tx.calls.unfinished(10) == []


def test_a_report_is_kept_whole_and_the_first_one_stays(db: Direct) -> None:
    job = running(db)
    usage = Usage(1, 2, 3, 4, Cost(5, "EUR", CostSource.HEADER))
    report = CallReport(OutcomeKind.REFUSED, usage, 200, "stop", "SAFETY", "m-2", "id", 12, "no")
    with db.transaction() as tx:
        call = tx.calls.start(job, "painter", "gateway", "chat", NOON)
        assert tx.calls.finish(call, report, NOON)
        assert not tx.calls.finish(call, CallReport(OutcomeKind.DRAWN), NOON)
        row = tx.calls._sql.execute(select(CALLS)).mappings().one()
    assert {
        "id": call,
        "kind": CallKind.IMAGE,
        "job_id": job.id,
        "claim": 1,
        "account_id": ANN,
        "chat_id": ANN,
        "message_id": 1,
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


def test_a_call_for_words_keeps_its_first_report_and_nobodys_words(db: Direct) -> None:
    cost = Cost(300, "USD", CostSource.PRICE_TABLE)
    report = CallReport(
        OutcomeKind.TEXT_ONLY, Usage(10, 20, cost=cost), 200, latency_ms=12, detail="a cat"
    )
    with db.transaction() as tx:
        call = tx.calls.start_text(VOICE, NOON)
        assert tx.calls.finish(call, report, NOON)
        assert not tx.calls.finish(call, CallReport(OutcomeKind.TIMEOUT), NOON)
        row = tx.calls._sql.execute(select(CALLS)).one()
    assert (row.job_id, row.outcome, row.tokens_out) == (None, OutcomeKind.TEXT_ONLY, 20)
    assert (row.cost_micros, row.detail) == (300, "")


def test_a_messages_calls_for_words_without_an_end_are_counted_and_no_jobs(db: Direct) -> None:
    job = running(db)
    with db.transaction() as tx:
        call = tx.calls.start_text(VOICE, NOON)
        tx.calls.start_text(VOICE, NOON)
        tx.calls.start(job, "painter", "gateway", "chat", NOON)
        assert tx.calls.interrupted_text(GROUP, 7) == 2
        assert tx.calls.interrupted_text(GROUP, 8) == 0
        assert tx.calls.interrupted_text(job.chat_id, job.message_id) == 0
        tx.calls.finish(call, CallReport(OutcomeKind.TEXT_ONLY), NOON)
        assert tx.calls.interrupted_text(GROUP, 7) == 1


def test_only_calls_that_earlier_claims_began_were_interrupted(db: Direct) -> None:
    job = running(db)
    with db.transaction() as tx:
        first = tx.calls.start(job, "painter", "gateway", "chat", NOON)
        tx.calls.start(job, "painter", "gateway", "chat", NOON)
        assert tx.calls.interrupted(job.id, 1) == 0
        assert tx.calls.interrupted(job.id, 2) == 2
        tx.calls.finish(first, CallReport(OutcomeKind.TIMEOUT), NOON)
        assert tx.calls.interrupted(job.id, 2) == 1


def test_a_moved_chats_calls_are_still_those_of_its_messages(db: Direct) -> None:
    with db.transaction() as tx:
        tx.calls.start_text(VOICE, NOON)
        tx.migrate_chat(GROUP, -1_000_000_002_001)
        assert tx.calls.interrupted_text(GROUP, 7) == 0
        assert len(tx.calls.unfinished(9)) == 1
