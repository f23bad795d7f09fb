"""The rows of calls beside the drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain import CallReport, Cost, CostSource, OutcomeKind, TextCall, TextCallKind, Usage
from bot.storage.calls import UnknownErrand
from tests.storage.rows import ANN, GROUP, NOON

if TYPE_CHECKING:
    from tests.storage.direct import Direct

VOICE = TextCall(TextCallKind.VOICE, ANN, GROUP, 7, "whisper-1", "gateway.example")


def test_a_call_without_an_end_is_unknown_until_its_first_report(db: Direct) -> None:
    cost = Cost(300, "USD", CostSource.PRICE_TABLE)
    report = CallReport(OutcomeKind.TEXT_ONLY, Usage(10, 20, cost=cost), 200, latency_ms=12)
    with db.transaction() as tx:
        call = tx.errands.start(VOICE, NOON)
        other = tx.errands.start(VOICE, NOON)
        assert tx.errands.cut(GROUP, 7) == 2
        assert tx.errands.cut(GROUP, 8) == 0
        tx.errands.finish(call, report, NOON)
        tx.errands.finish(call, CallReport(OutcomeKind.TIMEOUT), NOON)
    with db.reading() as tx:
        assert tx.errands.cut(GROUP, 7) == 1
        kept = UnknownErrand(other, TextCallKind.VOICE, ANN, "whisper-1", "gateway.example", NOON)
        assert tx.errands.unknown(9) == [kept]


def test_a_moved_chats_calls_are_still_those_of_its_messages(db: Direct) -> None:
    with db.transaction() as tx:
        tx.errands.start(VOICE, NOON)
        tx.migrate_chat(GROUP, -1_000_000_002_001)
        assert tx.errands.cut(GROUP, 7) == 0
        assert len(tx.errands.unknown(9)) == 1
