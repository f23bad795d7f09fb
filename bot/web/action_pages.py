"""The page of actions: who did what, from the web, Telegram or the command line alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.domain.administration import Action
from bot.features.admin.service import AdminService
from bot.web.visits import Door, Visit

PAGE = 100


@dataclass(frozen=True, slots=True)
class ActionPages:
    """Lists them, the latest first."""

    admin: AdminService
    door: Door

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/admin/actions", self.door.guarded(self.list))]

    async def list(self, visit: Visit) -> Response:
        actions = await self.admin.actions(PAGE, visit.before)
        older = actions[-1].id if len(actions) == PAGE else None
        names = await self.admin.store.read(lambda tx: tx.reports.names(mentioned(actions)))
        return visit.render("actions.html", actions=actions, names=names, older=older)


def mentioned(actions: Sequence[Action]) -> set[int]:
    """Tell whose numbers stand in some actions: of who did something, and of whom it was done to."""
    parties = (party for one in actions for party in (one.actor, one.target))
    split = (party.partition(":") for party in parties)
    return {int(number) for kind, _, number in split if kind in {"telegram", "web", "account"}}
