"""The page of calls whose end nobody saw: only their gateways know whether they were billed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.storage.calls import LONGEST_CALL, UnfinishedCall
from bot.storage.engine import Store
from bot.storage.transaction import Transaction
from bot.web.visits import Door, Visit

PATH = "/admin/calls"
MOST = 100


@dataclass(frozen=True, slots=True)
class CallPages:
    """Lists them; what is under way is none of them."""

    store: Store
    clock: Callable[[], datetime]
    door: Door

    def routes(self) -> Sequence[BaseRoute]:
        return [Route(PATH, self.door.guarded(self.list))]

    async def list(self, visit: Visit) -> Response:
        calls, names = await self.store.read(_lost_named, self.clock())
        return visit.render("calls.html", calls=calls, names=names, most=MOST)


def lost(tx: Transaction, at: datetime) -> list[UnfinishedCall]:
    """List the oldest of them, among the oldest calls without an end."""
    calls = tx.calls.unfinished(MOST)
    return [one for one in calls if not one.awaited or one.started_at < at - LONGEST_CALL]


def _lost_named(tx: Transaction, at: datetime) -> tuple[list[UnfinishedCall], dict[int, str]]:
    calls = lost(tx, at)
    return calls, tx.reports.names({one.account_id for one in calls})
