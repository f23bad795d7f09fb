"""The operators: whom to tell what keeps everybody from getting pictures, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain import OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.storage.engine import Store

# What lasts until an operator does something about it.
LASTING = frozenset({OutcomeKind.OUT_OF_MONEY, OutcomeKind.BAD_KEY, OutcomeKind.NO_ROOM})
PERIOD = timedelta(hours=6)  # of the day; in each they are told once of each kind


@dataclass(frozen=True, slots=True)
class Operators:
    """Those who run the bot: the users in ADMIN_IDS."""

    ids: frozenset[int]
    store: Store
    clock: Callable[[], datetime]

    async def to_tell(self, kind: OutcomeKind) -> dict[int, str | None]:
        """Name who must hear of a job's end, with his Telegram's language; from now on he has."""
        if kind not in LASTING or not self.ids:
            return {}
        at = self.clock()
        key = f"alarm:{kind}:{int(at.timestamp() // PERIOD.total_seconds())}"
        async with self.store.transaction() as tx:
            if not await tx.handled.add(key, at):
                return {}
            return {one: await tx.people.language(one) for one in sorted(self.ids)}
