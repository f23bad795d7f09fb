"""A driver for SQLite that goes to its thread at most once for each statement.

SQLAlchemy's adapter of aiosqlite goes four times (cursor, execute, fetch, close), and once more to
begin. A trip costs more than most of our statements do: with one trip a transaction takes half
the time. A statement whose result nobody reads makes none: it goes along with the next one, or
with the commit. Three internals of aiosqlite are used here, which SQLAlchemy's adapter uses too.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import aiosqlite
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
)
from sqlalchemy.util.concurrency import await_

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy.engine import Connection
    from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext

    Parameters = Sequence[Any] | Mapping[str, Any]
    Step = Callable[[sqlite3.Cursor], object]

# An execution option: nobody reads this statement's result, not even how many rows it changed. Its
# failure comes with a later statement of the transaction, the commit at the latest.
UNREAD = "unread"
CLOSE_SECONDS = 10
DRIVER = "sqlite+onetrip"
registry.register("sqlite.onetrip", __name__, "OneTripDialect")


class _Answer(NamedTuple):
    """What one statement came to; the values are DB-API's."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    rows: Sequence[Any] = ()


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """Holds an answer: the real cursor lives and dies in the thread."""

    __slots__ = ("_answer",)

    def __init__(self, adapt_connection: OneTripConnection) -> None:
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection  # noqa: SLF001 - as the base class does
        self._rows = deque()
        self._answer = _Answer()

    @property
    def description(self) -> Any:  # noqa: ANN401 - DB-API's own shape
        return self._answer.description

    @property
    def rowcount(self) -> int:
        return self._answer.rowcount

    @property
    def lastrowid(self) -> int:
        return self._answer.lastrowid or 0

    def close(self) -> None:
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        """Nothing is open."""

    async def _execute_async(self, operation: str, parameters: Parameters | None) -> None:
        await self._go(_one(operation, parameters or ()))

    async def _executemany_async(self, operation: str, seq_of_parameters: Sequence[Any]) -> None:
        await self._go(_many(operation, seq_of_parameters))

    async def _go(self, step: Step) -> None:
        driver: Any = self._connection
        first = self._adapt_connection.waiting()  # type: ignore[attr-defined]
        trip = partial(_trip, driver._conn, first, step)  # noqa: SLF001
        self._answer = await driver._execute(trip)  # noqa: SLF001
        self._rows = deque(self._answer.rows)


class OneTripConnection(AsyncAdapt_aiosqlite_connection):
    """A connection whose transaction begins together with its first statement."""

    __slots__ = ("_along", "_opening", "_reads", "_saving")
    _cursor_cls = _Cursor  # type: ignore[assignment]

    def __init__(self, dbapi: AsyncAdapt_aiosqlite_dbapi, connection: aiosqlite.Connection) -> None:
        super().__init__(dbapi, connection)  # type: ignore[arg-type]
        self._opening: Step | None = None
        self._saving: Step | None = None
        self._along: list[Step] = []
        self._reads = False

    def open_with(self, statement: str, *, reads: bool = False) -> None:
        """Say how the transaction begins, once there is something to do in it.

        `reads` says that it only reads: then nobody waits for its end.
        """
        self._opening, self._reads = _one(statement, ()), reads
        self._saving = None
        self._along.clear()

    def save(self) -> None:
        """Let what follows be undone alone, by `undo`."""
        self._saving = _one("SAVEPOINT here", ())

    async def undo(self) -> None:
        """Undo what was done since `save`; raises sqlite3.Error where SQLite undid everything."""
        self._along.clear()
        if self._saving is None:
            await self._trip([], _one("ROLLBACK TO here", ()))
        self._saving = None

    async def flush(self) -> None:
        """Do the steps that wait for the next one; raises sqlite3.Error."""
        if self._along:
            await self._trip(self.waiting(), _nothing_more)

    def go_along(self, step: Step) -> None:
        """Do a step with the next one."""
        self._along.append(step)

    def waiting(self) -> list[Step]:
        """Take the steps that have to be done before the next one."""
        waiting = [*filter(None, (self._opening, self._saving)), *self._along]
        self._opening = self._saving = None
        self._along.clear()
        return waiting

    def commit(self) -> None:
        """Commit what was begun."""
        if self._along:
            try:
                await_(self._trip(self.waiting(), _commit))
            except Exception as error:  # noqa: BLE001 - as the base class does
                self._handle_exception(error)
        elif self._opening:
            self._opening = None
        elif self._reads:
            driver: Any = self._connection
            driver._tx.put_nowait((None, driver._conn.commit))  # noqa: SLF001
        else:
            super().commit()

    def rollback(self) -> None:
        """Undo what was begun."""
        self._along.clear()
        if self._opening:
            self._opening = None
        else:
            super().rollback()

    async def _trip(self, first: list[Step], step: Step) -> None:
        driver: Any = self._connection
        await driver._execute(partial(_trip, driver._conn, first, step))  # noqa: SLF001


