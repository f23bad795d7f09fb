"""What accounts have used, as they may see it themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.domain import Period, Totals
from bot.storage.allowances import EVERYBODY
from bot.storage.engine import Store


@dataclass(frozen=True, slots=True)
class UsageService:
    """Reads the counters that the ledger keeps."""

    store: Store
    clock: Callable[[], datetime]

    async def of(self, account_id: int) -> dict[Period, Totals]:
        """Tell an account's usage today, this month (UTC) and in all."""
        return await self.store.read(lambda tx: tx.ledger.totals(account_id, self.clock()))

    async def in_chat(self, chat_id: int, account_id: int) -> tuple[int, int]:
        """Tell how many pictures an account, and everybody, has asked for in a chat today (UTC)."""
        at = self.clock()
        return await self.store.read(
            lambda tx: (
                tx.allowances.used(chat_id, account_id, at),
                tx.allowances.used(chat_id, EVERYBODY, at),
            )
        )
