"""What the command line decides beside the bot that runs: it has to learn of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from bot.features.admin.service import AdminService
from bot.storage.transaction import Transaction

log = structlog.get_logger(__name__)

PAUSE = 15.0  # seconds between two looks


@dataclass(frozen=True, slots=True)
class FromOutside:
    """Looks whether who operates the bot by its link still does: beside a SQLite nobody tells it."""

    service: AdminService

    async def run(self) -> None:
        while True:
            await asyncio.sleep(PAUSE)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - the loop's edge: the next round looks again
                log.warning("a look at the operators failed", error=type(error).__name__)

    async def look(self) -> None:
        users = self.service.access.admins - self.service.access.configured
        if not users:
            return
        if gone := await self.service.store.read(_disowned, users):
            log.info("operate the bot no longer, by the command line", users=gone)
            await self.service.load()


def _disowned(tx: Transaction, users: Iterable[int]) -> list[int]:
    return [one for one in users if not tx.decisions.of(one).owner]
