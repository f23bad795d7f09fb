"""Limits that hold for all processes on one Postgres: moments that are taken in turn, and leases.

A moment is taken by one statement in a table that is written to no log. A lease is an advisory lock
of a session of this process's own, so that the server gives it back when the process dies.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from math import inf
from typing import Any, LiteralString

import structlog
from sqlalchemy.engine import URL

from bot.domain import StorageUnavailable
from bot.storage.postgres import is_outage
from bot.storage.postgres_session import PostgresSession, connected

log = structlog.get_logger(__name__)

LEASE_PATIENCE = 30.0  # seconds: a process that stands still keeps no chat silent
PAUSES = 0.01, 0.25  # seconds between two tries for a lease, the first and the longest
FAR = 1e9  # seconds

# The moment's own expression, twice: what was taken last and a gap, or a burst ago.
_NEXT: LiteralString = (
    "greatest(p.taken_to + make_interval(secs => %(gap)s),"
    " statement_timestamp() - make_interval(secs => %(burst)s))"
)
_TAKE: LiteralString = f"""
INSERT INTO paces AS p (key, taken_to) VALUES (%(key)s, statement_timestamp() - make_interval(secs => %(burst)s))
ON CONFLICT (key) DO UPDATE SET taken_to = {_NEXT}
WHERE {_NEXT} <= statement_timestamp() + make_interval(secs => %(within)s)
RETURNING extract(epoch FROM taken_to - clock_timestamp())
"""  # noqa: S608 - an expression of ours
_HOLD: LiteralString = """
INSERT INTO paces AS p (key, taken_to)
VALUES (%(key)s, clock_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (key) DO UPDATE SET taken_to = greatest(p.taken_to, excluded.taken_to)
"""
_PRUNE: LiteralString = "DELETE FROM paces WHERE taken_to < clock_timestamp() - interval '1 day'"
_NUMBER: LiteralString = "hashtextextended(current_schema() || ' ' || name, 0)"
# One after the other, until one is free: LIMIT stops there.
_LEASE: LiteralString = f"""
SELECT name FROM unnest(%(names)s::text[]) AS name WHERE pg_try_advisory_lock({_NUMBER}) LIMIT 1
"""  # noqa: S608 - as above
_RETURN: LiteralString = f"SELECT pg_advisory_unlock({_NUMBER}) FROM (VALUES (%(name)s)) one (name)"  # noqa: S608


class SharedLimits:
    """What the processes may do together. All raise StorageUnavailable but what says otherwise."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._stack = AsyncExitStack()
        self._session: PostgresSession | None = None
        self._opening = asyncio.Lock()
        self._held: set[str] = set()
        self._lines: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def close(self) -> None:
        self._session = None
        with suppress(Exception):  # it is over either way
            await self._stack.aclose()

    async def take(
        self, key: str, gap: float, burst: float = 0, within: float = inf
    ) -> float | None:
        """Take the next moment of `key`, `gap` seconds behind the last; tells in how many it comes.

        Of time that nobody used `burst` seconds are caught up. None, and nothing is taken, where it
        is more than `within` seconds away; below zero that asks for so much unused time.
        """
        values = {"key": key, "gap": gap, "burst": burst, "within": min(within, FAR)}
        row = await self._row(_TAKE, values)
        return None if row is None else max(0.0, float(row[0]))

    async def hold(self, key: str, seconds: float) -> None:
        """Let nobody have a moment of `key` for so long."""
        await self._row(_HOLD, {"key": key, "seconds": min(seconds, FAR)})

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        """Keep the others from `name` meanwhile; after LEASE_PATIENCE, or without a database, not.

        Raises nothing.
        """
        held = False
        try:
            async with asyncio.timeout(LEASE_PATIENCE):
                await self._wait_for([name])
                held = True
        except (TimeoutError, StorageUnavailable) as error:
            log.warning("goes on without its turn", name=name, error=type(error).__name__)
        try:
            yield
        finally:
            if held:
                await asyncio.shield(self._give_back(name))

    @asynccontextmanager
    async def at_gateway(self, most: int, name: str) -> AsyncIterator[None]:
        """Be one of at most so many at once, of all processes; first come, first served in this one."""
        async with self._lines[name]:
            found = await self._wait_for([f"gateway {name} {number}" for number in range(most)])
        try:
            yield
        finally:
            await asyncio.shield(self._give_back(found))

    async def _wait_for(self, names: Sequence[str]) -> str:
        pause, longest = PAUSES
        while (found := await self._lease([one for one in names if one not in self._held])) is None:
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)
        return found

    async def _lease(self, names: Sequence[str]) -> str | None:
        """Take one of these, which nobody else in this process asks for now; None where none is free."""
        asking = asyncio.ensure_future(self._row(_LEASE, {"names": names}))
        try:
            row = await asyncio.shield(asking)
        except asyncio.CancelledError:
            with suppress(StorageUnavailable):
                if row := await asking:
                    await self._give_back(row[0])
            raise
        if row is None:
            return None
        self._held.add(row[0])
        return str(row[0])

    async def _give_back(self, name: str) -> None:
        self._held.discard(name)
        with suppress(StorageUnavailable):  # its session is gone, and with it the lease
            await self._row(_RETURN, {"name": name})

    async def _row(
        self, statement: LiteralString, values: dict[str, object]
    ) -> tuple[Any, ...] | None:
        """Ask, once more where the session turns out to have ended since it was used last."""
        known = self._session
        try:
            return await self._ask(statement, values)
        except StorageUnavailable as error:
            if known is None or not is_outage(error.__cause__):
                raise
        return await self._ask(statement, values)

    async def _ask(
        self, statement: LiteralString, values: dict[str, object]
    ) -> tuple[Any, ...] | None:
        session = self._session
        try:
            session = session or await self._open()
            return await session.row(statement, values)
        except Exception as error:
            if session is self._session:
                await self.close()
            raise StorageUnavailable(type(error).__name__) from error

    async def _open(self) -> PostgresSession:
        """Connect, and take again what this process held: it is in the midst of it."""
        async with self._opening:
            if self._session:
                return self._session
            self._stack = AsyncExitStack()
            session = await self._stack.enter_async_context(connected(self._url, "limits"))
            await session.row(_PRUNE)
            for name in list(self._held):
                await session.row(_LEASE, {"names": [name]})
            self._session = session
            return session
