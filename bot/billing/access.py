"""Who may ask, and who may press whose buttons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from bot.billing.limits import Limits
from bot.config import Settings


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
            calls=settings.user_calls_per_day,
            queue=settings.user_queue,
        )
        return cls(settings.access == "open", settings.admin_ids, settings.allowed_ids, limits)

    def admits(self, account_id: int, chat_id: int) -> bool:
        known = self.admins | self.allowed
        return self.open or account_id in known or chat_id in known

    def may_act_for(self, user_id: int, account_id: int) -> bool:
        return user_id == account_id or user_id in self.admins
