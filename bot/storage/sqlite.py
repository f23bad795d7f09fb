"""SQLite: one thread that writes, a few that read; writers that wait for each other share a commit.

A commit costs one wait for the disk, however much is in it. So everything that waits goes to the
writing thread in one trip: one behind the other, each behind a savepoint, then one commit.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

import aiosqlite
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from bot.domain import NO_METER, Meter, StorageLost, StorageUnavailable
from bot.storage import wait
from bot.storage.errors import of_commit, translated
from bot.storage.transaction import Transaction

T = TypeVar("T")

READERS = 4
CLOSE_SECONDS = 10
BUSY_MILLISECONDS = 5000
# A WAL that something large has grown is cut to this once it has been copied into the database.
WAL_BYTES = 16 << 20
_ROWS_AT_ONCE = 64  # aiosqlite's own default, for cursors that nobody opens here


def engine(url: URL) -> Engine:
    # Hidden parameters: the text of an error must not carry what people wrote.
    made = create_engine(
        url, poolclass=NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True
    )
    event.listen(made, "connect", _tune)
    return made


class ConnectionThread:
    """A connection of aiosqlite's: SQLAlchemy speaks its SQL, on aiosqlite's thread.

    The bounds of transactions are stated here, so SQLAlchemy is told that there are none.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._driver = aiosqlite.Connection(self._connect, _ROWS_AT_ONCE)
        self._sql: Connection
        self._closed = False

    async def open(self) -> None:
        # An internal of aiosqlite, as in SQLAlchemy's adapter: the interpreter's end waits for others.
        thread = self._driver._thread  # noqa: SLF001
        thread.daemon = True
        try:
            with translated():
                await self._driver
        except BaseException:
            # aiosqlite does not wait for its thread, which may then answer a loop that is closed.
            await asyncio.to_thread(thread.join, CLOSE_SECONDS)
            raise

    async def close(self) -> None:
        closing = self.submit(lambda sql: sql.close())
        self._closed = True
        await closing
        await self._driver.close()

    def submit(self, function: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Run a function on the thread, behind those that were submitted before it.

        An internal of aiosqlite, as in SQLAlchemy's adapter: its thread takes pairs of a future and
        a function.
        """
        if self._closed:
            raise StorageUnavailable("the database is closed")
        future = asyncio.get_running_loop().create_future()
        self._driver._tx.put_nowait((future, lambda: function(self._sql)))  # noqa: SLF001
        return future

    def _connect(self) -> sqlite3.Connection:
        self._sql = self._engine.connect()
        return _driver(self._sql)


class SqliteDatabase:
    """One file; a transaction that writes is alone, those that read never wait for it."""

    def __init__(
        self,
        writer: ConnectionThread,
        readers: list[ConnectionThread],
        file: DatabaseFile,
        meter: Meter = NO_METER,
    ) -> None:
        self._writer = GroupCommit(writer, file, meter)
        self._threads = [writer, *readers]
        self._idle: asyncio.LifoQueue[ConnectionThread] = asyncio.LifoQueue()
        for reader in readers:
            self._idle.put_nowait(reader)

    @classmethod
    async def open(cls, url: URL, meter: Meter = NO_METER) -> SqliteDatabase:
        using = engine(url)
        opened: list[ConnectionThread] = []
        try:
            for _ in range(1 + READERS):
                thread = ConnectionThread(using)
                await thread.open()
                opened.append(thread)
            for reader in opened[1:]:
                await reader.submit(_forbid_writing)
            file = DatabaseFile.at(url.database or "")
        except BaseException:
            for thread in opened:
                await thread.close()
            raise
        return cls(opened[0], opened[1:], file, meter)

    async def close(self) -> None:
        await self._writer.drain()
        for thread in self._threads:
            await thread.close()

    async def write(self, work: Callable[[Transaction], T]) -> T:
        return await self._writer.write(work)

    async def turn(self) -> None:
        await self._threads[0].submit(lambda _sql: None)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        reader = await wait.turn(self._idle.get())
        reading = reader.submit(partial(_read, work))
        reading.add_done_callback(lambda _: self._idle.put_nowait(reader))
        return await wait.run_to_completion(reading)


class GroupCommit:
    """The one that writes: nobody returns before his commit is on the disk."""

    def __init__(
        self, thread: ConnectionThread, file: DatabaseFile, meter: Meter = NO_METER
    ) -> None:
        self._thread = thread
        self._file = file
        self._meter = meter
        self._waiting: list[_Write[Any]] = []
        self._running: asyncio.Future[None] | None = None

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Write with all who wait; raises StorageUnavailable where the commit of all has failed.

        Who is cancelled before his turn has changed nothing; after that, it is done to its end.
        """
        loop = asyncio.get_running_loop()
        write = _Write(work, loop.create_future(), loop.time())
        if not self._waiting and self._running is None:
            loop.call_soon(self._start)
        self._waiting.append(write)
        timer = loop.call_later(wait.WAIT_SECONDS, write.give_up)
        try:
            return await asyncio.shield(write.result)
        except asyncio.CancelledError:
            if not write.started:
                write.result.cancel()
            else:
                await wait.ended(write.result)
            raise
        finally:
            timer.cancel()

    async def drain(self) -> None:
        while self._running or self._waiting:
            await asyncio.wait([self._running] if self._running else [self._waiting[-1].result])

    def _start(self) -> None:
        group = [write for write in self._waiting if not write.result.done()]
        self._waiting = []
        if group:
            began = group[0].result.get_loop().time()
            for write in group:
                write.started = True
                self._meter.write_waited(began - write.asked)
            self._running = self._thread.submit(partial(_write, group, self._file))
            self._running.add_done_callback(partial(self._finished, group, began))

    def _finished(
        self, group: list[_Write[Any]], began: float, running: asyncio.Future[None]
    ) -> None:
        self._meter.committed(running.get_loop().time() - began)
        failure = running.exception()
        for write in group:
            write.finish(failure)
        self._running = None
        if self._waiting:
            self._start()


@dataclass(eq=False, slots=True)
class _Write(Generic[T]):
    """A transaction that somebody waits for."""

    work: Callable[[Transaction], T]
    result: asyncio.Future[T]
    asked: float  # by the loop's clock
    started: bool = False
    tx: Transaction | None = None
    value: T = field(init=False)
    error: BaseException | None = None

    def run(self, sql: Connection) -> None:
        """Do the work on the thread; raises sqlite3.Error where SQLite undid everybody's."""
        driver = _driver(sql)
        driver.execute("SAVEPOINT one")
        self.tx = Transaction(sql)
        try:
            with translated():
                self.value = self.work(self.tx)
        except BaseException as error:  # noqa: BLE001 - it is raised where the work was asked for
            self.error = error
            driver.execute("ROLLBACK TO one")
        driver.execute("RELEASE one")

    def finish(self, failure: BaseException | None) -> None:
        """Answer in the event loop, the callbacks first; `failure` is that of the whole group."""
        if self.error:
            self.result.set_exception(self.error)
        elif failure:
            error = of_commit(failure)
            error.__cause__ = failure
            self.result.set_exception(error)
        elif self.tx:
            self.tx.committed(self.result.get_loop())
            self.result.set_result(self.value)

    def give_up(self) -> None:
        if not self.started and not self.result.done():
            self.result.set_exception(StorageUnavailable("other transactions took too long"))


@dataclass(frozen=True, slots=True)
class DatabaseFile:
    """Which file a path led to; SQLite would go on writing into one that has no name any more."""

    path: str
    identity: tuple[int, int]

    @classmethod
    def at(cls, path: str) -> DatabaseFile:
        return cls(path, _identity(path))

    def check(self) -> None:
        """Make sure that it is still there; raises StorageLost. Blocks, for a microsecond."""
        try:
            same = _identity(self.path) == self.identity
        except FileNotFoundError as error:
            raise StorageLost("its file is gone: somebody has deleted or moved it") from error
        if not same:
            raise StorageLost("another file is in its place")


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)  # noqa: PTH116 - it is asked at each commit
    return status.st_dev, status.st_ino


def _write(group: list[_Write[Any]], file: DatabaseFile, sql: Connection) -> None:
    driver = _driver(sql)
    _roll_back(driver)  # what a rollback that failed has left
    # Taking the write lock at once: a lock taken later, after reading, may fail without waiting.
    driver.execute("BEGIN IMMEDIATE")
    try:
        for write in group:
            write.run(sql)
        driver.execute("COMMIT")
        file.check()
    finally:
        _roll_back(driver)


def _read(work: Callable[[Transaction], T], sql: Connection) -> T:
    driver = _driver(sql)
    with translated(reading=True):
        driver.execute("BEGIN")
        try:
            return work(Transaction(sql))
        finally:
            _roll_back(driver)


def _roll_back(driver: sqlite3.Connection) -> None:
    if driver.in_transaction:
        driver.execute("ROLLBACK")


def _driver(sql: Connection) -> sqlite3.Connection:
    driver: Any = sql.connection.driver_connection
    found: sqlite3.Connection = driver
    return found


def _tune(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_MILLISECONDS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        f"journal_size_limit = {WAL_BYTES}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _forbid_writing(sql: Connection) -> None:
    _driver(sql).execute("PRAGMA query_only = ON")
