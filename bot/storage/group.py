"""The one writer of an SQLite file: transactions that follow each other close are one commit.

A commit costs one wait for the disk, however much is in it. So a transaction after which others
wait does not commit at once: they go first, each behind a savepoint of its own, and whoever of
them gets the turn back first commits for all. Nobody returns before his commit is on the disk.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, cast

from sqlalchemy import event

from bot.domain import StorageUnavailable
from bot.domain.clock import run_to_completion
from bot.storage import one_trip
from bot.storage.errors import translated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.engine import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

WAIT_SECONDS = 30


class GroupCommit:
    """Gives out the only connection that writes, to one transaction at a time."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._group: _Group | None = None
        event.listen(engine.sync_engine, "begin", _begin_immediate)

    async def close(self) -> None:
        """Give the connection back."""
        await self._engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Write; raises StorageUnavailable, also where the commit of the group failed."""
        with translated():
            await self._take_turn()
            try:
                group = await self._joined()
                try:
                    yield group.connection
                    if group.members or self._waiting:  # its failure is this member's alone
                        await group.driver.flush()
                except asyncio.CancelledError:
                    # A connection that was lost by it must not make anybody go on.
                    with suppress(Exception):
                        await run_to_completion(self._undo(group))
                    raise
                except BaseException:
                    await run_to_completion(self._undo(group))
                    raise
                group.members += 1
                if not self._waiting:
                    await run_to_completion(self._commit(group))
            finally:
                self._turn.release()
            if not group.ended:
                await run_to_completion(self._commit_in_turn(group))
            if group.failure:
                raise StorageUnavailable("what others did was not committed") from group.failure

    async def _take_turn(self) -> None:
        self._waiting += 1
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._turn.acquire()
        except TimeoutError as exc:
            raise StorageUnavailable("other transactions took too long") from exc
        finally:
            self._waiting -= 1

    async def _joined(self) -> _Group:
        if self._group:
            self._group.driver.save()
            return self._group
        connection = await self._engine.connect()
        await connection.begin()
        self._group = _Group(connection)
        return self._group

    async def _undo(self, group: _Group) -> None:
        """Undo what the last member did; the others stay, and are committed if nobody else will."""
        try:
            if group.members:
                await group.driver.undo()
        except BaseException as error:
            await self._end(group, error)
            raise
        if not group.members:
            await self._end(group, None)
        elif not self._waiting:
            await self._commit(group)

    async def _commit_in_turn(self, group: _Group) -> None:
        async with self._turn:
            if not group.ended:
                await self._commit(group)

    async def _commit(self, group: _Group) -> None:
        try:
            await group.connection.commit()
        except BaseException as error:
            await self._end(group, error)
            raise
        await self._end(group, None)

    async def _end(self, group: _Group, failure: BaseException | None) -> None:
        """End a group; closing its connection undoes what was not committed.

        After a failed commit SQLAlchemy takes the transaction for ended, and SQLite does not.
        """
        self._group = None
        group.ended = True
        group.failure = failure
        if failure:
            await group.connection.invalidate()
        await group.connection.close()


class _Group:
    """Transactions that are committed together; `failure` tells all members why they were not."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.driver = one_trip.driver(cast("Connection", connection.sync_connection))
        self.members = 0
        self.ended = False
        self.failure: BaseException | None = None


def _begin_immediate(connection: Connection) -> None:
    # Taking the write lock at once: a lock taken later, after reading, may fail without waiting.
    one_trip.driver(connection).open_with("BEGIN IMMEDIATE")
