"""What all processes on one Postgres may do together: two of them here, each with its own session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from sqlalchemy.engine import make_url

from bot.storage import shared_limits
from bot.storage.shared_limits import SharedLimits
from tests.support import postgres
from tests.support.waiting import patient, within

TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = 'picturebot limits' AND datname = current_database()"
)
Two = tuple[SharedLimits, SharedLimits]


@pytest_asyncio.fixture
async def two(postgres_url: str) -> AsyncIterator[Two]:
    url = make_url(postgres_url).set(drivername="postgresql+psycopg")
    one, other = SharedLimits(url), SharedLimits(url)
    yield one, other
    await one.close()
    await other.close()


async def test_both_take_moments_of_one_row_one_after_the_other(two: Two) -> None:
    taken = [await two[n % 2].take("telegram", gap=100) for n in range(6)]
    assert [round(seconds or 0, -2) for seconds in taken] == [0, 100, 200, 300, 400, 500]
    assert await two[0].take("another", gap=100) == 0


async def test_unused_time_is_caught_up_as_far_as_the_burst(two: Two) -> None:
    taken = [await two[n % 2].take("chat:1", gap=100, burst=200) for n in range(5)]
    assert [round(seconds or 0, -2) for seconds in taken] == [0, 0, 0, 100, 200]


async def test_what_comes_too_late_is_not_taken(two: Two) -> None:
    one, other = two
    assert await one.take("chat:1", gap=100, within=0) == 0
    assert await other.take("chat:1", gap=100, within=50) is None
    assert await other.take("chat:1", gap=100, within=200)
    assert await one.take("quiet", gap=1, burst=9, within=-9) is not None
    assert await one.take("quiet", gap=1, burst=9, within=-9) is None


async def test_a_flood_of_one_holds_the_other(two: Two) -> None:
    one, other = two
    await one.hold("chat:1", 1000)
    await other.hold("chat:1", 10)
    assert round(await other.take("chat:1", gap=1) or 0, -2) == 1000


async def test_no_more_than_so_many_places_are_had_by_both(two: Two) -> None:
    at_once, peak = 0, 0

    async def call(limits: SharedLimits) -> None:
        nonlocal at_once, peak
        async with limits.at_gateway(3, "main"):
            at_once += 1
            peak = max(peak, at_once)
            await asyncio.sleep(0.01)
            at_once -= 1

    await within(asyncio.gather(*(call(two[n % 2]) for n in range(30))))
    assert peak == 3


async def test_who_gives_up_waiting_leaves_no_place_behind(two: Two) -> None:
    one, other = two
    async with AsyncExitStack() as held:
        await held.enter_async_context(one.at_gateway(1, "main"))
        waiting = [asyncio.create_task(_hold(each)) for each in (one, other) * 3]
        await asyncio.sleep(0.1)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    for limits in (other, one):
        async with patient(), limits.at_gateway(1, "main"):
            pass


async def _hold(limits: SharedLimits) -> None:
    async with limits.at_gateway(1, "main"):
        await asyncio.Event().wait()


async def test_who_dies_gives_back_what_he_held(two: Two) -> None:
    one, other = two
    async with AsyncExitStack() as held:
        await held.enter_async_context(one.at_gateway(1, "main"))
        await held.enter_async_context(one.alone("messages of 7"))
        await one.close()  # as the server sees the end of a process
        async with patient(), other.at_gateway(1, "main"), other.alone("messages of 7"):
            pass


async def test_a_session_that_broke_holds_again_what_it_held(
    two: Two, postgres_server: postgres.Postgres, postgres_database: str
) -> None:
    one, other = two
    async with one.at_gateway(1, "main"):
        postgres_server.run(TERMINATE, postgres_database)
        assert await one.take("any", gap=0) is not None  # it connects anew, and nobody hears of it
        waiting = asyncio.create_task(_hold(other))
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        assert not done
        assert other._held == set()
    async with patient():
        while not other._held:
            await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_new_messages_of_a_chat_are_sent_by_one_at_a_time_and_nobody_waits_for_ever(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    order = list[str]()

    async def send(limits: SharedLimits, name: str) -> None:
        async with limits.alone("messages of 7"):
            order.append(f"{name} begins")
            await asyncio.sleep(0.05)
            order.append(f"{name} ends")

    await within(asyncio.gather(send(one, "one"), send(other, "other")))
    first = order[0].split()[0]
    assert order[1] == f"{first} ends"
    monkeypatch.setattr(shared_limits, "LEASE_PATIENCE", 0.1)
    async with one.alone("messages of 7"):
        await within(send(other, "late"))
