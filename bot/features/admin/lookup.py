"""What operators look up: people, jobs and the whole bot's numbers. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from bot.billing.access import Access
from bot.billing.limits import Limits
from bot.domain import Job, OutcomeKind, Period, Totals
from bot.domain.administration import AccountRules
from bot.storage.engine import Store
from bot.storage.export import Person
from bot.storage.statistics import DayTotals, Spent
from bot.storage.transaction import Transaction

CHART_DAYS, COMPARED_DAYS = 30, 7


@dataclass(frozen=True, slots=True)
class AccountView:
    """What is known of a user or chat; `person` is None for chats, and who never wrote."""

    account_id: int
    person: Person | None
    title: str | None
    rules: AccountRules
    limits: Limits
    admitted: bool
    totals: Mapping[Period, Totals]
    jobs: int


@dataclass(frozen=True, slots=True)
class JobsView:
    """The queue in numbers, its oldest jobs, and what failed lately, the latest first."""

    running: int
    waiting: int
    unfinished: tuple[Job, ...]
    failed: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class BotStatistics:
    """The bot in numbers: now, today (UTC), and by days up to today, of which none is left out."""

    running: int
    waiting: int
    waits_since: datetime | None
    days: tuple[DayTotals, ...]
    outcomes: Mapping[OutcomeKind, int]
    spent: tuple[Spent, ...]
    seconds: tuple[float, ...]

    @property
    def today(self) -> DayTotals:
        return self.days[-1]

    def usual(self, of: Callable[[DayTotals], int]) -> float:
        """Tell the mean of the days before today that are compared with it."""
        before = self.days[-1 - COMPARED_DAYS : -1]
        return sum(map(of, before)) / len(before) if before else 0.0

    def quantile(self, part: float) -> float | None:
        """Tell within how many seconds such a part of today's pictures came; None without any."""
        if not self.seconds:
            return None
        return self.seconds[min(int(len(self.seconds) * part), len(self.seconds) - 1)]


@dataclass(frozen=True, slots=True)
class AdminLookup:
    """Reads for operators."""

    store: Store
    access: Access
    clock: Callable[[], datetime]

    async def find(self, word: str) -> int | None:
        """Find an account by its number or @name; None where nobody has that name."""
        digits = word.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) < 19:  # noqa: PLR2004 - int64
            return int(word)
        name = word.removeprefix("@")
        return await self.store.read(lambda tx: tx.people.named(name)) if name else None

    async def account(self, account_id: int) -> AccountView:
        return await self.store.read(self._account, account_id)

    def _account(self, tx: Transaction, account_id: int) -> AccountView:
        return AccountView(
            account_id=account_id,
            person=tx.export.person(account_id),
            title=tx.people.title(account_id),
            rules=self.access.rules(account_id),
            limits=self.access.limits(account_id),
            admitted=self.access.admits(account_id, account_id),
            totals=tx.ledger.totals(account_id, self.clock()),
            jobs=len(tx.jobs.of_account(account_id, 1000)),
        )

    async def jobs(self, limit: int) -> JobsView:
        def read(tx: Transaction) -> JobsView:
            unfinished = tuple(tx.statistics.open_jobs(limit))
            return JobsView(*tx.jobs.counts(), unfinished, tuple(tx.statistics.failed_jobs(limit)))

        return await self.store.read(read)

    async def statistics(self) -> BotStatistics:
        return await self.store.read(self._statistics)

    def _statistics(self, tx: Transaction) -> BotStatistics:
        today = self.clock().astimezone(UTC).date()
        midnight = datetime.combine(today, time(), UTC)
        running, waiting = tx.jobs.counts()
        first = today - timedelta(days=CHART_DAYS - 1)
        known = {one.day: one for one in tx.statistics.days(midnight - (today - first))}
        names = [(first + timedelta(days=n)).isoformat() for n in range(CHART_DAYS)]
        return BotStatistics(
            running=running,
            waiting=waiting,
            waits_since=tx.statistics.waits_since(),
            days=tuple(known.get(day) or DayTotals(day, 0, 0, 0) for day in names),
            outcomes=tx.statistics.outcomes(midnight),
            spent=tuple(tx.statistics.spent(midnight)),
            seconds=tuple(tx.statistics.seconds(midnight)),
        )
