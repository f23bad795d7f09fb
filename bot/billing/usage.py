"""What accounts have used, as they may see it themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.domain import Period, Totals
from bot.storage.engine import Store


@dataclass(frozen=True, slots=True)
class UsageService:
    """Reads the counters that the ledger keeps."""

    store: Store
    clock: Callable[[], datetime]

    async def of(self, account_id: int) -> dict[Period, Totals]:
        """Tell an account's usage today, this month (UTC) and in all."""
        return await self.store.read(lambda tx: tx.ledger.totals(account_id, self.clock()))
