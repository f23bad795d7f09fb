"""The schema: brought up to date on SQLite, checked on Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import create_engine, event, inspect, text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from bot.domain import NO_METER, BotError, Meter, StorageUnavailable, now
from bot.domain.administration import AdminVerb
from bot.storage import before_release, sqlite_copy
from bot.storage.actions import Actions, command_line
from bot.storage.engine import Store, normalised
from bot.storage.errors import translated
from bot.storage.lock import file_lock
from bot.storage.postgres import CONNECTIONS

if TYPE_CHECKING:  # a slow import, see REVISION
    from alembic.config import Config

    from bot.storage.leader import Leader

log = structlog.get_logger(__name__)

# The newest migration; a test holds it to be the head of the chain. Comparing with it keeps
# Alembic, and its 0.2 s of importing, out of every start that has nothing to migrate.
REVISION = "0012"

# Inside of an installed package, beside the package in a checkout.
_PACKAGED, _BESIDE = (Path(__file__).parents[up] / "migrations" for up in (1, 2))
MIGRATIONS = _PACKAGED if _PACKAGED.is_dir() else _BESIDE

# Any number, the same for all: two processes that migrate one Postgres take turns.
_MIGRATION_LOCK = 7_205_812
TURN = 10.0  # seconds in which others may migrate a file or use a table; a bot runs longer


class SchemaOutdated(BotError):
    """The database has an older schema than this version of the bot needs."""

    def __init__(self) -> None:
        super().__init__("the database schema is not up to date: run `python -m bot migrate`")


class SchemaTooNew(BotError):
    """The database was migrated by a newer version of the bot, which this one does not know."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"the database has schema {revision}, newer than this version of the bot knows"
            f" ({REVISION}): run the newer version, or restore a backup"
        )


class SchemaTooOld(BotError):
    """The database is older than the way to this version begins."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"the database has schema {revision}, older than this version of the bot can bring up"
            f" to date: run `migrate` of one with schema {before_release.REVISION} first"
        )


class ForeignDatabase(BotError):
    """The database is another program's: one line for the operator."""

    def __init__(self) -> None:
        super().__init__(
            "DATABASE_URL is the database of another program: name a file that is not there yet,"
            " or an empty database"
        )


class NoDatabase(BotError):
    """There is no database of the bot's at the URL: one line for the operator."""


async def check(url: str) -> None:
    """Make sure that a database can be read as it is; nothing is created, nothing migrated.

    Raises NoDatabase, SchemaOutdated, SchemaTooNew, StorageUnavailable.
    """
    parsed = normalised(url)
    missing = NoDatabase(
        f"DATABASE_URL: there is no database of the bot's at {display_name(parsed)}"
    )
    if not await asyncio.to_thread(_exists, parsed):
        raise missing
    revision = await asyncio.to_thread(_revision, parsed)
    if revision is None:
        raise missing
    if revision != REVISION:
        raise SchemaOutdated


def sqlite_file(url: str) -> Path | None:
    """Name the file of a SQLite database; None for a Postgres."""
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def warn_of_fault(url: str) -> None:
    """Tell the log of a SQLite with the WAL-reset fault."""
    if sqlite_file(url) and sqlite_copy.may_lose_writes():
        version, fixed = sqlite_copy.VERSION, sqlite_copy.FIXED_IN
        log.warning("this SQLite may lose writes", version=version, fixed_in=fixed)


def _exists(url: URL) -> bool:
    """Whether there is something to connect to: SQLite would make a file of its own."""
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()


