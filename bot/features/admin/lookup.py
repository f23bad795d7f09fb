"""What operators look up: people, jobs and the whole bot's numbers. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.billing.access import Access
from bot.billing.limits import Limits
from bot.domain import Job, Period, Totals
from bot.domain.administration import AccountRules
from bot.features.admin.daily_figures import DailyFigures, DayFigures
from bot.storage.engine import Store
from bot.storage.export import Person
from bot.storage.transaction import Transaction


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
    """The bot in numbers: now, and by days (UTC) up to today, of which none is left out."""

    running: int
    waiting: int
    waits_since: datetime | None
    days: Sequence[DayFigures]


@dataclass(frozen=True, slots=True)
class AdminLookup:
    """Reads for operators."""

    store: Store
    access: Access
    figures: DailyFigures
    clock: Callable[[], datetime]

    async def find(self, word: str) -> int | None:
        """Find an account by its number or @name; None where nobody has that @name."""
        digits = word.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) < 19:  # noqa: PLR2004 - int64
            return int(word)
        name = word.removeprefix("@")
        return await self.store.read(lambda tx: tx.people.named(name)) if name else None

    async def called(self, words: str) -> dict[int, str]:
        """Find users and chats by a part of their names; tells name, @name and number of each."""
        found = await self.store.read(lambda tx: tx.reports.people(words))
        named = ((one, one.username and f"@{one.username}") for one in found)
        return {one.id: " ".join(filter(None, (one.name, at, str(one.id)))) for one, at in named}

    async def names(self, ids: Iterable[int]) -> dict[int, str]:
        """Tell how accounts are called, such as `Bob (1002)`; the number alone of who is not known."""
        known = list(dict.fromkeys(ids))
        found = await self.store.read(lambda tx: tx.reports.accounts(known))
        return {one.id: f"{one.name} ({one.id})" if one.name else str(one.id) for one in found}

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
        """Count days that are over and were not yet: for the first time, that takes a while."""
        await self.figures.keep()
        days = await self.figures.latest()
        counts, waits_since = await self.store.read(
            lambda tx: (tx.jobs.counts(), tx.statistics.waits_since())
        )
        return BotStatistics(*counts, waits_since, days)
