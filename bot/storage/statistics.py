"""Statistics of the whole bot: what went well, what did not, and how long it took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, case, distinct, func, literal_column, select

from bot.domain import Job, JobState, OutcomeKind
from bot.storage.columns import CallKind, LedgerKind
from bot.storage.moments import Moments
from bot.storage.tables import CALLS, JOBS, LEDGER

MOST_TIMED = 5000  # of the newest pictures it is looked at how long they took
LATELY = 5000  # so many of the newest jobs are looked through for what failed

_J, _C, _L = JOBS.c, CALLS.c, LEDGER.c
_UNFINISHED = _J.ended_at.is_(None)
_CURRENCY = func.coalesce(_C.currency, literal_column("'USD'"))  # of calls of no known cost


@dataclass(frozen=True, slots=True)
class DayTotals:
    """One day, in UTC: pictures delivered, requests that brought none, accounts that asked."""

    day: str
    pictures: int
    failed: int
    accounts: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What calls have cost in one currency, in millionths; `unpriced` calls are not in it."""

    currency: str
    micros: int
    unpriced: int


class Statistics(Moments):
    """Counts over all accounts; each reads the rows since a moment, and no others."""

    _DAYS = (
        select(
            _L.day,
            func.sum(_L.settled_delta).label("pictures"),
            func.sum(case((_L.kind == LedgerKind.RELEASE, 1), else_=0)).label("failed"),
            func.count(distinct(_L.account_id)).label("accounts"),
        )
        .where(_L.id >= bindparam("first"), _L.kind != LedgerKind.COUNTED)
        .group_by(_L.day)
        .order_by(_L.day)
    )

    def days(self, since: datetime) -> list[DayTotals]:
        """Sum the days up on which anything was asked for, the earliest first."""
        rows = self._run(self._DAYS, first=self.first(LEDGER, since))
        return [
            DayTotals(row.day, int(row.pictures), int(row.failed), row.accounts) for row in rows
        ]

    _OUTCOMES = (
        select(_J.outcome, func.count().label("jobs"))
        .where(_J.id >= bindparam("first"), _J.ended_at.is_not(None))
        .group_by(_J.outcome)
    )

    def outcomes(self, since: datetime) -> dict[OutcomeKind, int]:
        """Count how the jobs that were asked for since then have ended."""
        rows = self._run(self._OUTCOMES, first=self.first(JOBS, since))
        return {row.outcome: row.jobs for row in rows if row.outcome is not None}

    _SPENT = (
        select(
            _CURRENCY.label("currency"),
            func.coalesce(func.sum(_C.cost_micros), 0).label("micros"),
            func.sum(case((_C.cost_micros.is_(None), 1), else_=0)).label("unpriced"),
        )
        .where(_C.id >= bindparam("first"), _C.ended_at.is_not(None))
        .group_by(_CURRENCY)
        .order_by(_CURRENCY)
    )

    def spent(self, since: datetime) -> list[Spent]:
        rows = self._run(self._SPENT, first=self.first(CALLS, since))
        return [Spent(row.currency, int(row.micros), int(row.unpriced)) for row in rows]

    _TIMES = (
        select(_J.created_at, _J.ended_at)
        .where(_J.id >= bindparam("first"), _J.state == JobState.DELIVERED)
        .order_by(_J.id.desc())
        .limit(MOST_TIMED)
    )

    def seconds(self, since: datetime) -> list[float]:
        """List in order how long pictures took from the request to the chat: of MOST_TIMED."""
        rows = self._run(self._TIMES, first=self.first(JOBS, since))
        return sorted((row.ended_at - row.created_at).total_seconds() for row in rows)

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
