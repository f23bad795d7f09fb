"""The lock: one bot on one database. Two would buy each other's pictures again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import structlog
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from bot.domain import BotError, StorageLost, StorageUnavailable
from bot.storage import postgres

log = structlog.get_logger(__name__)

_NUMBER = 7_205_813  # any, the same for all bots; migrations have the one before
_TRY = text(f"SELECT pg_try_advisory_lock({_NUMBER}, hashtext(current_schema()))")
# A server that does not hear of the end of a machine would keep its lock for two hours.
_KEEPALIVES = text(
    "SELECT set_config('tcp_keepalives_idle', '10', false),"
    " set_config('tcp_keepalives_interval', '5', false),"
    " set_config('tcp_keepalives_count', '2', false)"
)
MARGIN = 10.0  # seconds to close everything behind the work in hand
PAUSE = 0.2  # seconds between two tries
LOOK = 15.0  # seconds between two looks at whether it is still ours


class InUse(BotError):
    """Another process runs on this database: one line for the operator."""

    def __init__(self) -> None:
        super().__init__("DATABASE_URL is in use: another bot runs on this database")


@contextmanager
def file_lock(url: URL, patience: float = 0) -> Iterator[None]:
    """Hold a SQLite database for this process, until it ends however it ends.

    By whatever name it is called: links are followed. Commands that only look may use it at the
    same time. Raises InUse where another process has it for more than `patience` seconds, in which
    it blocks, and StorageUnavailable where there can be no file.
    """
    path = Path(url.database or "").resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = Path(f"{path}.lock").open("w")  # noqa: SIM115 - closed below
    except OSError as exc:
        raise StorageUnavailable(f"no file for its lock: {exc}") from exc
    with file:
        until = monotonic() + patience
        while not _locked(file.fileno()):
            if monotonic() >= until:
                raise InUse
            sleep(PAUSE)
        yield


def _locked(descriptor: int) -> bool:
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:  # pragma: no cover
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@asynccontextmanager
async def session_lock(
    url: URL, patience: float, stop: asyncio.Event
) -> AsyncIterator[SessionLock]:
    """Hold a Postgres for this process by a session of its own.

    Waits for another bot to end, as at a restart, which may take it `patience` seconds and a few;
    raises InUse then, or when `stop` is set, and StorageUnavailable.
    """
    lock = SessionLock(url)
    try:
        await lock.take(patience, stop)
        yield lock
    finally:
        await asyncio.to_thread(lock.release)


@asynccontextmanager
async def alone(url: URL) -> AsyncIterator[None]:
    """Keep bots off a database of either kind; raises InUse where one runs on it."""
    if url.get_backend_name() == "sqlite":
        with file_lock(url):
            yield
        return
    lock = SessionLock(url)
    try:
        if not await asyncio.to_thread(lock.at_once):
            raise InUse
        yield
    finally:
        await asyncio.to_thread(lock.release)


class SessionLock:
    """An advisory lock; the server gives it back with the session that has it."""

    def __init__(self, url: URL) -> None:
        self._engine = create_engine(
            url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"connect_timeout": postgres.CONNECT_SECONDS, **postgres.KEEPALIVES},
        )
        self._session: Connection | None = None

    async def take(self, patience: float, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + patience + MARGIN
        try:
            if await asyncio.to_thread(self.at_once):
                return
            log.warning("another bot runs on this database: waiting for its end")
            while loop.time() < until and not stop.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), PAUSE)
                if await asyncio.to_thread(self.at_once):
                    return
        except DBAPIError as error:
            raise StorageUnavailable(str(error.orig)) from error
        raise InUse

    async def watch(self, lose: Callable[[StorageLost], None]) -> None:
        """Take the lock anew where the session broke; `lose` hears where another bot was quicker."""
        while True:
            await asyncio.sleep(LOOK)
            try:
                held = await asyncio.to_thread(self._held)
            except DBAPIError as error:
                log.warning("the database's lock is not held now", error=type(error.orig).__name__)
                continue
            if not held:
                lose(StorageLost("another bot has taken it while it could not be reached"))
                return

    def release(self) -> None:
        if self._session:
            with suppress(DBAPIError):
                self._session.close()
            self._session = None
        self._engine.dispose()

    def _held(self) -> bool:
        try:
            if self._session:
                self._session.execute(text("SELECT 1"))
                return True
        except DBAPIError:
            self.release()
        return self.at_once()

    def at_once(self) -> bool:
        """Take the lock if nobody has it, and tell whether."""
        session = self._engine.connect()
        try:
            session.execute(_KEEPALIVES)
            taken = bool(session.scalar(_TRY))
        except BaseException:
            session.close()
            raise
        if taken:
            self._session = session
        else:
            session.close()
        return taken
