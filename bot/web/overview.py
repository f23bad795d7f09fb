"""The overview: what is going on now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.storage.engine import Store
from bot.web.visits import Door, Visit


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """What somebody sees first."""

    store: Store
    door: Door

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/admin", self.door.guarded(self.show))]

    async def show(self, visit: Visit) -> Response:
        running, waiting = await self.store.read(lambda tx: tx.jobs.counts())
        return visit.render("overview.html", running=running, waiting=waiting)
