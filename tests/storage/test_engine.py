"""The store: what is committed stays, everything else is gone, and waiting has an end."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import DBAPIError

from bot.domain import Picture, StorageUnavailable
from bot.storage import Store, engine, group, prepare
from tests.storage.rows import ANN, NOON, accepted, draft

if TYPE_CHECKING:
    from tests.support import postgres

ROOT = Path(__file__).parents[2]


async def known(store: Store) -> int:
    async with store.reading() as tx:
        return len(await tx.jobs.of_account(ANN, 100))


async def test_what_a_transaction_did_is_undone_by_any_exception(store: Store) -> None:
    async def fail() -> None:
        async with store.transaction() as tx:
            await accepted(tx)
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert await known(store) == 0


async def test_a_cancelled_transaction_is_undone_and_the_next_one_goes_on(store: Store) -> None:
    begun = asyncio.Event()

    async def hang() -> None:
        async with store.transaction() as tx:
            await accepted(tx)
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with store.transaction() as tx:
        await accepted(tx)
    assert await known(store) == 1


async def test_tasks_cancelled_at_any_moment_leave_the_store_usable(store: Store) -> None:
    async def write(message: int) -> None:
        async with store.transaction() as tx:
            await accepted(tx, draft(message))

    for steps in range(40):
        task = asyncio.create_task(write(steps))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with store.transaction() as tx:
        await accepted(tx, draft(1000))
    assert await known(store) >= 1


async def test_readers_see_one_snapshot_and_do_not_wait_for_the_writer(store: Store) -> None:
    async with store.transaction() as writing:
        await accepted(writing)
        async with store.reading() as reading:
            assert await reading.jobs.of_account(ANN, 100) == []
    async with store.reading() as reading:
        assert len(await reading.jobs.of_account(ANN, 100)) == 1
        async with store.transaction() as writing:
            await accepted(writing, draft(2))
        assert len(await reading.jobs.of_account(ANN, 100)) == 1


async def test_writing_while_reading_is_refused(store: Store) -> None:
    with pytest.raises((DBAPIError, StorageUnavailable)):
        async with store.reading() as tx:
            await accepted(tx)
    assert await known(store) == 0


async def test_an_empty_transaction_does_nothing(store: Store) -> None:
    async with store.transaction():
        pass
    async with store.reading():
        pass


async def test_a_locked_file_is_storage_unavailable(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_MILLISECONDS", 20)
    store = await Store.open(sqlite_url)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageUnavailable, match="locked"):
        async with store.transaction() as tx:
            await accepted(tx)
    other.execute("ROLLBACK")
    other.close()
    async with store.transaction() as tx:
        await accepted(tx)
    await store.close()


async def test_waiting_for_ones_turn_ends(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "WAIT_SECONDS", 0.01)
    store = await Store.open(sqlite_url)
    async with store.transaction():
        with pytest.raises(StorageUnavailable, match="too long"):
            async with store.transaction():
                pass
    await store.close()


async def test_a_file_that_cannot_be_opened_is_storage_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        await Store.open(f"sqlite:///{tmp_path}/nowhere/bot.db")


async def test_a_database_that_does_not_answer_is_storage_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        await Store.open(f"postgresql://someone@/x?host={tmp_path}")


async def test_lost_connections_are_storage_unavailable_and_then_replaced(
    postgres_url: str, postgres_server: postgres.Postgres
) -> None:
    store = await Store.open(postgres_url)

    async def be_cut_off() -> None:
        async with store.transaction() as tx:
            await accepted(tx)
            postgres_server.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test%'"
            )
            await accepted(tx, draft(2))

    with pytest.raises(StorageUnavailable):
        await be_cut_off()
    async with store.transaction() as tx:
        await accepted(tx)
    await store.close()


async def test_a_mistake_of_ours_is_not_called_unavailable(store: Store) -> None:
    with pytest.raises(DBAPIError):
        async with store.transaction() as tx:
            await tx.attempts.start(99, 1, "m", "h", "r", NOON)


async def test_a_statement_whose_result_nobody_reads_fails_with_its_transaction(
    store: Store,
) -> None:
    async def add_to_no_job() -> None:
        async with store.transaction() as tx:
            await accepted(tx)
            await tx.pictures.add(99, 1, [Picture(0, "0" * 64, "image/png", 1, 1, 1)])

    with pytest.raises(DBAPIError):
        await add_to_no_job()
    assert await known(store) == 0


async def test_a_statement_whose_result_nobody_reads_is_seen_by_the_next_one(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.outgoing.add(-1001, 7, NOON)
        assert await tx.outgoing.known(-1001, 0, 10) == {7}
    async with store.reading() as tx:
        assert await tx.outgoing.known(-1001, 0, 10) == {7}


async def test_a_statement_whose_result_nobody_reads_is_undone_with_the_rest(store: Store) -> None:
    async def fail() -> None:
        async with store.transaction() as tx:
            await tx.outgoing.add(-1001, 7, NOON)
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    async with store.transaction() as tx:
        assert await tx.outgoing.known(-1001, 0, 10) == set()


async def test_an_error_does_not_carry_what_people_wrote(store: Store) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with store.transaction() as tx:
            await tx.attempts.start(99, 1, "private words", "h", "r", NOON)
    assert "private words" not in str(caught.value)


async def test_sqlite_runs_with_the_settings_that_keep_promises(sqlite_url: str) -> None:
    store = await Store.open(sqlite_url)
    async with store.transaction() as tx:
        sql = tx.jobs._sql
        found = [
            (await sql.exec_driver_sql(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    await store.close()
    assert found == ["wal", 2, 1, engine.BUSY_MILLISECONDS]


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///data/bot.db", "sqlite+onetrip"),
        ("postgres://u:p@h/d", "postgresql+psycopg"),
        ("postgresql://u:p@h/d", "postgresql+psycopg"),
        ("postgresql+psycopg2://u:p@h/d", "postgresql+psycopg"),
    ],
)
def test_a_url_names_the_database_and_we_the_driver(url: str, driver: str) -> None:
    assert engine.normalised(url).drivername == driver


def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(ValueError, match="mysql"):
        engine.normalised("mysql://u:secret@h/d")


KILLED = """
import asyncio, os, signal, sys
from bot.storage import Store
from tests.storage.rows import accepted, draft

async def main():
    store = await Store.open(sys.argv[1])
    async with store.transaction() as tx:
        await accepted(tx, draft(1))
    async with store.transaction() as tx:
        await accepted(tx, draft(2))
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_process_killed_in_a_transaction_leaves_what_it_had_committed(url: str) -> None:
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, url, cwd=ROOT)
    assert await killed.wait() == -signal.SIGKILL
    await prepare(url)
    store = await Store.open(url)
    assert await known(store) == 1
    async with store.transaction() as tx:
        await accepted(tx, draft(2))
    await store.close()
