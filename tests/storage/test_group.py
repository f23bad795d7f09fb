"""Transactions on SQLite that follow each other close: one commit, and each still for itself."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from bot.domain import Picture, StorageUnavailable
from bot.storage import Store, prepare
from tests.storage.rows import ANN, accepted, draft

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

FOREIGN = Picture(0, "0" * 64, "image/png", 1, 1, 1)


@pytest.fixture
async def store(sqlite_url: str) -> AsyncIterator[Store]:
    store = await Store.open(sqlite_url)
    yield store
    await store.close()


async def write(store: Store, message: int) -> None:
    async with store.transaction() as tx:
        await accepted(tx, draft(message))


async def fail(store: Store, message: int) -> None:
    async with store.transaction() as tx:
        await accepted(tx, draft(message))
        raise KeyError(message)


async def fail_late(store: Store, message: int) -> None:
    """Fail by a statement whose result nobody reads."""
    async with store.transaction() as tx:
        await accepted(tx, draft(message))
        await tx.pictures.add(99, ANN, [FOREIGN])


async def messages(store: Store) -> set[int]:
    async with store.reading() as tx:
        return {job.message_id for job in await tx.jobs.of_account(ANN, 1000)}


def commits(store: Store) -> list[None]:
    seen: list[None] = []
    engine = store._writer._engine.sync_engine
    event.listen(engine, "commit", lambda _connection: seen.append(None))
    return seen


async def test_those_that_wait_for_each_other_are_one_commit(store: Store) -> None:
    seen = commits(store)
    await asyncio.gather(*(write(store, number) for number in range(20)))
    assert len(seen) == 1
    assert await messages(store) == set(range(20))


async def test_one_alone_is_committed_at_once(store: Store) -> None:
    seen = commits(store)
    for number in range(3):
        await write(store, number)
        assert len(seen) == number + 1


async def test_nobody_returns_before_his_commit(store: Store) -> None:
    async def write_and_look(message: int) -> None:
        await write(store, message)
        assert message in await messages(store)

    await asyncio.gather(*(write_and_look(number) for number in range(20)))


@pytest.mark.parametrize("failing", [fail, fail_late])
async def test_one_that_fails_takes_nobody_with_it(
    store: Store, failing: Callable[[Store, int], Awaitable[None]]
) -> None:
    tasks = [failing(store, n) if n % 3 == 0 else write(store, n) for n in range(12)]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(result, KeyError | sqlite3.Error) for result in results] == [
        n % 3 == 0 for n in range(12)
    ]
    assert await messages(store) == {n for n in range(12) if n % 3}


async def test_one_that_did_nothing_takes_nobody_with_it(store: Store) -> None:
    async def idle(*, fails: bool) -> None:
        async with store.transaction():
            if fails:
                raise KeyError

    tasks = [idle(fails=False), fail(store, 1), idle(fails=True), write(store, 2), idle(fails=True)]
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await messages(store) == {2}


async def test_when_the_disk_is_full_nobody_is_told_that_it_was_committed(store: Store) -> None:
    async def fill() -> None:
        async with store.transaction() as tx:
            await tx.jobs._sql.exec_driver_sql("PRAGMA max_page_count = 1")
            for number in range(100, 400):
                await accepted(tx, draft(number))

    results = await asyncio.gather(
        *(write(store, number) for number in range(5)), fill(), return_exceptions=True
    )
    told = {n for n, result in enumerate(results[:5]) if result is None}
    assert isinstance(results[5], StorageUnavailable)
    assert all(result is None or isinstance(result, StorageUnavailable) for result in results[:5])
    assert await messages(store) == told


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(st.sampled_from(["write", "fail", "late", "cancel"]), st.integers(0, 30)),
        max_size=14,
    )
)
async def test_what_is_told_is_what_is_there(
    tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[str, int]]
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('group')}/bot.db"
    await prepare(url)
    store = await Store.open(url)
    acts = {"write": write, "cancel": write, "fail": fail, "late": fail_late}
    tasks = []
    for number, (act, steps) in enumerate(plan):
        tasks.append(asyncio.create_task(acts[act](store, number)))
        for _ in range(steps):
            await asyncio.sleep(0)
    for (act, _), task in zip(plan, tasks, strict=True):
        if act == "cancel":
            task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    found = await messages(store)
    for number, ((act, _), result) in enumerate(zip(plan, results, strict=True)):
        if result is None:
            assert number in found
        elif act in ("fail", "late"):
            assert number not in found
        else:  # who is cancelled hears of that, and not of a connection that it cost
            assert isinstance(result, asyncio.CancelledError | StorageUnavailable)
    await write(store, 1000)
    assert 1000 in await messages(store)
    await store.close()


async def test_who_is_cancelled_in_a_statement_hears_of_that(store: Store) -> None:
    begun = asyncio.Event()

    async def write_much() -> None:
        async with store.transaction() as tx:
            begun.set()
            for message in range(100, 1000):
                await accepted(tx, draft(message))

    others = [asyncio.create_task(write(store, 1))]
    cancelled = asyncio.create_task(write_much())
    others.append(asyncio.create_task(write(store, 2)))
    await begun.wait()
    for _ in range(3):
        await asyncio.sleep(0)
    cancelled.cancel()
    results = await asyncio.gather(cancelled, *others, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    told = {n for n, result in enumerate(results) if result is None}
    assert all(isinstance(result, StorageUnavailable) for result in results[1:] if result)
    assert await messages(store) == told
