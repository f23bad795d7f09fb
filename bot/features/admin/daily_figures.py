"""Daily figures: days that are over are counted once and kept, the current one is counted anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

import structlog

from bot.domain import BotError, OutcomeKind, Period
from bot.storage.engine import Store
from bot.storage.transaction import Transaction

log = structlog.get_logger(__name__)

DAYS, COMPARED = 30, 7  # that are shown; before today, that it is compared with
SETTLED = timedelta(hours=2)  # after its end a day's jobs have ended, too
RESTED = 20  # times what counting took: for so long what was counted of the current day is shown
NO_FAILURE = (OutcomeKind.DRAWN, OutcomeKind.CANCELLED)
PAUSE = 600.0  # seconds between two looks whether a day has ended


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One day: `names` as in bot/storage/figures.py; what is not among them is nothing."""

    day: datetime
    figures: Mapping[str, int]

    def __getitem__(self, name: str) -> int:
        return self.figures.get(name, 0)

    def each(self, kind: str) -> dict[str, int]:
        """Give the figures that begin so, such as `cost:`, by what follows."""
        found = self.figures.items()
        return {name.removeprefix(kind): n for name, n in found if name.startswith(kind)}

    @property
    def failed(self) -> int:
        return sum(n for kind, n in self.each("outcome:").items() if kind not in NO_FAILURE)


def differences(days: Sequence[DayFigures]) -> int:
    """Tell what the latest audit has found; 0 where there was none, either."""
    audits = [day["differences"] for day in days if "differences" in day.figures]
    return audits[-1] if audits else 0


def usual(days: Sequence[DayFigures], of: Callable[[DayFigures], int]) -> float:
    """Tell the mean of the days before the last one that it is compared with."""
    before = days[-1 - COMPARED : -1]
    return sum(map(of, before)) / len(before)


@dataclass(slots=True)
class DailyFigures:
    """The last thirty days, today last."""

    store: Store
    clock: Callable[[], datetime]
    _current: dict[str, tuple[float, dict[str, int]]] = field(default_factory=dict)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep what days come to as they end, as long as the block lasts."""
        keeping = asyncio.create_task(self._run(), name="figures")
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])

    async def _run(self) -> None:
        while True:
            try:
                await self.keep()
            except BotError as error:
                log.warning("figures were not kept", error=type(error).__name__)
            await asyncio.sleep(PAUSE)

    async def keep(self) -> None:
        """Count the days that are over and were not counted; each in a transaction of its own."""
        days, kept = await self._kept()
        for day in days:
            known = kept.get(Period.DAY.key(day), {})  # perhaps only what the audit found
            if "jobs" not in known and self._is_over(day):
                figures = await self.store.read(_count, day)
                await self.store.write(_keep, day, figures)

    async def latest(self) -> Sequence[DayFigures]:
        """List the days in order; one that is over and not counted yet shows nothing."""
        days, kept = await self._kept()
        for day in days:
            if not self._is_over(day):
                key = Period.DAY.key(day)
                kept[key] = kept.get(key, {}) | await self._counted(day)
        return [DayFigures(day, kept.get(Period.DAY.key(day), {})) for day in days]

    def forget(self) -> None:
        """Count the current day anew when it is asked for next."""
        self._current.clear()

    async def _kept(self) -> tuple[list[datetime], dict[str, dict[str, int]]]:
        today = self.clock().replace(hour=0, minute=0, second=0, microsecond=0)
        days = [today - timedelta(days=n) for n in reversed(range(DAYS))]
        first = Period.DAY.key(days[0])
        return days, await self.store.read(lambda tx: tx.reports.kept(first))

    def _is_over(self, day: datetime) -> bool:
        return self.clock() >= day + timedelta(days=1) + SETTLED

    async def _counted(self, day: datetime) -> dict[str, int]:
        key, begun = Period.DAY.key(day), monotonic()
        until, figures = self._current.get(key, (0.0, {}))
        if begun >= until:
            figures = await self.store.read(_count, day)
            until = monotonic() + RESTED * (monotonic() - begun)
            self._current = dict([*self._current.items(), (key, (until, figures))][-2:])
        return figures


def _count(tx: Transaction, day: datetime) -> dict[str, int]:
    return tx.reports.figures(day, day + timedelta(days=1))


def _keep(tx: Transaction, day: datetime, figures: dict[str, int]) -> None:
    tx.reports.keep(Period.DAY.key(day), figures)
