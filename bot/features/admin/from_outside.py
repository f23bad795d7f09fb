"""What the command line decides beside the bot that runs: it has to learn of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from bot.billing.access import Access
from bot.storage.engine import Store
from bot.storage.transaction import Transaction

log = structlog.get_logger(__name__)

PAUSE = 15.0  # seconds between two looks


@dataclass(frozen=True, slots=True)
class FromOutside:
    """Looks whether who operates the bot by its link still does; `disowned` is told who does not."""

    store: Store
    access: Access
    disowned: Callable[[int], None]

    async def run(self) -> None:
        while True:
            await asyncio.sleep(PAUSE)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - the loop's edge: the next round looks again
                log.warning("a look at the operators failed", error=type(error).__name__)

    async def look(self) -> None:
        users = self.access.admins - self.access.configured
        if not users:
            return
        if await self.store.read(_disowned, users):
            await self.store.write(self._learn, users)  # in turn with what this process decides

    def _learn(self, tx: Transaction, users: Iterable[int]) -> None:
        tx.decisions.take_turn()
        for user_id in _disowned(tx, users):
            log.info("operates the bot no longer, by the command line", user=user_id)
            tx.after_commit(self.access.learn, tx.decisions.of(user_id))
            tx.after_commit(self.disowned, user_id)


def _disowned(tx: Transaction, users: Iterable[int]) -> list[int]:
    return [one for one in users if not tx.decisions.of(one).owner]