class _Driver(AsyncAdapt_aiosqlite_dbapi):
    def connect(self, *arg: Any, **kw: Any) -> OneTripConnection:  # noqa: ANN401 - SQLAlchemy's
        return OneTripConnection(self, await_(_connected(*arg, **kw)))


class OneTripDialect(SQLiteDialect_aiosqlite):
    """SQLAlchemy's dialect of SQLite on this driver."""

    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> AsyncAdapt_aiosqlite_dbapi:
        """Give SQLAlchemy the driver."""
        return _Driver(aiosqlite, sqlite3)

    def do_execute(
        self,
        cursor: DBAPICursor,
        statement: str,
        parameters: Any,  # noqa: ANN401 - SQLAlchemy's
        context: ExecutionContext | None = None,
    ) -> None:
        """Execute now, or leave it to the next trip."""
        if _unread(context):
            _connection(cursor).go_along(_one(statement, parameters))
            await_(_nothing())
        else:
            cursor.execute(statement, parameters)

    def do_executemany(
        self,
        cursor: DBAPICursor,
        statement: str,
        parameters: Any,  # noqa: ANN401 - SQLAlchemy's
        context: ExecutionContext | None = None,
    ) -> None:
        """Execute now, or leave it to the next trip."""
        if _unread(context):
            _connection(cursor).go_along(_many(statement, parameters))
            await_(_nothing())
        else:
            cursor.executemany(statement, parameters)


def driver(connection: Connection) -> OneTripConnection:
    """Give the connection below SQLAlchemy's."""
    return cast("OneTripConnection", connection.connection.dbapi_connection)


def _unread(context: ExecutionContext | None) -> bool:
    return context is not None and UNREAD in context.execution_options


def _connection(cursor: Any) -> OneTripConnection:  # noqa: ANN401 - ours, in SQLAlchemy's clothes
    connection: OneTripConnection = cursor._adapt_connection  # noqa: SLF001
    return connection


async def _nothing() -> None:
    """Be awaited: SQLAlchemy takes a statement without an await for a driver that blocks."""


def _one(operation: str, parameters: Parameters) -> Step:
    return lambda cursor: cursor.execute(operation, parameters)


def _many(operation: str, parameters: Sequence[Any]) -> Step:
    return lambda cursor: cursor.executemany(operation, parameters)


def _commit(cursor: sqlite3.Cursor) -> None:
    cursor.connection.commit()


def _nothing_more(_cursor: sqlite3.Cursor) -> None:
    """Be the last step behind others."""


async def _connected(*arg: Any, **kw: Any) -> aiosqlite.Connection:  # noqa: ANN401 - SQLAlchemy's
    connection = aiosqlite.connect(*arg, **kw)
    thread = connection._thread  # noqa: SLF001 - as SQLAlchemy's adapter does
    thread.daemon = True
    try:
        return await connection
    except BaseException:
        # aiosqlite does not wait for its thread, which may then answer a loop that is closed.
        await asyncio.to_thread(thread.join, CLOSE_SECONDS)
        raise


def _trip(connection: sqlite3.Connection, first: list[Step], step: Step) -> _Answer:
    cursor = connection.cursor()
    try:
        for earlier in first:
            earlier(cursor)
        step(cursor)
        rows = cursor.fetchall() if cursor.description else ()
        return _Answer(cursor.description, cursor.rowcount, cursor.lastrowid, rows)
    finally:
        cursor.close()
