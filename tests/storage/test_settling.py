"""Settling: what was reserved, of any size, is what is settled or released, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import Period
from tests.storage.rows import ANN, GROUP, NOON, accepted, draft
from tests.storage.test_ledger import ended

if TYPE_CHECKING:
    from bot.storage import Store


@given(prices=st.lists(st.tuples(st.integers(1, 99), st.booleans()), min_size=1, max_size=6))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10, deadline=None
)
async def test_all_that_was_reserved_is_settled_or_released(
    store: Store, prices: list[tuple[int, bool]]
) -> None:
    async with store.transaction() as tx:
        before = (await tx.ledger.totals(ANN, NOON))[Period.DAY].pictures
        first = await tx.jobs.next_ordinal(ANN, 1)
        for number, (price, drawn) in enumerate(prices, first):
            job = await accepted(tx, draft(1, ordinal=number))
            await tx.ledger.reserve(ANN, job.id, price, NOON, 0, 0)
            assert await tx.ledger.reserved(job.id) == price
            await ended(tx, job.id)
            if drawn:
                assert await tx.ledger.settle(job.id, None, NOON, also=GROUP)
            else:
                assert await tx.ledger.release(job.id, NOON) == price
            assert await tx.ledger.release(job.id, NOON) == 0
            assert await tx.ledger.reserved(job.id) == price
        totals = [(await tx.ledger.totals(who, NOON))[Period.DAY] for who in (ANN, GROUP)]
        assert await tx.ledger.audit() == []
    assert [one.reserved for one in totals] == [0, 0]
    assert totals[0].pictures == totals[1].pictures
    assert totals[0].pictures - before == sum(price for price, drawn in prices if drawn)
