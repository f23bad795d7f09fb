"""The ledger: nothing is spent twice, nothing beyond a limit, and rows equal counters always."""

from __future__ import annotations

import asyncio
import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import (
    Cost,
    CostSource,
    JobState,
    LimitReached,
    OutcomeKind,
    Period,
    Totals,
    Usage,
)
from bot.storage import Store, Transaction
from tests.storage.direct import Direct
from tests.storage.rows import ANN, BOB, GROUP, NOON, accepted, draft

NEXT_MONTH = datetime(2026, 12, 1, 0, 5, tzinfo=UTC)


def reserved(
    tx: Transaction, message_id: int, pictures: int = 1, *, day: int = 0, month: int = 0
) -> int:
    job = accepted(tx, draft(message_id))
    tx.ledger.reserve(ANN, job.id, pictures, NOON, day, month)
    return job.id


def ended(tx: Transaction, job_id: int) -> None:
    tx.jobs.end(job_id, None, JobState.FAILED, OutcomeKind.EMPTY, "", NOON)


def today(db: Direct, account_id: int = ANN) -> Totals:
    with db.reading() as tx:
        return (tx.ledger.totals(account_id, NOON))[Period.DAY]


def audit(db: Direct) -> list[str]:
    with db.reading() as tx:
        return tx.ledger.audit()


def test_a_settled_reservation_becomes_pictures(db: Direct) -> None:
    with db.transaction() as tx:
        job = reserved(tx, 1, 2)
    assert today(db) == Totals(reserved=2)
    with db.transaction() as tx:
        assert tx.ledger.settle(job, 1, NOON)
        ended(tx, job)
    assert today(db) == Totals(pictures=1)
    assert audit(db) == []


def test_a_released_reservation_leaves_nothing(db: Direct) -> None:
    with db.transaction() as tx:
        job = reserved(tx, 1, 2)
        assert tx.ledger.release(job, NOON)
        ended(tx, job)
    assert today(db) == Totals()
    assert audit(db) == []


@pytest.mark.parametrize("first", ["settle", "release"])
@pytest.mark.parametrize("second", ["settle", "release"])
def test_a_reservation_is_closed_once(db: Direct, first: str, second: str) -> None:
    def close(how: str) -> bool:
        with db.transaction() as tx:
            if how == "settle":
                return tx.ledger.settle(job, 1, NOON, also=GROUP)
            return bool(tx.ledger.release(job, NOON))

    with db.transaction() as tx:
        job = reserved(tx, 1)
        ended(tx, job)
    assert close(first)
    assert not close(second)
    assert (today(db)).pictures == (first == "settle")
    assert audit(db) == []


def test_what_reserved_nothing_can_neither_be_settled_nor_released(db: Direct) -> None:
    with db.transaction() as tx:
        job = accepted(tx)
        assert not tx.ledger.settle(job.id, 1, NOON)
        assert not tx.ledger.release(job.id, NOON)


def test_the_chat_shows_the_pictures_without_paying(db: Direct) -> None:
    with db.transaction() as tx:
        job = reserved(tx, 1)
        tx.ledger.settle(job, 1, NOON, also=GROUP)
        ended(tx, job)
    assert [Totals(pictures=1)] * 2 == [today(db), today(db, GROUP)]
    assert audit(db) == []


def test_in_a_private_chat_pictures_count_once(db: Direct) -> None:
    with db.transaction() as tx:
        job = reserved(tx, 1)
        tx.ledger.settle(job, 1, NOON, also=ANN)
        ended(tx, job)
    assert today(db) == Totals(pictures=1)
    assert audit(db) == []


@pytest.mark.parametrize(
    ("limits", "period", "limit"),
    [
        ({"day": 2}, Period.DAY, 2),
        ({"month": 2}, Period.MONTH, 2),
        ({"day": 2, "month": 2}, Period.DAY, 2),
        ({"day": 9, "month": 2}, Period.MONTH, 2),
    ],
)
def test_reserved_and_settled_pictures_count_towards_a_limit(
    db: Direct, limits: dict[str, int], period: Period, limit: int
) -> None:
    with db.transaction() as tx:
        tx.ledger.settle(reserved(tx, 1, **limits), 1, NOON)
        reserved(tx, 2, **limits)
    with pytest.raises(LimitReached) as caught, db.transaction() as tx:
        reserved(tx, 3, **limits)
    assert (period, limit) == (caught.value.period, caught.value.limit)
    assert today(db) == Totals(pictures=1, reserved=1)


