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
from tests.storage.rows import ANN, BOB, GROUP, NOON, accepted, draft

NEXT_MONTH = datetime(2026, 12, 1, 0, 5, tzinfo=UTC)


async def reserved(
    tx: Transaction, message_id: int, pictures: int = 1, *, day: int = 0, month: int = 0
) -> int:
    job = await accepted(tx, draft(message_id))
    await tx.ledger.reserve(ANN, job.id, pictures, NOON, day, month)
    return job.id


async def ended(tx: Transaction, job_id: int) -> None:
    await tx.jobs.end(job_id, None, JobState.FAILED, OutcomeKind.EMPTY, "", NOON)


async def today(store: Store, account_id: int = ANN) -> Totals:
    async with store.reading() as tx:
        return (await tx.ledger.totals(account_id, NOON))[Period.DAY]


async def audit(store: Store) -> list[str]:
    async with store.reading() as tx:
        return await tx.ledger.audit()


async def test_a_settled_reservation_becomes_pictures(store: Store) -> None:
    async with store.transaction() as tx:
        job = await reserved(tx, 1, 2)
    assert await today(store) == Totals(reserved=2)
    async with store.transaction() as tx:
        assert await tx.ledger.settle(job, 1, NOON)
        await ended(tx, job)
    assert await today(store) == Totals(pictures=1)
    assert await audit(store) == []


async def test_a_released_reservation_leaves_nothing(store: Store) -> None:
    async with store.transaction() as tx:
        job = await reserved(tx, 1, 2)
        assert await tx.ledger.release(job, NOON)
        await ended(tx, job)
    assert await today(store) == Totals()
    assert await audit(store) == []


@pytest.mark.parametrize("first", ["settle", "release"])
@pytest.mark.parametrize("second", ["settle", "release"])
async def test_a_reservation_is_closed_once(store: Store, first: str, second: str) -> None:
    async def close(how: str) -> bool:
        async with store.transaction() as tx:
            if how == "settle":
                return await tx.ledger.settle(job, 1, NOON, also=GROUP)
            return bool(await tx.ledger.release(job, NOON))

    async with store.transaction() as tx:
        job = await reserved(tx, 1)
        await ended(tx, job)
    assert await close(first)
    assert not await close(second)
    assert (await today(store)).pictures == (first == "settle")
    assert await audit(store) == []


async def test_what_reserved_nothing_can_neither_be_settled_nor_released(store: Store) -> None:
    async with store.transaction() as tx:
        job = await accepted(tx)
        assert not await tx.ledger.settle(job.id, 1, NOON)
        assert not await tx.ledger.release(job.id, NOON)


async def test_the_chat_shows_the_pictures_without_paying(store: Store) -> None:
    async with store.transaction() as tx:
        job = await reserved(tx, 1)
        await tx.ledger.settle(job, 1, NOON, also=GROUP)
        await ended(tx, job)
    assert [Totals(pictures=1)] * 2 == [await today(store), await today(store, GROUP)]
    assert await audit(store) == []


async def test_in_a_private_chat_pictures_count_once(store: Store) -> None:
    async with store.transaction() as tx:
        job = await reserved(tx, 1)
        await tx.ledger.settle(job, 1, NOON, also=ANN)
        await ended(tx, job)
    assert await today(store) == Totals(pictures=1)
    assert await audit(store) == []


@pytest.mark.parametrize(
    ("limits", "period", "limit"),
    [
        ({"day": 2}, Period.DAY, 2),
        ({"month": 2}, Period.MONTH, 2),
        ({"day": 2, "month": 2}, Period.DAY, 2),
        ({"day": 9, "month": 2}, Period.MONTH, 2),
    ],
)
async def test_reserved_and_settled_pictures_count_towards_a_limit(
    store: Store, limits: dict[str, int], period: Period, limit: int
) -> None:
    async with store.transaction() as tx:
        await tx.ledger.settle(await reserved(tx, 1, **limits), 1, NOON)
        await reserved(tx, 2, **limits)
    with pytest.raises(LimitReached) as caught:
        async with store.transaction() as tx:
            await reserved(tx, 3, **limits)
    assert (period, limit) == (caught.value.period, caught.value.limit)
    assert await today(store) == Totals(pictures=1, reserved=1)


async def test_the_first_reservation_obeys_the_limit_too(store: Store) -> None:
    with pytest.raises(LimitReached):
        async with store.transaction() as tx:
            await reserved(tx, 1, 3, day=2)
    assert await today(store) == Totals()


async def test_a_refused_reservation_leaves_nothing_though_the_transaction_goes_on(
    store: Store,
) -> None:
    async with store.transaction() as tx:
        await reserved(tx, 1, day=1, month=9)
        with pytest.raises(LimitReached):
            await reserved(tx, 2, day=1, month=9)
    assert await today(store) == Totals(reserved=1)
    assert await audit(store) == []


