"""Who may ask, how much, and who may press whose buttons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from bot.config import Settings
from bot.domain import LimitReached, Period, Totals


@dataclass(frozen=True, slots=True)
class Limits:
    """What one account may do: pictures a day and a month (0 = no limit), jobs at a time.

    `Ledger.reserve` keeps them, in the statement that counts.
    """

    day: int = 0
    month: int = 0
    concurrency: int = 2

    def check(self, totals: Mapping[Period, Totals]) -> None:
        """Raise LimitReached where not one more picture could be reserved now.

        For what comes before a job, so that nobody waits for words that cannot be drawn; it
        reserves nothing.
        """
        for period, limit in ((Period.DAY, self.day), (Period.MONTH, self.month)):
            used = totals[period]
            if limit and used.pictures + used.reserved >= limit:
                raise LimitReached(period, limit)


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of access; an account is a user, or a chat where no user stands behind a message."""

    open: bool
    admins: frozenset[int]
    allowed: frozenset[int]
    limits: Limits

    @classmethod
    def of(cls, settings: Settings) -> Self:
        limits = Limits(
            day=settings.user_images_per_day,
            month=settings.user_images_per_month,
            concurrency=settings.user_concurrency,
        )
        return cls(settings.access == "open", settings.admin_ids, settings.allowed_ids, limits)

    def admits(self, account_id: int, chat_id: int) -> bool:
        known = self.admins | self.allowed
        return self.open or account_id in known or chat_id in known

    def may_act_for(self, user_id: int, account_id: int) -> bool:
        return user_id == account_id or user_id in self.admins
