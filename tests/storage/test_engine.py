"""The store: what is committed stays, everything else is gone, and waiting has an end."""

from __future__ import annotations

import asyncio
import gc
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from bot.domain import Picture, StorageUnavailable
from bot.storage import Store, Transaction, engine, prepare, sqlite, wait
from bot.storage.postgres import TRIES
from tests.storage.direct import Direct
from tests.storage.rows import ANN, NOON, accepted, draft
from tests.support import postgres
from tests.support.waiting import PATIENCE, within

ROOT = Path(__file__).parents[2]


def count(tx: Transaction) -> int:
    return len(tx.jobs.of_account(ANN, 100))


def nothing(_tx: Transaction) -> None:
    """Do nothing."""


class Gate:
    """Work that has begun, and goes on when it is told to."""

    def __init__(self, message: int = 1) -> None:
        self._message = message
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, tx: Transaction) -> None:
        accepted(tx, draft(self._message))
        self.begun.set()
        assert self.go_on.wait(20)

    async def has_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.wait, 20)


async def test_what_a_transaction_did_is_undone_by_any_exception(store: Store) -> None:
    def fail(tx: Transaction) -> None:
        accepted(tx)
        raise KeyError

    with pytest.raises(KeyError):
        await store.write(fail)
    assert await store.read(count) == 0


async def test_an_exhausted_iterator_is_an_error_and_nobody_waits_for_ever(store: Store) -> None:
    for act in (store.write, store.read):
        with pytest.raises(RuntimeError):
            await act(lambda _tx: next(iter([])))


async def test_work_is_given_its_arguments_and_gives_back_its_value(store: Store) -> None:
    def work(tx: Transaction, message: int, *, twice: bool) -> int:
        accepted(tx, draft(message))
        return message * (1 + twice)

    assert await store.write(work, 7, twice=True) == 14
    assert await store.read(count) == 1


async def test_who_is_cancelled_in_his_transaction_waits_for_its_end_and_it_stays(
    store: Store,
) -> None:
    gate = Gate()
    told: list[str] = []

    def work(tx: Transaction) -> None:
        tx.after_commit(told.append, "committed")
        gate(tx)

    task = asyncio.create_task(store.write(work))
    await gate.has_begun()
    task.cancel()
    await asyncio.sleep(0.02)
    assert not task.done()
    gate.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == ["committed"]
    assert await store.read(count) == 1


async def test_a_failure_of_what_a_cancelled_one_waited_for_was_heard_of() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    locked = asyncio.Event()

    async def fails() -> None:
        await locked.wait()
        raise StorageUnavailable

    task = asyncio.create_task(wait.run_to_completion(fails()))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.sleep(0.01)
    locked.set()
    with suppress(asyncio.CancelledError):
        await task
    del task
    await asyncio.sleep(0)  # the loop lets go of it, too
    gc.collect()
    assert told == []


async def test_who_is_cancelled_before_his_turn_has_changed_nothing(sqlite_url: str) -> None:
    store, gate = await Store.open(sqlite_url), Gate()
    first = asyncio.create_task(store.write(gate))
    await gate.has_begun()
    second = asyncio.create_task(store.write(accepted, draft(2)))
    third = asyncio.create_task(store.write(accepted, draft(3)))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    gate.go_on.set()
    await asyncio.gather(first, third)
    assert {job.message_id for job in await store.read(lambda tx: tx.jobs.of_account(ANN, 9))} == {
        1,
        3,
    }
    await store.close()


async def test_tasks_cancelled_at_any_moment_leave_the_store_usable(store: Store) -> None:
    for steps in range(40):
        task = asyncio.create_task(store.write(accepted, draft(steps)))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await store.write(accepted, draft(1000))
    assert await store.read(count) >= 1


async def test_readers_cancelled_at_any_moment_leave_the_store_usable(store: Store) -> None:
    tasks = []
    for steps in range(40):
        tasks.append(asyncio.create_task(store.read(count)))
        for _ in range(steps % 5):
            await asyncio.sleep(0)
        tasks[-1 - steps % 3].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await asyncio.gather(*(store.read(count) for _ in range(20))) == [0] * 20


async def test_readers_see_one_snapshot_and_do_not_wait_for_the_writer(
    store: Store, db: Direct
) -> None:
    gate = Gate()
    writing = asyncio.create_task(store.write(gate))
    await gate.has_begun()
    assert await store.read(count) == 0
    gate.go_on.set()
    await writing

    def read_twice(tx: Transaction) -> list[int]:
        before = count(tx)
        with db.transaction() as other:
            accepted(other, draft(2))
        return [before, count(tx)]

    assert await store.read(read_twice) == [1, 1]
    assert await store.read(count) == 2


async def test_writing_while_reading_is_refused(store: Store) -> None:
    with pytest.raises((DBAPIError, StorageUnavailable)):
        await store.read(accepted)
    assert await store.read(count) == 0