async def test_a_released_picture_can_be_reserved_again(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.ledger.release(await reserved(tx, 1, day=1), NOON)
        await reserved(tx, 2, day=1)


async def test_a_limit_begins_anew_with_its_period(store: Store) -> None:
    async with store.transaction() as tx:
        await reserved(tx, 1, day=1, month=1)
        job = await accepted(tx, draft(2))
        await tx.ledger.reserve(ANN, job.id, 1, NEXT_MONTH, 1, 1)


async def test_a_job_is_settled_in_the_periods_of_its_reservation(store: Store) -> None:
    async with store.transaction() as tx:
        job = await reserved(tx, 1)
        await tx.ledger.settle(job, 1, NEXT_MONTH)
        await ended(tx, job)
        totals = await tx.ledger.totals(ANN, NEXT_MONTH)
    assert await today(store) == Totals(pictures=1)
    assert [totals[period].pictures for period in Period] == [0, 0, 1]
    assert await audit(store) == []


async def test_tokens_and_costs_add_up_for_payer_and_chat(store: Store) -> None:
    dollars = Usage(10, 20, 15, 5, Cost(1500, "USD", CostSource.REPORTED))
    yuan = Usage(1, None, cost=Cost(300, "CNY", CostSource.PRICE_TABLE))
    async with store.transaction() as tx:
        for usage in (dollars, dollars, yuan, Usage()):
            await tx.ledger.spend([ANN, GROUP], usage, NOON)
        for account_id in (ANN, GROUP):
            assert await tx.ledger.totals(account_id, NOON) == dict.fromkeys(
                Period,
                Totals(
                    tokens_in=21,
                    tokens_out=40,
                    costs=(("CNY", 300), ("USD", 3000)),
                    unpriced_calls=1,
                ),
            )
        tomorrow = await tx.ledger.totals(ANN, NOON + timedelta(days=1))
    assert (tomorrow[Period.DAY].tokens_in, tomorrow[Period.MONTH].tokens_in) == (0, 21)


async def test_the_same_account_twice_is_charged_once(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.ledger.spend([ANN, ANN], Usage(10), NOON)
    assert (await today(store)).tokens_in == 10


async def test_an_account_without_rows_has_used_nothing(store: Store) -> None:
    assert await today(store, BOB) == Totals()


async def test_many_at_once_never_reserve_more_than_the_limit(url: str) -> None:
    stores = [await Store.open(url) for _ in range(3)]

    async def reserve(message_id: int) -> bool:
        try:
            async with stores[message_id % 3].transaction() as tx:
                await reserved(tx, message_id, day=7)
        except LimitReached:
            return False
        return True

    reservations = await asyncio.gather(*(reserve(message) for message in range(30)))
    assert sum(reservations) == 7
    assert await today(stores[0]) == Totals(reserved=7)
    assert await audit(stores[0]) == []
    for store in stores:
        await store.close()


async def test_many_closing_at_once_in_any_order_close_each_reservation_once(url: str) -> None:
    stores = [await Store.open(url) for _ in range(2)]
    async with stores[0].transaction() as tx:
        jobs = [await reserved(tx, message) for message in range(10)]

    async def close(job: int, *, settle: bool, by: Store) -> bool:
        async with by.transaction() as tx:
            await ended(tx, job)
            if settle:
                return await tx.ledger.settle(job, 1, NOON, also=GROUP)
            return bool(await tx.ledger.release(job, NOON))

    calls = [
        close(job, settle=settle, by=by)
        for job in jobs
        for settle in (True, False)
        for by in stores
    ]
    random.Random(7).shuffle(calls)
    closed = await asyncio.gather(*calls)
    assert sum(closed) == 10
    assert await audit(stores[0]) == []
    totals = await today(stores[0])
    assert (0, await today(stores[1], GROUP)) == (totals.reserved, totals)
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


async def take(tx: Transaction, step: Step, jobs: list[tuple[int, int]]) -> None:
    """Do one step; all but a reservation are of one of the jobs so far, again and again."""
    what, number, pictures, at = step
    job_id, reservation = jobs[number % len(jobs)] if jobs else (0, 0)
    match what:
        case "settle":
            await tx.ledger.settle(job_id, min(pictures, reservation), at)
        case "settle in group":
            await tx.ledger.settle(job_id, min(pictures, reservation), at, also=GROUP)
        case "release":
            await tx.ledger.release(job_id, at)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, day_limit=st.integers(0, 5), month_limit=st.integers(0, 8))
async def test_whatever_happens_rows_equal_counters_and_limits_hold(
    sqlite_url: str, steps: list[Step], day_limit: int, month_limit: int
) -> None:
    store = await Store.open(sqlite_url)
    account = next(accounts)
    jobs: list[tuple[int, int]] = []
    for step in steps:
        what, _, pictures, at = step
        try:
            async with store.transaction() as tx:
                if what == "reserve":
                    job = await accepted(tx, draft(len(jobs), account_id=account, chat_id=account))
                    await tx.ledger.reserve(account, job.id, pictures, at, day_limit, month_limit)
                    jobs.append((job.id, pictures))
                else:
                    await take(tx, step, jobs)
        except LimitReached:
            assert what == "reserve"
        async with store.reading() as tx:
            assert [line for line in await tx.ledger.audit() if line.startswith("account")] == []
            totals = await tx.ledger.totals(account, at)
        for period, limit in ((Period.DAY, day_limit), (Period.MONTH, month_limit)):
            assert not limit or totals[period].pictures + totals[period].reserved <= limit
    await store.close()