def test_the_first_reservation_obeys_the_limit_too(db: Direct) -> None:
    with pytest.raises(LimitReached), db.transaction() as tx:
        reserved(tx, 1, 3, day=2)
    assert today(db) == Totals()


def test_a_refused_reservation_leaves_nothing_though_the_transaction_goes_on(
    db: Direct,
) -> None:
    with db.transaction() as tx:
        reserved(tx, 1, day=1, month=9)
        with pytest.raises(LimitReached):
            reserved(tx, 2, day=1, month=9)
    assert today(db) == Totals(reserved=1)
    assert audit(db) == []


def test_a_released_picture_can_be_reserved_again(db: Direct) -> None:
    with db.transaction() as tx:
        tx.ledger.release(reserved(tx, 1, day=1), NOON)
        reserved(tx, 2, day=1)


def test_a_limit_begins_anew_with_its_period(db: Direct) -> None:
    with db.transaction() as tx:
        reserved(tx, 1, day=1, month=1)
        job = accepted(tx, draft(2))
        tx.ledger.reserve(ANN, job.id, 1, NEXT_MONTH, 1, 1)


def test_a_job_is_settled_in_the_periods_of_its_reservation(db: Direct) -> None:
    with db.transaction() as tx:
        job = reserved(tx, 1)
        tx.ledger.settle(job, 1, NEXT_MONTH)
        ended(tx, job)
        totals = tx.ledger.totals(ANN, NEXT_MONTH)
    assert today(db) == Totals(pictures=1)
    assert [totals[period].pictures for period in Period] == [0, 0, 1]
    assert audit(db) == []


def test_tokens_and_costs_add_up_for_payer_and_chat(db: Direct) -> None:
    dollars = Usage(10, 20, 15, 5, Cost(1500, "USD", CostSource.REPORTED))
    yuan = Usage(1, None, cost=Cost(300, "CNY", CostSource.PRICE_TABLE))
    with db.transaction() as tx:
        for usage in (dollars, dollars, yuan, Usage()):
            tx.ledger.spend([ANN, GROUP], usage, NOON)
        for account_id, calls in ((ANN, 4), (GROUP, 0)):
            assert tx.ledger.totals(account_id, NOON) == dict.fromkeys(
                Period,
                Totals(
                    tokens_in=21,
                    tokens_out=40,
                    costs=(("CNY", 300), ("USD", 3000)),
                    unpriced_calls=1,
                    calls=calls,
                ),
            )
        tomorrow = tx.ledger.totals(ANN, NOON + timedelta(days=1))
    assert (tomorrow[Period.DAY].tokens_in, tomorrow[Period.MONTH].tokens_in) == (0, 21)


def test_the_same_account_twice_is_charged_once(db: Direct) -> None:
    with db.transaction() as tx:
        tx.ledger.spend([ANN, ANN], Usage(10), NOON)
    assert (today(db)).tokens_in == 10


def test_an_account_without_rows_has_used_nothing(db: Direct) -> None:
    assert today(db, BOB) == Totals()


async def test_many_at_once_never_reserve_more_than_the_limit(url: str, db: Direct) -> None:
    stores = [await Store.open(url) for _ in range(3)]

    async def reserve(message_id: int) -> bool:
        try:
            await stores[message_id % 3].write(reserved, message_id, day=7)
        except LimitReached:
            return False
        return True

    reservations = await asyncio.gather(*(reserve(message) for message in range(30)))
    assert sum(reservations) == 7
    assert today(db) == Totals(reserved=7)
    assert audit(db) == []
    for store in stores:
        await store.close()


