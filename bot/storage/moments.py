"""Moments of rows that are numbered in the order of time: a span of time is a span of numbers.

Its beginning is found by halving, and no index of moments is kept for it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Table, bindparam, func, select

from bot.storage.repository import Repository
from bot.storage.tables import CALLS, JOBS

_MOMENTS = {JOBS: JOBS.c.created_at, CALLS: CALLS.c.started_at}


class Moments(Repository):
    """Finds rows by when they came."""

    _LAST = {table: select(func.max(table.c.id)) for table in _MOMENTS}  # noqa: RUF012 - never changed
    _NEXT = {  # noqa: RUF012 - never changed
        table: select(table.c.id, moment)
        .where(table.c.id >= bindparam("at_least"))
        .order_by(table.c.id)
        .limit(1)
        for table, moment in _MOMENTS.items()
    }

    def first(self, table: Table, since: datetime) -> int:
        """Tell a number from which on rows are not older, and before which all are."""
        low, high = 1, (self._value(self._LAST[table]) or 0) + 1
        while low < high:
            middle = (low + high) // 2
            row = self._run(self._NEXT[table], at_least=middle).first()
            if row is None or row[1] >= since:
                high = middle
            else:
                low = row[0] + 1
        return low
