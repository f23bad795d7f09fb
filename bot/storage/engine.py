"""The store: one way to open a transaction, on SQLite and on Postgres."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from bot.storage import group, one_trip
from bot.storage.errors import translated
from bot.storage.group import GroupCommit
from bot.storage.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy.engine import URL, Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
    from sqlalchemy.pool import ConnectionPoolEntry

SQLITE_READERS = 4
POSTGRES_CONNECTIONS = 10
CONNECT_SECONDS = 10
BUSY_MILLISECONDS = 5000


def normalised(url: str) -> URL:
    """Name the driver that we use; `postgres://`, as some hosts write it, is Postgres too."""
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return parsed.set(drivername=one_trip.DRIVER)
        case "postgres" | "postgresql":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise ValueError(f"a database of kind {other} is not supported: sqlite or postgresql")


class Store:
    """The database. Transactions that write are serial on SQLite, readers never wait."""

    def __init__(self, writer: Writer, reader: AsyncEngine) -> None:
        self._writer = writer
        self._reader = reader

    @classmethod
    async def open(cls, url: str) -> Store:
        """Connect to a database that `prepare` has seen; raises StorageUnavailable."""
        parsed = normalised(url)
        store = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgres(parsed)
        try:
            async with store.reading():
                return store
        except BaseException:
            await store.close()
            raise

    async def close(self) -> None:
        """Give back all connections."""
        await self._writer.close()
        await self._reader.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Write: commits at the end, rolls back on any exception; raises StorageUnavailable."""
        async with self._writer.transaction() as connection:
            yield Transaction(connection)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Read one snapshot; the database refuses to write in it. Raises StorageUnavailable."""
        async with _begun(self._reader) as connection:
            yield Transaction(connection)


class _Parallel:
    """Writes on as many connections as there are; the database keeps them apart."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def close(self) -> None:
        """Give back all connections."""
        await self._engine.dispose()

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Write."""
        return _begun(self._engine)


Writer = GroupCommit | _Parallel


@asynccontextmanager
async def _begun(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    with translated():
        # Closing undoes what was not committed, even while the task is being cancelled.
        async with engine.connect() as connection:
            await connection.begin()
            yield connection
            await connection.commit()


def _sqlite(url: URL) -> Store:
    # The pool's own rollback on return would be one more trip to the thread, for nothing.
    writer = _engine(url, pool_size=1, pool_reset_on_return=None)
    reader = _engine(url, pool_size=SQLITE_READERS, pool_reset_on_return=None)
    event.listen(writer.sync_engine, "connect", _tune_sqlite)
    event.listen(reader.sync_engine, "connect", _tune_sqlite)
    event.listen(reader.sync_engine, "connect", _forbid_writing)
    event.listen(reader.sync_engine, "begin", _begin)
    return Store(GroupCommit(writer), reader)


def _postgres(url: URL) -> Store:
    writer = _engine(
        url,
        pool_size=POSTGRES_CONNECTIONS,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_SECONDS},
    )
    reader = writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return Store(_Parallel(writer), reader)


def _engine(url: URL, **options: Any) -> AsyncEngine:  # noqa: ANN401 - SQLAlchemy's options
    # Hidden parameters: the text of an error must not carry what people wrote.
    return create_async_engine(
        url, max_overflow=0, pool_timeout=group.WAIT_SECONDS, hide_parameters=True, **options
    )


def _tune_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # Python's own begin and commit stay out of the way: BEGIN is ours, see `_begin_immediate`.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_MILLISECONDS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _forbid_writing(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    one_trip.driver(connection).open_with("BEGIN", reads=True)
