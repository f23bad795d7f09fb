"""Which of the processes on one Postgres leads.

It holds an advisory lock on a session of its own, which the server gives back with that session. A
process that is stopped keeps its session: one that has not looked after its lock for STALE seconds
has it ended by those who stand by.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic

import structlog
from psycopg import AsyncConnection, Error
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from bot.domain import StorageLost, StorageUnavailable
from bot.storage.dispatched import STALLED
from bot.storage.leader import Lead
from bot.storage.lock import NUMBER, PAUSE, InUse
from bot.storage.postgres_session import connect

log = structlog.get_logger(__name__)

# Any number, beside that of who is here.
_LEADER = NUMBER + 1
MARGIN = 10.0  # seconds to close everything behind the work in hand
LOOK, PATIENCE = 1.5, 3.0  # seconds between two looks at the lock, and for one of them
STALE = 8.0  # seconds; more than a leader that runs may need to learn that it leads no longer
_HERE = "hashtext(current_schema())"
_JOIN = f"SELECT pg_try_advisory_lock_shared({NUMBER}, {_HERE})"
_LEAD = f"SELECT pg_try_advisory_lock({_LEADER}, {_HERE})"
_RESIGN = f"SELECT pg_advisory_unlock({_LEADER}, {_HERE})"
_HELD_HERE = f"""
locktype = 'advisory' AND granted AND objid::bigint = {_HERE}::bigint & 4294967295
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""  # noqa: S608 - numbers of ours
_END_STALE = f"""
SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE {_HELD_HERE} AND classid::bigint = {_LEADER}
AND state_change < clock_timestamp() - make_interval(secs => {{seconds}})"""  # noqa: S608 - numbers of ours

_PRESENT = text(f"""
SELECT count(*) FILTER (WHERE classid::bigint = {NUMBER} AND mode = 'ShareLock') AS processes,
    count(*) FILTER (WHERE classid::bigint = {_LEADER}) > 0 AS led,
    EXISTS (SELECT FROM procrastinate_workers
        WHERE last_heartbeat > clock_timestamp() - make_interval(secs => {STALLED})) AS worked_on
FROM pg_locks WHERE {_HELD_HERE}
""")  # noqa: S608 - numbers of ours


@dataclass(frozen=True, slots=True)
class Presence:
    """How many processes are on a Postgres, and whether one leads and one works on jobs."""

    processes: int
    led: bool
    worked_on: bool


def presence(sql: Connection) -> Presence:
    """Look who is there; a process that was killed works for STALLED seconds more."""
    return Presence(*sql.execute(_PRESENT).one())


class PostgresLeader:
    """One of several processes."""

    is_sole = False

    def __init__(self, url: URL) -> None:
        self._url = url
        self._session: AsyncConnection | None = None
        self._leads_until = 0.0

    @property
    def leads(self) -> bool:
        return monotonic() < self._leads_until

    async def join(self, patience: float, stop: asyncio.Event) -> None:
        """Be one of the processes here; waits for one that has the database alone, then InUse."""
        loop = asyncio.get_running_loop()
        until = loop.time() + patience + MARGIN
        try:
            while not await self._joined():
                if loop.time() >= until or stop.is_set():
                    raise InUse
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), PAUSE)
        except OSError as error:
            raise StorageUnavailable(str(error)) from error

    async def run(self, lead: Lead) -> None:
        told = False
        while True:
            try:
                leads = await self._campaign()
            except OSError as error:
                log.warning("who leads is not known now", error=type(error).__name__)
                await self._leave()
                leads = False
            if leads:
                if await self._lead(lead):
                    return
                log.warning("the lead is lost: another process may have it")
            elif not told:
                log.info("standing by: another process leads")
            told = not leads
            await asyncio.sleep(LOOK)

    async def resign(self) -> None:
        self._leads_until = 0.0
        with suppress(OSError):
            await self._ask(_RESIGN)

    async def close(self) -> None:
        await self._leave()

    async def _campaign(self) -> bool:
        """Look after the session, and take the lead if nobody has it; tells whether."""
        if self._session is None and not await self._joined():
            raise StorageLost("another program has taken it while it could not be reached")
        asked = monotonic()
        if not await self._ask(_LEAD):
            await self._ask(_END_STALE.format(seconds=STALE))
            return False
        self._leads_until = asked + LOOK + PATIENCE
        return True

    async def _lead(self, lead: Lead) -> bool:
        """Run `lead`; false where it was cancelled because the lead is lost."""
        log.info("leading")
        leading = asyncio.ensure_future(lead())
        watching = asyncio.create_task(self._watch(), name="lead")
        try:
            await asyncio.wait({leading, watching}, return_when=asyncio.FIRST_COMPLETED)
            ended = leading.done()
        finally:
            for task in (leading, watching):
                task.cancel()
            results = await asyncio.gather(leading, watching, return_exceptions=True)
        failed = results[0]
        if isinstance(failed, StorageUnavailable) and not isinstance(failed, StorageLost):
            log.warning("the leader's work is begun anew", reason=str(failed))
            return False
        if isinstance(failed, Exception):
            raise failed
        return ended

    async def _watch(self) -> None:
        """Look at the session until it breaks, or does not answer; the lead ends with that."""
        try:
            while True:
                await self._until_broken(LOOK)
                asked = monotonic()
                if not self.leads:  # this process stood still
                    raise TimeoutError
                await self._ask("SELECT 1")
                self._leads_until = asked + LOOK + PATIENCE
        except OSError:
            self._leads_until = 0.0
            await self._leave()

    async def _until_broken(self, seconds: float) -> None:
        """Wait; raises OSError as soon as the session breaks."""
        if self._session is None:
            raise ConnectionError
        try:
            async for _ in self._session.notifies(timeout=seconds):
                pass
        except Error as error:
            raise ConnectionError(str(error)) from None

    async def _joined(self) -> bool:
        try:
            self._session = await connect(self._url, "leader")
        except Error as error:
            raise OSError(str(error)) from None
        if await self._ask(_JOIN):
            return True
        await self._leave()
        return False

    async def _ask(self, question: str) -> bool:
        """Ask the server within PATIENCE; raises OSError."""
        if self._session is None:
            raise ConnectionError
        asking = asyncio.create_task(_first(self._session, question))
        done, _ = await asyncio.wait([asking], timeout=PATIENCE)
        if not done:  # psycopg's own way to end it asks the server, too
            _hang_up(self._session)
        try:
            return await asking
        except Error as error:
            raise ConnectionError(str(error)) from None

    async def _leave(self) -> None:
        session, self._session = self._session, None
        if session:
            await session.close()


async def _first(session: AsyncConnection, question: str) -> bool:
    row = await (await session.execute(question.encode())).fetchone()
    return bool(row and row[0])


def _hang_up(session: AsyncConnection) -> None:
    with socket.socket(fileno=os.dup(session.fileno())) as line, suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


@asynccontextmanager
async def joined(url: URL, patience: float, stop: asyncio.Event) -> AsyncIterator[PostgresLeader]:
    """Be one of the processes on a Postgres until the block ends.

    Raises InUse where one that wants it alone does not end within `patience` seconds and a few, or
    when `stop` is set, and StorageUnavailable.
    """
    leader = PostgresLeader(url)
    try:
        await leader.join(patience, stop)
        yield leader
    finally:
        await leader.close()