def display_name(url: URL) -> str:
    """Name a database without its user, his password and options: they may be secret."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return f"{url.host or 'the local server'}, {url.database}"


async def prepare(url: str) -> None:
    """Make the database ready to be opened.

    A SQLite file is created and migrated; an old or empty Postgres raises SchemaOutdated, since
    there others may still be running the older version. Raises SchemaTooNew, StorageUnavailable.
    """
    parsed = normalised(url)
    if parsed.get_backend_name() == "sqlite":
        await asyncio.to_thread(_migrate, parsed)
    elif await asyncio.to_thread(_revision, parsed) != REVISION:
        raise SchemaOutdated


async def migrate(url: str) -> None:
    """Bring the schema of either database up to date.

    Raises InUse where a bot runs on a SQLite file, SchemaTooNew, SchemaTooOld, ForeignDatabase,
    StorageUnavailable.
    """
    await asyncio.to_thread(_migrate_alone, normalised(url))


def _migrate_alone(url: URL) -> None:
    turn = file_lock(url, TURN) if url.get_backend_name() == "sqlite" else nullcontext()
    with turn:
        _migrate(url)


def _migrate(url: URL) -> None:
    if url.get_backend_name() == "sqlite":
        _make_folder(Path(url.database or ""))
    if _revision(url) != REVISION:
        with connected(url) as connection:
            # Read again: while this process waited for its turn, another may have migrated.
            revision = _current(connection)
            if revision is not None and revision < before_release.REVISION:
                raise SchemaTooOld(revision)
            old = revision not in {None, REVISION}  # a new one has nothing to wait for
            if old:
                log.info("migrating the database", revision=revision, to=REVISION)
                if url.get_backend_name() == "sqlite":
                    _keep_copy(Path(url.database or ""), str(revision))
                else:  # others may run: they do not wait behind it for somebody's long transaction
                    connection.execute(text(f"SET LOCAL lock_timeout = '{TURN:.0f}s'"))
            if revision == before_release.REVISION:
                before_release.take_over(connection, _create)
            upgrade(connection)
            if old:  # of a new one nothing was before
                was, now_is = {"schema": revision}, {"schema": REVISION}
                done, who = Actions(connection), command_line()
                done.add(who, AdminVerb.MIGRATE, "bot", now(), before=was, after=now_is)
        if old:
            log.info("the database is migrated", revision=REVISION)


def _keep_copy(database: Path, revision: str) -> None:
    """Copy a file beside itself before it is migrated; where that cannot be, the log says so."""
    try:
        kept = sqlite_copy.keep(database, revision)
    except (OSError, StorageUnavailable) as error:
        log.warning("migrating without a copy of the database", error=str(error))
    else:
        log.info("the database as it was is kept", file=str(kept))


def _create(connection: Connection) -> None:
    connection.execute(text("DELETE FROM alembic_version"))
    upgrade(connection, before_release.NEXT)


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StorageUnavailable(f"no folder for the database: {exc}") from exc


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the migrations up to `revision`, in the transaction of this connection."""
    from alembic import command  # noqa: PLC0415 - a slow import, see REVISION

    command.upgrade(configured(connection), revision)


def configured(connection: Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - a slow import, see REVISION

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _revision(url: URL) -> str | None:
    with connected(url) as connection:
        return _current(connection)


def _current(connection: Connection) -> str | None:
    """Tell a database's revision; ours where a newer one has only added to it."""
    tables, revision = set(inspect(connection).get_table_names()), None
    if "alembic_version" in tables:
        revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
        tables.remove("alembic_version")
    # A server's database may be shared with other programs, a file is not.
    shared = revision is None and connection.dialect.name != "sqlite"
    if tables and not shared and "jobs" not in tables:
        raise ForeignDatabase
    # Our revisions are numbers of four digits: the order of the words is the order of the chain.
    if revision is not None and revision > REVISION:
        if not is_suitable(connection):
            raise SchemaTooNew(revision)
        log.info(
            "the database is that of a newer version, which works with this one", schema=revision
        )
        return REVISION
    return revision


def is_suitable(sql: Connection) -> bool:
    """Whether a database of a newer schema names ours as one whose program works with it."""
    columns = {one["name"] for one in inspect(sql).get_columns("alembic_version")}
    if "works_with" not in columns:
        return False
    oldest = sql.scalar(text("SELECT works_with FROM alembic_version"))
    return oldest is not None and oldest <= REVISION


@contextmanager
def connected(url: URL) -> Iterator[Connection]:
    """Open one transaction in which nobody else migrates."""
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _leave_transactions_alone)
        event.listen(engine, "begin", _begin_immediate)
    else:
        event.listen(engine, "begin", _take_turn)
    try:
        with translated(), engine.begin() as connection:
            yield connection
    except DBAPIError as exc:  # no database, no rights: nothing that the bot could start with
        raise StorageUnavailable(str(exc.orig)) from exc
    finally:
        engine.dispose()


def _leave_transactions_alone(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # Python's own begin commits before DDL; ours keeps a whole migration in one transaction.
    # Foreign keys stay off here: rebuilding a table must not delete what points to it.
    connection.isolation_level = None


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _take_turn(connection: Connection) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")


@asynccontextmanager
async def open_store(
    url: str,
    patience: float,
    stop: asyncio.Event,
    meter: Meter = NO_METER,
    connections: int = CONNECTIONS,
) -> AsyncIterator[Store]:
    """Open the database, brought up to date: SQLite for this process alone.

    On Postgres a program that has it alone is waited for, `patience` seconds and a few, unless
    `stop` is set. Raises InUse, and what `prepare` raises.
    """
    parsed = normalised(url)
    if parsed.get_backend_name() == "sqlite":
        with file_lock(parsed):
            async with _opened(url, meter) as store:
                yield store
        return
    from bot.storage.postgres_leader import joined  # noqa: PLC0415 - who has SQLite needs it not

    async with (
        joined(parsed, patience, stop) as leader,
        _opened(url, meter, connections, leader) as store,
    ):
        yield store


@asynccontextmanager
async def _opened(
    url: str, meter: Meter, connections: int = CONNECTIONS, leader: Leader | None = None
) -> AsyncIterator[Store]:
    await prepare(url)
    store = await Store.open(url, meter, connections)
    listening = asyncio.create_task(store.listen(), name="notices")
    store.leader = leader or store.leader
    try:
        yield store
    finally:
        listening.cancel()
        await asyncio.wait([listening])
        await store.close()
