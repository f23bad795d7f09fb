"""Notices: what one process tells the others, on Postgres; on SQLite there are no others.

They carry numbers and no words. A process does not hear its own.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum
from time import monotonic

import structlog
from sqlalchemy import text
from sqlalchemy.engine import URL

from bot.storage.postgres_session import PostgresSession, connected

log = structlog.get_logger(__name__)

LOOK = 5.0  # seconds of silence after which a connection that tells nothing is looked at
PAUSES = 0.1, 5.0  # seconds before the first try to listen again, and at most between two
NOTIFY = text(
    "SELECT pg_notify('picturebot' || hashtext(current_schema()),"
    " concat_ws(' ', CAST(:process AS text), CAST(:topic AS text), CAST(:payload AS text)))"
)
_CHANNEL = "SELECT 'picturebot' || hashtext(current_schema())"


class Topic(StrEnum):
    """What is told, and what its payload is."""

    PREFERENCES = "preferences"  # somebody has chosen; nothing
    DECISIONS = "decisions"  # an operator has decided; nothing
    MOVED = "moved"  # rows of people have changed their ids or are gone; nothing


# None for what may have been missed: all that is remembered of the topic is void.
Hear = Callable[[str | None], Awaitable[None]]


class Notices:
    """Who hears of what. What raises is called again, with None."""

    def __init__(self) -> None:
        self._hearers: dict[str, list[Hear]] = defaultdict(list)
        self._away_since: float | None = None

    def on(self, topic: Topic, hear: Hear) -> None:
        self._hearers[topic].append(hear)

    @property
    def away(self) -> float:
        """For how many seconds the others are not heard; 0 where they are, or where there are none."""
        return 0.0 if self._away_since is None else monotonic() - self._away_since

    async def listen(self, url: URL, process: str) -> None:
        """Hear the other processes, for ever; a connection that breaks is replaced.

        As long as it cannot be, everything is void again at each try.
        """
        pause, longest = PAUSES
        self._away_since = monotonic()
        while True:
            try:
                async with connected(url, "notices") as session:
                    row = await session.row(_CHANNEL)
                    await session.listen(row[0] if row else "")
                    await self._missed()
                    pause, self._away_since = PAUSES[0], None
                    while await session.row("SELECT 1"):
                        await self._hear(session, process)
            except Exception as error:  # noqa: BLE001 - the loop's edge: it is tried again
                log.warning("other processes are not heard now", error=type(error).__name__)
                await self._lose()
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)

    async def _hear(self, session: PostgresSession, process: str) -> None:
        async for words in session.notices(LOOK):
            sender, topic, payload = words.split(" ", 2)
            if sender == process:
                continue
            for hear in self._hearers.get(topic, ()):  # none of one that a newer version tells
                await hear(payload)

    async def _lose(self) -> None:
        if self._away_since is None:
            self._away_since = monotonic()
            return
        with suppress(Exception):  # without the database there is nothing newer to be had
            await self._missed()

    async def _missed(self) -> None:
        for hearers in self._hearers.values():
            for hear in hearers:
                await hear(None)
