"""The queue: jobs that nobody has begun, as they stand one behind the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, select, update

from bot.domain import Job, JobState
from bot.storage.tables import JOBS

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.domain import Request

_C = JOBS.c
_WAITS = (_C.started_at.is_(None), _C.ended_at.is_(None), _C.state == JobState.ACCEPTED)

_LINE = (
    select(_C.id, _C.chat_id, _C.dispatched)
    .where(*_WAITS)
    .order_by(_C.id)
    .limit(bindparam("at_most"))
)
_WAITING = select(func.count()).select_from(JOBS).where(*_WAITS)
_RUNNING = (
    select(func.count())
    .select_from(JOBS)
    .where(_C.ended_at.is_(None), _C.state == JobState.RUNNING)
)
_OF_MESSAGE = (
    select(JOBS)
    .where(_C.chat_id == bindparam("of_chat"), _C.message_id == bindparam("of_message"))
    .order_by(_C.ordinal)
    .limit(bindparam("at_most"))
)
_REWRITE = (
    update(JOBS)
    .where(
        _C.id == bindparam("job_id"),
        _C.attempt == bindparam("of_attempt"),
        _C.state == JobState.ACCEPTED,
    )
    .values(request=bindparam("words", type_=_C.request.type))
    .returning(*_C)
)


class Queue:
    """Reads who waits, and rewrites what is waited for."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def line(self, limit: int) -> list[tuple[int, int, bool]]:
        """List the first jobs that wait, in order: id, chat, and whether it is dispatched."""
        rows = await self._sql.execute(_LINE, {"at_most": limit})
        return [(row.id, row.chat_id, row.dispatched) for row in rows]

    async def counts(self) -> tuple[int, int]:
        """Count the jobs that are being drawn, and those that wait."""
        running = (await self._sql.execute(_RUNNING)).scalar_one()
        return running, (await self._sql.execute(_WAITING)).scalar_one()

    async def of_message(self, chat_id: int, message_id: int, limit: int) -> list[Job]:
        """List a message's jobs, ended ones too, in order."""
        asked = {"of_chat": chat_id, "of_message": message_id, "at_most": limit}
        rows = await self._sql.execute(_OF_MESSAGE, asked)
        return [Job(**row) for row in rows.mappings()]

    async def rewrite(self, job: Job, request: Request) -> Job | None:
        """Have something else drawn by a job; None if somebody has begun it meanwhile."""
        step = {"job_id": job.id, "of_attempt": job.attempt, "words": request}
        row = (await self._sql.execute(_REWRITE, step)).mappings().first()
        return None if row is None else Job(**row)
