"""Figures: what was asked for, drawn and paid in a day, counted once and kept.

Jobs and calls are numbered as they come, so what happened since a moment is what has a number from
there on: the moment is looked for by halving, and no index of times has to be kept.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Table, and_, bindparam, distinct, extract, func, select
from sqlalchemy.dialects.postgresql import insert

from bot.domain import OutcomeKind
from bot.storage.repository import Repository
from bot.storage.tables import CALLS, DAILY_FIGURES, JOBS, PICTURES

_J, _K, _D = JOBS.c, CALLS.c, DAILY_FIGURES.c
_PERCENTILES = {"median": 50, "p95": 95}
_TOOK = {  # seconds
    "sqlite": (func.julianday(_J.ended_at) - func.julianday(_J.created_at)) * 86_400,
    "postgresql": extract("epoch", _J.ended_at - _J.created_at),
}


class Figures(Repository):
    """Counts, and keeps what was counted."""

    def since(self, at: datetime, table: Table = JOBS) -> int:
        """Tell a number from which on rows are from a moment on, and before which none is."""
        moment = table.c.created_at if table is JOBS else table.c.started_at
        nearest = select(table.c.id, moment).where(table.c.id >= bindparam("from_id"))
        nearest = nearest.order_by(table.c.id).limit(1)
        low, high = 0, (self._value(select(func.max(table.c.id))) or 0) + 1
        while low < high:
            middle = (low + high) // 2
            row = self._run(nearest, from_id=middle).first()
            if row is not None and row[1] < at:
                low = row[0] + 1
            else:
                high = middle
        return low

    _OF_DAY = and_(_J.id >= bindparam("from_id"), _J.id < bindparam("to_id"))
    _OUTCOMES = (
        select(_J.outcome, func.count())
        .where(_OF_DAY, _J.ended_at.is_not(None))
        .group_by(_J.outcome)
    )
    _ACCOUNTS = select(func.count(), func.count(distinct(_J.account_id))).where(_OF_DAY)
    _PICTURES = select(func.count()).where(
        PICTURES.c.job_id >= bindparam("from_id"), PICTURES.c.job_id < bindparam("to_id")
    )
    _COSTS = (
        select(_K.currency, func.sum(_K.cost_micros))
        .where(_K.id >= bindparam("from_id"), _K.id < bindparam("to_id"))
        .where(_K.cost_micros.is_not(None))
        .group_by(_K.currency)
    )

    def figures(self, begin: datetime, end: datetime) -> dict[str, int]:
        """Count what was asked for from one moment to another, by name.

        jobs, users, pictures; median_ms and p95_ms from asking to having; `outcome:` and how jobs
        ended; `cost:` and a currency, in millionths.
        """
        jobs = {"from_id": self.since(begin), "to_id": self.since(end)}
        calls = {"from_id": self.since(begin, CALLS), "to_id": self.since(end, CALLS)}
        count, users = self._run(self._ACCOUNTS, **jobs).one()
        found = {"jobs": count, "users": users, "pictures": self._value(self._PICTURES, **jobs)}
        outcomes = {f"outcome:{kind}": n for kind, n in self._run(self._OUTCOMES, **jobs) if kind}
        costs = {f"cost:{name}": int(sum_) for name, sum_ in self._run(self._COSTS, **calls)}
        drawn = outcomes.get(f"outcome:{OutcomeKind.DRAWN}", 0)
        took = {f"{name}_ms": self._percentile(jobs, drawn, n) for name, n in _PERCENTILES.items()}
        return found | outcomes | costs | (took if drawn else {})

    def _percentile(self, jobs: dict[str, int], drawn: int, percent: int) -> int:
        took = _TOOK[self._sql.dialect.name]
        whose = self._OF_DAY, _J.outcome == OutcomeKind.DRAWN, _J.ended_at.is_not(None)
        at = drawn * percent // 100
        found = self._value(select(took).where(*whose).order_by(took).offset(at).limit(1), **jobs)
        return round(1000 * float(found or 0))

    _OLDEST = select(func.min(_J.created_at)).where(_J.ended_at.is_(None))

    def oldest_unfinished(self) -> datetime | None:
        found: datetime | None = self._value(self._OLDEST)
        return found

    _KEEP = insert(DAILY_FIGURES).on_conflict_do_nothing()

    def keep(self, day: str, figures: dict[str, int]) -> None:
        """Keep the figures of a day that is over; the first ones stay."""
        for name, value in figures.items():
            self._run(self._KEEP, day=day, name=name, value=value)

    _KEPT = select(DAILY_FIGURES).where(_D.day >= bindparam("first_day"))

    def kept(self, first_day: str) -> dict[str, dict[str, int]]:
        """Give what was kept of the days from this one on."""
        days: dict[str, dict[str, int]] = {}
        for row in self._run(self._KEPT, first_day=first_day):
            days.setdefault(row.day, {})[row.name] = row.value
        return days
