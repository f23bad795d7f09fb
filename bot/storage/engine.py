"""The store: a transaction is one synchronous function, on SQLite and on Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from sqlalchemy.engine import URL, make_url

from bot.domain import NO_METER, Meter, StorageLost, StorageUnavailable
from bot.storage.leader import Leader, SoleProcess
from bot.storage.notices import Notices
from bot.storage.postgres import CONNECTIONS, PostgresDatabase
from bot.storage.sqlite import SqliteDatabase
from bot.storage.transaction import Transaction

if TYPE_CHECKING:
    from bot.storage.shared_limits import SharedLimits

P = ParamSpec("P")
T = TypeVar("T")


def normalised(url: str) -> URL:
    """Name the driver that we use; `postgres://`, as some hosts write it, is Postgres too.

    Raises StorageUnavailable where the driver is not installed.
    """
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return parsed.set(drivername="sqlite+pysqlite")
        case "postgres" | "postgresql":
            try:
                import psycopg  # noqa: F401, PLC0415 - an extra: who has SQLite need not have it
            except ImportError:
                raise StorageUnavailable("its driver needs picturebot[postgres]") from None
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise ValueError(f"a database of kind {other} is not supported: sqlite or postgresql")


class Store:
    """The database. `work` runs on a thread of the database's: nothing but SQL belongs in it.

    Who is cancelled while `work` waits for its turn has changed nothing; once it has begun, it is
    done to its end, committed or not as it would have been, and then the caller is cancelled.
    `meter` is told of what is committed. `leader` knows whether this process leads.
    """

    def __init__(
        self, database: SqliteDatabase | PostgresDatabase, meter: Meter = NO_METER
    ) -> None:
        self._database, self.meter = database, meter
        self.notices = Notices()
        self.leader: Leader = SoleProcess()
        self._closed = False
        self._loss: StorageLost | None = None
        self._lost = asyncio.Event()

    @classmethod
    async def open(cls, url: str, meter: Meter = NO_METER, connections: int = CONNECTIONS) -> Store:
        """Connect to a database that `prepare` has seen, a Postgres by so many connections.

        Raises StorageUnavailable.
        """
        parsed = normalised(url)
        if parsed.get_backend_name() == "sqlite":
            return cls(await SqliteDatabase.open(parsed, meter), meter)
        return cls(await PostgresDatabase.open(parsed, meter, connections), meter)

    @property
    def is_shared(self) -> bool:
        """Whether other processes may be on this database: it is Postgres."""
        return isinstance(self._database, PostgresDatabase)

    @asynccontextmanager
    async def limits(self) -> AsyncIterator[SharedLimits | None]:
        """Open what all processes on this database may do together; None where there is but one."""
        if not isinstance(self._database, PostgresDatabase):
            yield None
            return
        from bot.storage.shared_limits import SharedLimits  # noqa: PLC0415 - most bots are alone

        limits = SharedLimits(self._database.url)
        try:
            yield limits
        finally:
            await limits.close()

    async def listen(self) -> None:
        """Hear what other processes tell, for ever; where there are none, there is nothing to hear."""
        if isinstance(self._database, PostgresDatabase):
            await self.notices.listen(self._database.url, self._database.process)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await self._database.close()

    async def write(
        self,
        work: Callable[Concatenate[Transaction, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Do `work` in a transaction; it is on the disk when this returns, or undone if it raises.

        Done anew where Postgres undid it for another's sake, so what it does besides is `after_commit`.
        Raises StorageUnavailable where the database could not: then nothing was changed, but where
        it is StorageLost, of which `until_lost` tells too.
        """
        self._check_open()
        try:
            return await self._database.write(_bound(work, *args, **kwargs))
        except StorageLost as loss:
            self.lose(loss)
            raise

    async def read(
        self,
        work: Callable[Concatenate[Transaction, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Read one snapshot; the database refuses to write in it. Raises StorageUnavailable."""
        self._check_open()
        try:
            return await self._database.read(_bound(work, *args, **kwargs))
        except StorageLost as loss:
            self.lose(loss)
            raise

    async def turn(self) -> None:
        """Wait until what writes has had a turn, and change nothing. Raises StorageUnavailable."""
        self._check_open()
        await self._database.turn()

    def lose(self, loss: StorageLost) -> None:
        """Refuse everything from now on."""
        self._loss = self._loss or loss
        self._lost.set()

    async def until_lost(self) -> None:
        """Wait until the database turns out to be lost for good; raises StorageLost."""
        await self._lost.wait()
        self._check_open()

    def _check_open(self) -> None:
        if self._loss:
            raise StorageLost(str(self._loss))
        if self._closed:
            raise StorageUnavailable("the database is closed")


def _bound(
    work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
) -> Callable[[Transaction], T]:
    def call(tx: Transaction) -> T:
        try:
            return work(tx, *args, **kwargs)
        except StopIteration as exc:  # a future would not take it, and nobody would hear of it
            raise RuntimeError("a transaction raised StopIteration") from exc

    return call
