"""Statistics of the whole bot: what waits, what ended lately, and what of it failed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, select

from bot.domain import Job, JobState, OutcomeKind
from bot.storage.columns import CallKind
from bot.storage.repository import Repository
from bot.storage.tables import CALLS, JOBS

LATELY = 5000  # so many of the newest jobs are looked through for what failed

_J, _C = JOBS.c, CALLS.c
_UNFINISHED = _J.ended_at.is_(None)


class Statistics(Repository):
    """Looks at the newest rows of all accounts, and at what has not ended."""

    _ENDED_CALLS = select(_C.ended_at, _C.outcome).where(
        _C.id > select(func.max(_C.id)).scalar_subquery() - bindparam("at_most"),
        _C.kind == CallKind.IMAGE,
        _C.ended_at.is_not(None),
        _C.outcome.is_not(None),
    )

    def ended_calls(self, limit: int) -> list[tuple[datetime, OutcomeKind]]:
        """List when, and how, those of the newest calls for pictures ended that have."""
        return [(row.ended_at, row.outcome) for row in self._run(self._ENDED_CALLS, at_most=limit)]

    _OPEN = select(JOBS).where(_UNFINISHED).order_by(_J.id).limit(bindparam("at_most"))

    def open_jobs(self, limit: int) -> list[Job]:
        """List jobs that have not ended, the oldest first."""
        return self._all(Job, self._OPEN, at_most=limit)

    _FAILED = (
        select(JOBS)
        .where(
            _J.id > select(func.max(_J.id)).scalar_subquery() - LATELY,
            _J.state.in_([JobState.FAILED, JobState.EXPIRED]),
        )
        .order_by(_J.id.desc())
        .limit(bindparam("at_most"))
    )

    def failed_jobs(self, limit: int) -> list[Job]:
        """List jobs that brought no picture, and were not refused, the latest first."""
        return self._all(Job, self._FAILED, at_most=limit)

    _WAITS_SINCE = select(func.min(_J.created_at)).where(
        _J.started_at.is_(None), _UNFINISHED, _J.dispatched
    )

    def waits_since(self) -> datetime | None:
        """Tell since when the oldest job waits for room; those that wait for their own do not count."""
        found: datetime | None = self._value(self._WAITS_SINCE)
        return found
