"""How much an account may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain import CallsReached, LimitReached, Period, QueueFull, Totals


@dataclass(frozen=True, slots=True)
class Limits:
    """What one account may do: pictures a day and a month, calls a day (0 = no limit), jobs at a time.

    `Ledger.reserve` keeps them, in the statement that counts. `queue` jobs may wait (0 = any number).
    """

    day: int = 0
    month: int = 0
    concurrency: int = 2
    calls: int = 0
    queue: int = 0

    def check(self, totals: Mapping[Period, Totals], waiting: int) -> None:
        """Raise LimitReached where not one more picture could be reserved now, beside `waiting` jobs.

        For what comes before a job, so that nobody waits for words that cannot be drawn; it
        reserves nothing.
        """
        for period, limit in ((Period.DAY, self.day), (Period.MONTH, self.month)):
            used = totals[period]
            if limit and used.pictures + used.reserved >= limit:
                raise LimitReached(period, limit)
        today = totals[Period.DAY]
        if self.calls and today.calls + today.reserved >= self.calls:
            raise CallsReached(self.calls)
        self.check_queue(waiting + 1)

    def check_queue(self, waiting: int) -> None:
        """Raise QueueFull where so many jobs may not wait."""
        if self.queue and waiting > self.queue:
            raise QueueFull(self.queue)
