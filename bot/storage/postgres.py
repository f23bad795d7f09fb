"""Postgres: as many threads as connections; the database keeps the transactions apart."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from bot.domain import NO_METER, Meter
from bot.storage import wait
from bot.storage.errors import translated
from bot.storage.transaction import Transaction

T = TypeVar("T")

CONNECTIONS = 10
CONNECT_SECONDS = 10
STILL_SECONDS = 15.0  # between two statements, where nothing but SQL belongs
# Two that waited for each other, and one that came too late to be told apart: it begins anew.
COLLISIONS, TRIES = frozenset({"40P01", "40001"}), 5
# A thread cannot be cancelled: a server that has vanished is given up after a minute.
KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


def conninfo(url: str) -> str:
    """Write a URL as the driver itself takes it, its password included."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def is_outage(error: BaseException | None) -> bool:
    """Whether what the driver raised passes by waiting."""
    from psycopg import OperationalError  # noqa: PLC0415 - an extra

    return isinstance(error, OperationalError)


def engine(url: URL, connections: int = CONNECTIONS) -> Engine:
    # Hidden parameters: the text of an error must not carry what people wrote.
    return create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=wait.WAIT_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": CONNECT_SECONDS, **KEEPALIVES},
    )


def _bound_stillness(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Have the server end a transaction whose process stands still: others wait for its rows."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = {round(STILL_SECONDS * 1000)}")
    connection.commit()


class PostgresDatabase:
    """Transactions that write and that read, so many side by side."""

    def __init__(self, url: URL, meter: Meter = NO_METER, connections: int = CONNECTIONS) -> None:
        self.url, self._engine, self._meter = url, engine(url, connections), meter
        event.listen(self._engine, "connect", _bound_stillness)
        self.process = secrets.token_hex(4)  # tells it from the others on this database
        self._reading = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._threads = ThreadPoolExecutor(connections, "postgres")
        self._free = asyncio.Semaphore(connections)

    @classmethod
    async def open(
        cls, url: URL, meter: Meter = NO_METER, connections: int = CONNECTIONS
    ) -> PostgresDatabase:
        database = cls(url, meter, connections)
        try:
            await database.read(lambda _tx: None)
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()

    async def write(self, work: Callable[[Transaction], T]) -> T:
        return await self._run(self._engine, work, self._meter)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        return await self._run(self._reading, work)

    async def turn(self) -> None:
        await self._run(self._engine, lambda _tx: None)

    async def _run(
        self, engine: Engine, work: Callable[[Transaction], T], meter: Meter = NO_METER
    ) -> T:
        loop = asyncio.get_running_loop()
        asked = loop.time()
        await wait.turn(self._free.acquire())
        meter.write_waited((began := loop.time()) - asked)
        running = loop.run_in_executor(self._threads, _run, engine, work, self.process)
        running.add_done_callback(self._ran)
        try:
            return (await wait.run_to_completion(running))[0]
        finally:
            meter.committed(loop.time() - began)

    def _ran(self, running: asyncio.Future[tuple[T, Transaction]]) -> None:
        self._free.release()
        if not running.cancelled() and not running.exception():
            running.result()[1].committed(running.get_loop())


def _run(engine: Engine, work: Callable[[Transaction], T], process: str) -> tuple[T, Transaction]:
    with translated():
        tries = 1
        while True:
            try:
                with engine.begin() as sql:
                    tx = Transaction(sql, process)
                    return work(tx), tx
            except OperationalError as exc:
                collided = getattr(exc.orig, "sqlstate", None) in COLLISIONS
                if tries == TRIES or not collided:
                    raise
            tries += 1
