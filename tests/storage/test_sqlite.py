"""Transactions on SQLite that wait for each other: one commit, and each still for itself."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from bot.domain import Picture, StorageUnavailable
from bot.storage import Store, Transaction
from bot.storage.sqlite import WAL_BYTES, SqliteDatabase, _driver
from tests.storage.rows import ANN, NOON, accepted, draft

FOREIGN = Picture(0, "0" * 64, "image/png", 1, 1, 1)


@pytest.fixture
async def store(sqlite_url: str) -> AsyncIterator[Store]:
    store = await Store.open(sqlite_url)
    yield store
    await store.close()


def write(tx: Transaction, message: int) -> None:
    accepted(tx, draft(message))


def fail(tx: Transaction, message: int) -> None:
    accepted(tx, draft(message))
    raise KeyError(message)


def break_rule(tx: Transaction, message: int) -> None:
    """Fail by a statement that the database refuses."""
    accepted(tx, draft(message))
    tx.pictures.add(99, ANN, [FOREIGN])


async def messages(store: Store) -> set[int]:
    jobs = await store.read(lambda tx: tx.jobs.of_account(ANN, 1000))
    return {job.message_id for job in jobs}


async def commits(store: Store) -> list[str]:
    seen: list[str] = []

    def note(statement: str) -> None:
        if statement == "COMMIT":
            seen.append(statement)

    assert isinstance(store._database, SqliteDatabase)
    await store._database._threads[0].submit(lambda sql: _driver(sql).set_trace_callback(note))
    return seen


async def test_those_that_wait_for_each_other_are_one_commit(store: Store) -> None:
    seen = await commits(store)
    await asyncio.gather(*(store.write(write, number) for number in range(20)))
    assert len(seen) == 1
    assert await messages(store) == set(range(20))


async def test_one_alone_is_committed_at_once(store: Store) -> None:
    seen = await commits(store)
    for number in range(3):
        await store.write(write, number)
        assert len(seen) == number + 1


async def test_nobody_returns_before_his_commit(store: Store) -> None:
    async def write_and_look(message: int) -> None:
        await store.write(write, message)
        assert message in await messages(store)

    await asyncio.gather(*(write_and_look(number) for number in range(20)))


@pytest.mark.parametrize("failing", [fail, break_rule])
async def test_one_that_fails_takes_nobody_with_it(
    store: Store, failing: Callable[[Transaction, int], None]
) -> None:
    tasks = [store.write(write if n % 3 else failing, n) for n in range(12)]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(result, KeyError | IntegrityError) for result in results] == [
        n % 3 == 0 for n in range(12)
    ]
    assert await messages(store) == {n for n in range(12) if n % 3}


async def test_one_that_did_nothing_takes_nobody_with_it(store: Store) -> None:
    def idle(_tx: Transaction, *, fails: bool) -> None:
        if fails:
            raise KeyError

    tasks = [
        store.write(idle, fails=False),
        store.write(fail, 1),
        store.write(idle, fails=True),
        store.write(write, 2),
        store.write(idle, fails=True),
    ]
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await messages(store) == {2}


async def test_when_the_disk_is_full_nobody_is_told_that_it_was_committed(store: Store) -> None:
    def fill(tx: Transaction) -> None:
        tx.jobs._sql.exec_driver_sql("PRAGMA max_page_count = 1")
        for number in range(100, 400):
            accepted(tx, draft(number))

    results = await asyncio.gather(
        *(store.write(write, number) for number in range(5)),
        store.write(fill),
        return_exceptions=True,
    )
    told = {n for n, result in enumerate(results[:5]) if result is None}
    assert isinstance(results[5], StorageUnavailable)
    assert all(result is None or isinstance(result, StorageUnavailable) for result in results[:5])
    assert await messages(store) == told


async def test_a_commit_that_fails_is_told_to_all_who_were_in_it(store: Store) -> None:
    told: list[int] = []

    def leave_open(tx: Transaction) -> None:
        tx.after_commit(told.append, 1)
        tx.jobs._sql.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        tx.pictures.add(99, ANN, [FOREIGN])

    tasks = [store.write(write, 1), store.write(leave_open), store.write(fail, 2)]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [StorageUnavailable, StorageUnavailable, KeyError] == [type(one) for one in results]
    assert told == []
    assert await messages(store) == set()
    await store.write(write, 3)
    assert await messages(store) == {3}


async def test_where_sqlite_undoes_everything_nobody_is_told_that_it_was_committed(
    store: Store,
) -> None:
    def undo_all(tx: Transaction) -> None:
        tx.jobs._sql.exec_driver_sql("ROLLBACK")
        raise KeyError

    tasks = [store.write(write, 1), store.write(undo_all), store.write(write, 2)]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [StorageUnavailable, KeyError, StorageUnavailable] == [type(one) for one in results]
    assert await messages(store) == set()
    await store.write(write, 3)
    assert await messages(store) == {3}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(st.sampled_from(["write", "fail", "rule", "cancel"]), st.integers(0, 30)),
        max_size=14,
    )
)
async def test_what_is_told_is_what_is_there(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, plan: list[tuple[str, int]]
) -> None:
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("group"))
    store = await Store.open(f"sqlite:///{path}")
    acts = {"write": write, "cancel": write, "fail": fail, "rule": break_rule}
    called: list[int] = []

    def act_and_tell(tx: Transaction, act: str, number: int) -> None:
        tx.after_commit(called.append, number)
        acts[act](tx, number)

    tasks = []
    for number, (act, steps) in enumerate(plan):
        tasks.append(asyncio.create_task(store.write(act_and_tell, act, number)))
        for _ in range(steps):
            await asyncio.sleep(0)
    for (act, _), task in zip(plan, tasks, strict=True):
        if act == "cancel":
            task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    found = await messages(store)
    assert sorted(called) == sorted(found)
    for number, ((act, _), result) in enumerate(zip(plan, results, strict=True)):
        if result is None:
            assert number in found
        elif act in ("fail", "rule"):
            assert number not in found
        else:
            assert isinstance(result, asyncio.CancelledError)
    await store.write(write, 1000)
    assert 1000 in await messages(store)
    await store.close()


async def test_what_something_large_has_made_of_the_wal_is_cut_again(
    store: Store, tmp_path: Path
) -> None:
    wal = tmp_path / "bot.db-wal"
    await store.write(lambda tx: tx.keys.add("large" * WAL_BYTES, NOON))
    assert wal.stat().st_size > WAL_BYTES
    for number in range(3):
        await store.write(write, number)
    assert wal.stat().st_size <= WAL_BYTES
