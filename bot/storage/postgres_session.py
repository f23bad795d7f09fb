"""A session of its own at Postgres, beside the pool: for what lasts longer than a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

from sqlalchemy.engine import URL

if TYPE_CHECKING:  # an extra: who has SQLite need not have it
    from psycopg import AsyncConnection

CONNECT_SECONDS = 10
ANSWER_SECONDS = 10.0  # no statement here waits for anybody
# A server that does not hear of the end of a machine would keep its locks for two hours.
_SERVER_KEEPALIVES: LiteralString = (
    "SELECT set_config('tcp_keepalives_idle', '10', false),"
    " set_config('tcp_keepalives_interval', '5', false),"
    " set_config('tcp_keepalives_count', '2', false)"
)


@dataclass(frozen=True, slots=True)
class PostgresSession:
    """Each statement is committed by itself. All raise psycopg's errors and TimeoutError."""

    connection: AsyncConnection[tuple[Any, ...]]

    async def row(
        self, statement: LiteralString, values: Mapping[str, object] | None = None
    ) -> tuple[Any, ...] | None:
        """Tell the first row; None where there is none."""
        async with asyncio.timeout(ANSWER_SECONDS):
            cursor = await self.connection.execute(statement, values)
            return await cursor.fetchone() if cursor.description else None

    async def listen(self, channel: str) -> None:
        from psycopg import sql  # noqa: PLC0415 - as above

        async with asyncio.timeout(ANSWER_SECONDS):
            await self.connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))

    async def notices(self, seconds: float) -> AsyncIterator[str]:
        """Give what is told on the channel, for so many seconds."""
        async for notice in self.connection.notifies(timeout=seconds):
            yield notice.payload


async def connect(url: URL, purpose: str) -> AsyncConnection[tuple[Any, ...]]:
    """Open one; raises psycopg's errors. The server's list of sessions tells the `purpose`."""
    from psycopg import AsyncConnection  # noqa: PLC0415 - as above

    _, where = url.get_dialect()().create_connect_args(url)
    connection = await AsyncConnection.connect(
        **where,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        application_name=f"picturebot {purpose}",
    )
    try:
        await PostgresSession(connection).row(_SERVER_KEEPALIVES)
    except BaseException:
        await connection.close()
        raise
    return connection


@asynccontextmanager
async def connected(url: URL, purpose: str) -> AsyncIterator[PostgresSession]:
    """Connect until the block ends; raises as `connect` does."""
    connection = await connect(url, purpose)
    try:
        yield PostgresSession(connection)
    finally:
        await connection.close()
