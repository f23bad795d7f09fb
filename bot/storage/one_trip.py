"""A driver for SQLite that goes to its thread once for each statement.

SQLAlchemy's adapter of aiosqlite goes four times (cursor, execute, fetch, close), and once more to
begin. A trip costs more than most of our statements do: with one trip a transaction takes half
the time. Two internals of aiosqlite are used here, which SQLAlchemy's adapter uses too.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

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

    Parameters = Sequence[Any] | Mapping[str, Any]

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
        await self._go(sqlite3.Cursor.execute, operation, parameters or ())

    async def _executemany_async(self, operation: str, seq_of_parameters: Sequence[Any]) -> None:
        await self._go(sqlite3.Cursor.executemany, operation, seq_of_parameters)

    async def _go(self, run: Callable[..., object], operation: str, parameters: Parameters) -> None:
        driver: Any = self._connection
        opening = self._adapt_connection.opened()  # type: ignore[attr-defined]
        trip = partial(_trip, driver._conn, opening, run, operation, parameters)  # noqa: SLF001
        self._answer = await driver._execute(trip)  # noqa: SLF001
        self._rows = deque(self._answer.rows)


class OneTripConnection(AsyncAdapt_aiosqlite_connection):
    """A connection whose transaction begins together with its first statement."""

    __slots__ = ("_opening",)
    _cursor_cls = _Cursor  # type: ignore[assignment]

    def __init__(self, dbapi: AsyncAdapt_aiosqlite_dbapi, connection: aiosqlite.Connection) -> None:
        super().__init__(dbapi, connection)  # type: ignore[arg-type]
        self._opening: str | None = None

    def open_with(self, statement: str) -> None:
        """Say how the transaction begins, once there is something to do in it."""
        self._opening = statement

    def opened(self) -> str | None:
        """Take the statement that has to run before the next one."""
        opening, self._opening = self._opening, None
        return opening

    def commit(self) -> None:
        """Commit what was begun."""
        if self.opened() is None:
            super().commit()

    def rollback(self) -> None:
        """Undo what was begun."""
        if self.opened() is None:
            super().rollback()


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


def _trip(
    connection: sqlite3.Connection,
    opening: str | None,
    run: Callable[..., object],
    operation: str,
    parameters: Parameters,
) -> _Answer:
    cursor = connection.cursor()
    try:
        if opening is not None:
            cursor.execute(opening)
        run(cursor, operation, parameters)
        rows = cursor.fetchall() if cursor.description else ()
        return _Answer(cursor.description, cursor.rowcount, cursor.lastrowid, rows)
    finally:
        cursor.close()
