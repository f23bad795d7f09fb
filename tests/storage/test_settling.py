"""Settling: what was reserved, of any size, is what is settled or released, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import Period
from tests.storage.rows import ANN, GROUP, NOON, accepted, draft
from tests.storage.test_ledger import ended

if TYPE_CHECKING:
    from tests.storage.direct import Direct


@given(prices=st.lists(st.tuples(st.integers(1, 99), st.booleans()), min_size=1, max_size=6))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10, deadline=None
)
def test_all_that_was_reserved_is_settled_or_released(
    db: Direct, prices: list[tuple[int, bool]]
) -> None:
    with db.transaction() as tx:
        before = (tx.ledger.totals(ANN, NOON))[Period.DAY].pictures
        first = tx.jobs.next_ordinal(ANN, 1)
        for number, (price, drawn) in enumerate(prices, first):
            job = accepted(tx, draft(1, ordinal=number))
            tx.ledger.reserve(ANN, job.id, price, NOON, 0, 0)
            assert tx.ledger.reserved(job.id) == price
            ended(tx, job.id)
            if drawn:
                assert tx.ledger.settle(job.id, None, NOON, also=GROUP)
            else:
                assert tx.ledger.release(job.id, NOON) == price
            assert tx.ledger.release(job.id, NOON) == 0
            assert tx.ledger.reserved(job.id) == price
        totals = [(tx.ledger.totals(who, NOON))[Period.DAY] for who in (ANN, GROUP)]
        assert tx.ledger.audit() == []
    assert [one.reserved for one in totals] == [0, 0]
    assert totals[0].pictures == totals[1].pictures
    assert totals[0].pictures - before == sum(price for price, drawn in prices if drawn)
