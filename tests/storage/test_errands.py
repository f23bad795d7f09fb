"""The rows of calls beside the drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain import CallReport, Cost, CostSource, OutcomeKind, TextCall, TextCallKind, Usage
from bot.storage.errands import UnknownErrand
from tests.storage.rows import ANN, GROUP, NOON

if TYPE_CHECKING:
    from bot.storage import Store

VOICE = TextCall(TextCallKind.VOICE, ANN, GROUP, 7, "whisper-1", "gateway.example")


async def test_a_call_without_an_end_is_unknown_until_its_first_report(store: Store) -> None:
    cost = Cost(300, "USD", CostSource.PRICE_TABLE)
    report = CallReport(OutcomeKind.TEXT_ONLY, Usage(10, 20, cost=cost), 200, latency_ms=12)
    async with store.transaction() as tx:
        call = await tx.errands.start(VOICE, NOON)
        other = await tx.errands.start(VOICE, NOON)
        assert await tx.errands.cut(GROUP, 7) == 2
        assert await tx.errands.cut(GROUP, 8) == 0
        await tx.errands.finish(call, report, NOON)
        await tx.errands.finish(call, CallReport(OutcomeKind.TIMEOUT), NOON)
    async with store.reading() as tx:
        assert await tx.errands.cut(GROUP, 7) == 1
        kept = UnknownErrand(other, TextCallKind.VOICE, ANN, "whisper-1", "gateway.example", NOON)
        assert await tx.errands.unknown(9) == [kept]


async def test_a_moved_chats_calls_are_still_those_of_its_messages(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.errands.start(VOICE, NOON)
        await tx.jobs.move_chat(GROUP, -1_000_000_002_001)
        assert await tx.errands.cut(GROUP, 7) == 0
        assert len(await tx.errands.unknown(9)) == 1