async def test_an_empty_transaction_does_nothing(store: Store) -> None:
    await store.write(nothing)
    await store.read(nothing)


async def test_callbacks_follow_the_commit_in_order_in_the_event_loop(store: Store) -> None:
    told: list[object] = []
    here = threading.get_ident()

    def work(tx: Transaction) -> str:
        accepted(tx)
        for number in range(3):
            tx.after_commit(lambda n: told.append((n, threading.get_ident() == here)), number)
        told.append("worked")
        return "value"

    told.append(await store.write(work))
    assert told == ["worked", (0, True), (1, True), (2, True), "value"]


async def test_what_is_undone_calls_nobody(store: Store) -> None:
    told: list[int] = []

    def fail(tx: Transaction) -> None:
        tx.after_commit(told.append, 1)
        raise KeyError

    with pytest.raises(KeyError):
        await store.write(fail)
    await asyncio.sleep(0.01)
    assert told == []


async def test_a_callback_that_fails_is_logged_and_the_others_are_called(store: Store) -> None:
    told: list[int] = []
    logged: list[object] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: logged.append(context["exception"])
    )

    def work(tx: Transaction) -> str:
        tx.after_commit([].pop)
        tx.after_commit(told.append, 1)
        return "value"

    assert await store.write(work) == "value"
    assert told == [1]
    assert isinstance(logged[0], IndexError)


async def test_a_locked_file_is_storage_unavailable(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_MILLISECONDS", 20)
    store = await Store.open(sqlite_url)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageUnavailable, match="locked"):
        await store.write(accepted)
    other.execute("ROLLBACK")
    other.close()
    await store.write(accepted)
    await store.close()


@pytest.mark.parametrize("act", [Store.write, Store.read])
async def test_waiting_for_ones_turn_ends(
    store: Store, monkeypatch: pytest.MonkeyPatch, act: Callable[..., object]
) -> None:
    busy, go_on = threading.Semaphore(0), threading.Event()

    def occupy(_tx: Transaction) -> None:
        busy.release()
        assert go_on.wait(20)

    async def do(work: Callable[[Transaction], None]) -> None:
        await act(store, work)  # type: ignore[misc]

    takers = [asyncio.create_task(do(occupy)) for _ in range(10)]
    await asyncio.to_thread(busy.acquire)
    monkeypatch.setattr(wait, "WAIT_SECONDS", 0.01)
    with pytest.raises(StorageUnavailable, match="too long"):
        await asyncio.gather(*(do(nothing) for _ in range(11)))
    go_on.set()
    await asyncio.gather(*takers)
    await do(nothing)


async def test_a_closed_store_is_storage_unavailable(store: Store) -> None:
    await store.close()
    for act in (store.write, store.read):
        with pytest.raises(StorageUnavailable, match="closed"):
            await act(nothing)


async def test_closing_waits_for_what_was_begun(url: str, db: Direct) -> None:
    store, gate = await Store.open(url), Gate()
    writing = asyncio.create_task(store.write(gate))
    await gate.has_begun()
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0.02)
    assert not closing.done()
    gate.go_on.set()
    await asyncio.gather(writing, closing)
    with db.reading() as tx:
        assert count(tx) == 1


async def test_a_file_that_cannot_be_opened_is_storage_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        await Store.open(f"sqlite:///{tmp_path}/nowhere/bot.db")


async def test_a_database_that_does_not_answer_is_storage_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        await Store.open(f"postgresql://someone@/x?host={tmp_path}")


async def test_a_transaction_that_stands_still_is_ended_and_keeps_nobody_waiting(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.storage.postgres.STILL_SECONDS", 0.3)
    store, other = await Store.open(postgres_url), await Store.open(postgres_url)
    begun, until = threading.Event(), threading.Event()

    def stand_still(tx: Transaction) -> None:
        tx.keys.add("still", NOON)
        begun.set()
        until.wait(60)
        tx.keys.add("on", NOON)

    standing = asyncio.create_task(store.write(stand_still))
    await asyncio.to_thread(begun.wait)
    assert await other.write(lambda tx: tx.keys.add("still", NOON))  # it has waited for the row
    until.set()
    with pytest.raises(StorageUnavailable):
        await standing
    await store.write(nothing)
    await store.close()
    await other.close()


async def test_two_that_wait_for_each_other_are_both_done_once(postgres_url: str) -> None:
    stores = [await Store.open(postgres_url) for _ in range(2)]
    both = threading.Barrier(2)
    told: list[str] = []
    tries: list[str] = []

    def work(tx: Transaction, own: str, others: str) -> None:
        tries.append(own)
        tx.after_commit(told.append, own)
        tx.profile.set(own, own)
        if len(tries) <= 2:  # one holds what the other wants
            both.wait(60)
        tx.profile.set(others, own)

    await asyncio.gather(
        stores[0].write(work, "first", "second"), stores[1].write(work, "second", "first")
    )
    assert sorted(told) == ["first", "second"]
    assert len(tries) == 3
    for store in stores:
        await store.close()


@pytest.mark.parametrize("state", ["40P01", "40001"])
async def test_who_is_always_undone_for_anothers_sake_is_told(
    postgres_url: str, state: str
) -> None:
    store = await Store.open(postgres_url)
    tries = 0

    def work(tx: Transaction) -> None:
        nonlocal tries
        tries += 1
        tx._sql.exec_driver_sql(f"DO $$ BEGIN RAISE SQLSTATE '{state}'; END $$")

    with pytest.raises(StorageUnavailable):
        await store.write(work)
    assert tries == TRIES
    await store.close()


async def test_lost_connections_are_storage_unavailable_and_then_replaced(
    postgres_url: str, postgres_server: postgres.Postgres
) -> None:
    store = await Store.open(postgres_url)

    def be_cut_off(tx: Transaction) -> None:
        accepted(tx)
        postgres_server.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test%'"
        )
        accepted(tx, draft(2))

    with pytest.raises(StorageUnavailable):
        await store.write(be_cut_off)
    await store.write(accepted)
    await store.close()