async def test_many_closing_at_once_in_any_order_close_each_reservation_once(
    url: str, db: Direct
) -> None:
    stores = [await Store.open(url) for _ in range(2)]
    with db.transaction() as tx:
        jobs = [reserved(tx, message) for message in range(10)]

    def close(tx: Transaction, job: int, *, settle: bool) -> bool:
        ended(tx, job)
        if settle:
            return tx.ledger.settle(job, 1, NOON, also=GROUP)
        return bool(tx.ledger.release(job, NOON))

    calls = [
        by.write(close, job, settle=settle)
        for job in jobs
        for settle in (True, False)
        for by in stores
    ]
    random.Random(7).shuffle(calls)
    closed = await asyncio.gather(*calls)
    assert sum(closed) == 10
    assert audit(db) == []
    totals = today(db)
    assert (0, today(db, GROUP)) == (totals.reserved, totals)
    for store in stores:
        await store.close()


MOMENTS = st.datetimes(
    min_value=datetime(2026, 11, 29),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2026, 12, 2),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "settle", "release", "settle in group"]),
        st.integers(0, 4),
        st.integers(0, 3),
        MOMENTS,
    ),
    max_size=20,
)
accounts = itertools.count(5_000_000)
Step = tuple[str, int, int, datetime]


def take(tx: Transaction, step: Step, jobs: list[tuple[int, int]]) -> None:
    """Do one step; all but a reservation are of one of the jobs so far, again and again."""
    what, number, pictures, at = step
    job_id, reservation = jobs[number % len(jobs)] if jobs else (0, 0)
    match what:
        case "settle":
            tx.ledger.settle(job_id, min(pictures, reservation), at)
        case "settle in group":
            tx.ledger.settle(job_id, min(pictures, reservation), at, also=GROUP)
        case "release":
            tx.ledger.release(job_id, at)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, day_limit=st.integers(0, 5), month_limit=st.integers(0, 8))
def test_whatever_happens_rows_equal_counters_and_limits_hold(
    db: Direct, steps: list[Step], day_limit: int, month_limit: int
) -> None:
    account = next(accounts)
    jobs: list[tuple[int, int]] = []
    for step in steps:
        what, _, pictures, at = step
        try:
            with db.transaction() as tx:
                if what == "reserve":
                    job = accepted(tx, draft(len(jobs), account_id=account, chat_id=account))
                    tx.ledger.reserve(account, job.id, pictures, at, day_limit, month_limit)
                    jobs.append((job.id, pictures))
                else:
                    take(tx, step, jobs)
        except LimitReached:
            assert what == "reserve"
        with db.reading() as tx:
            assert [line for line in tx.ledger.audit() if line.startswith("account")] == []
            totals = tx.ledger.totals(account, at)
        for period, limit in ((Period.DAY, day_limit), (Period.MONTH, month_limit)):
            assert not limit or totals[period].pictures + totals[period].reserved <= limit


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


def test_a_charge_is_given_back_once_in_its_own_periods(db: Direct) -> None:
    later = NOON + timedelta(days=20)
    with db.transaction() as tx:
        job = reserved(tx, 1, 2)
        assert tx.ledger.refund(job, NOON) == 0  # nothing was charged yet
        tx.ledger.settle(job, 2, NOON, also=GROUP)
        ended(tx, job)
        assert tx.ledger.refund(job, later) == 2
        assert tx.ledger.refund(job, later) == 0
        assert tx.ledger.totals(ANN, later)[Period.DAY] == Totals()
    assert today(db) == Totals()
    assert today(db, GROUP) == Totals(pictures=2)  # there they were drawn all the same
    assert audit(db) == []


async def test_two_refunds_at_once_give_back_one_charge(store: Store, db: Direct) -> None:
    with db.transaction() as tx:
        jobs = [reserved(tx, number) for number in (1, 2)]
        for job in jobs:
            tx.ledger.settle(job, 1, NOON)
            ended(tx, job)
    refunds = (store.write(lambda tx: tx.ledger.refund(jobs[0], NOON)) for _ in range(4))
    assert sorted(await asyncio.gather(*refunds)) == [0, 0, 0, 1]
    assert today(db) == Totals(pictures=1)
    assert audit(db) == []


def test_nothing_is_given_back_of_what_was_released(db: Direct) -> None:
    with db.transaction() as tx:
        job = reserved(tx, 1)
        tx.ledger.release(job, NOON)
        ended(tx, job)
        assert tx.ledger.refund(job, NOON) == 0
    assert audit(db) == []
