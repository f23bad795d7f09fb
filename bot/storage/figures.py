"""Figures: what was asked for, drawn and paid in a day, counted once and kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, bindparam, distinct, extract, func, select
from sqlalchemy.dialects.postgresql import insert

from bot.domain import OutcomeKind
from bot.storage.moments import Moments
from bot.storage.tables import CALLS, DAILY_FIGURES, JOBS, PICTURES

_J, _K, _D = JOBS.c, CALLS.c, DAILY_FIGURES.c
_PERCENTILES = {"median": 50, "p95": 95}
_TOOK = {  # seconds
    "sqlite": (func.julianday(_J.ended_at) - func.julianday(_J.created_at)) * 86_400,
    "postgresql": extract("epoch", _J.ended_at - _J.created_at),
}


class Figures(Moments):
    """Counts, and keeps what was counted."""

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
    _UNPRICED = select(func.count()).where(
        _K.id >= bindparam("from_id"),
        _K.id < bindparam("to_id"),
        _K.cost_micros.is_(None),
        _K.ended_at.is_not(None),
    )

    def figures(self, begin: datetime, end: datetime) -> dict[str, int]:
        """Count what was asked for from one moment to another, by name.

        jobs, users, pictures; median_ms and p95_ms from asking to having; `outcome:` and how jobs
        ended; `cost:` and a currency, in millionths; `unpriced`: calls whose cost is not known.
        """
        jobs = {"from_id": self.first(JOBS, begin), "to_id": self.first(JOBS, end)}
        calls = {"from_id": self.first(CALLS, begin), "to_id": self.first(CALLS, end)}
        count, users = self._run(self._ACCOUNTS, **jobs).one()
        found = {"jobs": count, "users": users, "pictures": self._value(self._PICTURES, **jobs)}
        outcomes = {f"outcome:{kind}": n for kind, n in self._run(self._OUTCOMES, **jobs) if kind}
        costs = {
            f"cost:{name}": int(sum_) for name, sum_ in self._run(self._COSTS, **calls) if sum_
        }
        if unpriced := self._value(self._UNPRICED, **calls):
            found["unpriced"] = unpriced
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

    _AUDITED = insert(DAILY_FIGURES)
    _AUDITED = _AUDITED.on_conflict_do_update(
        index_elements=[_D.day, _D.name], set_={"value": _AUDITED.excluded.value}
    )

    def audited(self, day: str, differences: int) -> None:
        """Keep what the latest audit of a day found, as its figure `differences`."""
        self._run(self._AUDITED, day=day, name="differences", value=differences)

    _KEPT = select(DAILY_FIGURES).where(_D.day >= bindparam("first_day"))

    def kept(self, first_day: str) -> dict[str, dict[str, int]]:
        """Give what was kept of the days from this one on."""
        days: dict[str, dict[str, int]] = {}
        for row in self._run(self._KEPT, first_day=first_day):
            days.setdefault(row.day, {})[row.name] = row.value
        return days
