"""The queue of jobs: who waits for what, in which order. Nothing is changed here."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, not_, or_, select

from bot.domain import JobState, Wake
from bot.storage.repository import Repository
from bot.storage.tables import JOBS

COUNTED_AHEAD = 1000

_C = JOBS.c
_UNFINISHED = _C.ended_at.is_(None)
_UNBEGUN = (_C.started_at.is_(None), _UNFINISHED, _C.state == JobState.ACCEPTED)
_THIS_ACCOUNT = _C.account_id == bindparam("of_account")


class JobQueue(Repository):
    """Looks at the jobs that have not ended."""

    _DISPATCHED = (
        select(_C.id, _C.claim, _C.state == JobState.RENDERED)
        .where(_UNFINISHED, _C.dispatched, _C.id > bindparam("after_id"))
        .order_by(_C.id)
        .limit(bindparam("at_most"))
    )

    def unfinished(self, after_id: int = 0, limit: int = 500) -> list[Wake]:
        """List the dispatched jobs that have not ended, by id: a page after `after_id`."""
        return [Wake(*row) for row in self._run(self._DISPATCHED, after_id=after_id, at_most=limit)]

    _UNDISPATCHED_ACCOUNTS = (
        select(_C.account_id)
        .where(_UNFINISHED, not_(_C.dispatched))
        .group_by(_C.account_id)
        .order_by(func.min(_C.id))
    )

    def undispatched_accounts(self) -> list[int]:
        """List the accounts that wait for `admit`, the longest waiting first."""
        return list(self._run(self._UNDISPATCHED_ACCOUNTS).scalars())

    _AHEAD = select(func.count()).select_from(
        select(_C.id)
        .where(_UNFINISHED, _C.state == JobState.ACCEPTED, _C.id < bindparam("job_id"))
        .where(or_(_C.dispatched, _THIS_ACCOUNT))
        .limit(COUNTED_AHEAD)
        .subquery()
    )

    def ahead(self, job_id: int, account_id: int) -> int:
        """Count the older jobs that nobody has begun: up to COUNTED_AHEAD.

        What waits for another account's own jobs is before nobody.
        """
        return int(self._value(self._AHEAD, job_id=job_id, of_account=account_id))

    _QUEUE = (
        select(_C.id, _C.account_id, _C.chat_id, _C.dispatched)
        .where(*_UNBEGUN)
        .order_by(_C.id)
        .limit(bindparam("at_most"))
    )

    def queue(self, limit: int) -> list[tuple[int, int, int, bool]]:
        """List the first jobs that nobody has begun, in order: id, account, chat, if dispatched."""
        return [tuple(row) for row in self._run(self._QUEUE, at_most=limit)]

    _OWN_WAITING = select(func.count()).select_from(
        select(_C.id)
        .where(_THIS_ACCOUNT, _UNFINISHED, not_(_C.dispatched))
        .limit(bindparam("at_most"))
        .subquery()
    )

    def waiting(self, account_id: int, limit: int) -> int:
        """Count an account's jobs that wait for its own earlier ones, up to `limit`."""
        return int(self._value(self._OWN_WAITING, of_account=account_id, at_most=limit))

    _RUNNING = (
        select(func.count()).select_from(JOBS).where(_UNFINISHED, _C.state == JobState.RUNNING)
    )
    _WAITING = select(func.count()).select_from(JOBS).where(*_UNBEGUN)

    def counts(self) -> tuple[int, int]:
        return self._value(self._RUNNING), self._value(self._WAITING)

    _BY_STATE = select(_C.state, func.count()).where(_UNFINISHED).group_by(_C.state)

    def by_state(self) -> dict[JobState, int]:
        """Count the unfinished jobs."""
        return {state: count for state, count in self._run(self._BY_STATE)}  # noqa: C416 - of rows

    _WAITING_SINCE = select(_C.created_at).where(*_UNBEGUN).order_by(_C.id).limit(1)

    def waiting_since(self) -> datetime | None:
        """Tell when the oldest job was accepted that nobody has begun."""
        found: datetime | None = self._value(self._WAITING_SINCE)
        return found

    _RUNNING_SINCE = select(func.min(_C.started_at)).where(
        _UNFINISHED, _C.state == JobState.RUNNING
    )

    def running_since(self) -> datetime | None:
        """Tell when the oldest job that is being drawn began: its files have no row yet."""
        found: datetime | None = self._value(self._RUNNING_SINCE)
        return found