async def test_a_mistake_of_ours_is_not_called_unavailable(store: Store) -> None:
    with pytest.raises(DBAPIError):
        await store.write(lambda tx: tx.pictures.add(99, 1, [Picture(0, "0" * 64, "m", 1, 1, 1)]))


async def test_a_statement_that_fails_undoes_what_came_before_it(store: Store) -> None:
    def add_to_no_job(tx: Transaction) -> None:
        accepted(tx)
        tx.pictures.add(99, 1, [Picture(0, "0" * 64, "image/png", 1, 1, 1)])

    with pytest.raises(DBAPIError):
        await store.write(add_to_no_job)
    assert await store.read(count) == 0


async def test_an_error_does_not_carry_what_people_wrote(store: Store) -> None:
    with pytest.raises(DBAPIError) as caught:
        await store.write(
            lambda tx: tx.pictures.add(99, 1, [Picture(0, "0" * 64, "private words", 1, 1, 1)])
        )
    assert "private words" not in str(caught.value)


async def test_sqlite_runs_with_the_settings_that_keep_promises(sqlite_url: str) -> None:
    def settings(tx: Transaction) -> list[object]:
        return [
            tx.jobs._sql.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]

    store = await Store.open(sqlite_url)
    expected = ["wal", 2, 1, sqlite.BUSY_MILLISECONDS]
    assert [expected, expected] == [await store.write(settings), await store.read(settings)]
    await store.close()


async def test_aiosqlite_runs_our_functions_on_its_thread_one_after_the_other(
    sqlite_url: str,
) -> None:
    """What is leant on of aiosqlite's internals: its queue of futures and functions, its thread."""
    thread = sqlite.ConnectionThread(sqlite.engine(engine.normalised(sqlite_url)))
    await thread.open()
    order: list[int] = []

    def note(number: int) -> int:
        order.append(number)
        return threading.get_ident()

    ran = [thread.submit(lambda _sql, n=n: note(n)) for n in range(20)]  # type: ignore[misc]
    idents = await asyncio.gather(*ran)
    assert order == list(range(20))
    assert {thread._driver._thread.ident} == set(idents)
    assert thread._driver._thread.daemon
    with pytest.raises(ZeroDivisionError):
        await thread.submit(lambda _sql: 1 / 0)
    assert await thread.submit(lambda sql: sql.exec_driver_sql("SELECT 7").scalar()) == 7
    await thread.close()
    thread._driver._thread.join(20)
    assert not thread._driver._thread.is_alive()


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///data/bot.db", "sqlite+pysqlite"),
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

def die(tx):
    accepted(tx, draft(2))
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    store = await Store.open(sys.argv[1])
    await store.write(accepted, draft(1))
    await store.write(die)

asyncio.run(main())
"""


async def test_a_process_killed_in_a_transaction_leaves_what_it_had_committed(url: str) -> None:
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, url, cwd=ROOT)
    assert await killed.wait() == -signal.SIGKILL
    await prepare(url)
    store = await Store.open(url)
    assert await store.read(count) == 1
    await store.write(accepted, draft(2))
    await store.close()


async def test_a_postgres_does_so_many_transactions_at_once_as_it_is_told(
    postgres_url: str,
) -> None:
    store = await Store.open(postgres_url, connections=3)
    all_there, lock, running, most = threading.Barrier(3), threading.Lock(), 0, 0

    def work(_tx: Transaction) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        all_there.wait(PATIENCE)
        with lock:
            running -= 1

    await within(asyncio.gather(*(store.write(work) for _ in range(9))))
    await store.close()
    assert most == 3
