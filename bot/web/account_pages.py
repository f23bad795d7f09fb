"""The pages of users and chats: found by name or number, what they use, what holds for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.billing.access import Access
from bot.domain import Period, Totals
from bot.domain.administration import AdminResult, LimitName
from bot.features.admin.service import AdminService
from bot.storage.engine import Store
from bot.storage.reports import FoundAccount
from bot.storage.transaction import Transaction
from bot.web.action_pages import mentioned
from bot.web.numbers import number
from bot.web.visits import Door, Visit

ACTIONS, LARGEST = 50, 10**9
PATH = "/admin/people"


@dataclass(frozen=True, slots=True)
class AccountPages:
    """Looks at users and chats, and has the service decide about them."""

    store: Store
    access: Access
    admin: AdminService
    door: Door

    def routes(self) -> Sequence[BaseRoute]:
        guarded = self.door.guarded
        return [
            Route(PATH, guarded(self.list)),
            Route(f"{PATH}/{{account_id:number}}", guarded(self.show)),
            Route(f"{PATH}/{{account_id:number}}/{{deed}}", guarded(self.act), methods=["POST"]),
        ]

    async def list(self, visit: Visit) -> Response:
        words = visit.request.query_params.get("q", "").strip()[:100]
        month = Period.MONTH.key(self.admin.clock())
        people, used = await self.store.read(_people_used, words, month)
        rules = {one.id: self.access.rules(one.id) for one in people}
        return visit.render("people.html", people=people, words=words, rules=rules, used=used)

    async def show(self, visit: Visit) -> Response:
        account_id = visit.request.path_params["account_id"]
        at = self.admin.clock()
        (person,), totals, actions = await self.store.read(
            lambda tx: (
                tx.reports.people(str(account_id)),
                tx.ledger.totals(account_id, at),
                tx.actions.of(f"account:{account_id}", ACTIONS),
            )
        )
        names = await self.store.read(lambda tx: tx.reports.names(mentioned(actions)))
        return visit.render(
            "person.html",
            person=person,
            names=names,
            totals=[(period, totals[period]) for period in Period],
            rules=self.access.rules(account_id),
            open=self.access.open,
            is_admin=self.access.is_admin(account_id),
            may_disown=self.access.rules(account_id).owner,
            denial=self.access.denial(account_id, account_id),
            limits=self.access.limits(account_id),
            usual=self.access.usual,
            limit_names=list(LimitName),
            actions=actions,
        )

    async def act(self, visit: Visit) -> Response:
        """Ban or unban, allow or disallow, disown, set a limit, or erase what is kept."""
        account_id = visit.request.path_params["account_id"]
        actor, form = visit.actor, visit.form
        match visit.request.path_params["deed"]:
            case "ban":
                result: str = await self.admin.ban(actor, account_id, form.get("reason", ""))
            case "unban":
                result = await self.admin.unban(actor, account_id)
            case "allow":
                result = await self.admin.allow(actor, account_id)
            case "disallow":
                result = await self.admin.disallow(actor, account_id)
            case "disown":
                result = await self.admin.disown(actor, account_id)
            case "forget" if form.get("sure") == str(account_id):
                result = await self.admin.forget(actor, account_id)
            case "forget":
                result = "unsure"
            case "limit":
                result = await self._limit(visit, account_id)
            case _:
                return visit.missing()
        if result == AdminResult.REFUSED:
            result = self._refusal(visit.request.path_params["deed"], account_id)
        return visit.back(f"{PATH}/{account_id}", result)

    def _refusal(self, deed: str, account_id: int) -> str:
        if deed == "limit":
            return "wrong"
        if deed != "disown":
            return "operates"
        return "configured" if account_id in self.access.configured else "last_operator"

    async def _limit(self, visit: Visit, account_id: int) -> str:
        name, most = visit.form.get("name"), visit.form.get("most", "").strip()
        limit = number(most)
        if name not in set(LimitName) or (most and (limit is None or not 0 <= limit < LARGEST)):
            return "wrong"
        result: AdminResult = await self.admin.limit(
            visit.actor, account_id, {LimitName(name): limit}
        )
        return result


def _people_used(
    tx: Transaction, words: str, month: str
) -> tuple[list[FoundAccount], dict[int, Totals]]:
    people = tx.reports.people(words) if words else tx.reports.recent_people()
    return people, tx.reports.used([one.id for one in people], month)
