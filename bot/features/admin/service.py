"""What operators do, from Telegram, the web or the command line alike.

Each is one transaction, which leaves its row in `actions`; what the process knows of it follows the
commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Concatenate, ParamSpec, TypeVar

from bot.billing.access import MAINTENANCE, Access
from bot.domain import Job, OutcomeKind
from bot.domain.administration import (
    AccountRules,
    Action,
    AdminResult,
    AdminVerb,
    Facts,
    LimitName,
)
from bot.features.admin.once import claim
from bot.jobs.dispatch import Dispatch, Slot
from bot.jobs.options import ModelOptions
from bot.jobs.submit import Accepted, Cancelled, QueuedJob, SubmitService
from bot.storage.engine import Store
from bot.storage.erasure import Erased
from bot.storage.messages import KEPT
from bot.storage.notices import Topic
from bot.storage.transaction import Transaction

P = ParamSpec("P")
T = TypeVar("T")

MODEL = "model:"
LONGEST_REASON = 500  # characters
NOBODY = 0  # whose link it is that makes an operator
NOBODY_TOLD = 0  # no message says how far an erasure is


@dataclass(frozen=True, slots=True)
class AdminService:
    """The rules of what operators may do; `actor` is `telegram:ID`, `web:ID` or `cli:NAME`.

    `announce` tells a chat of jobs that were made for it, `explain_ended` of those that nobody
    begins, `erase` goes on with an erasure that was begun, `disowned` is told who
    operates the bot no longer, `operated` that somebody does of a bot that nobody operated.
    """

    store: Store
    access: Access
    options: ModelOptions
    submit: SubmitService
    dispatch: Dispatch
    announce: Callable[[QueuedJob], None]
    explain_ended: Callable[[Sequence[Job]], None]
    erase: Callable[[Erased], None]
    disowned: Callable[[int], None]
    operated: Callable[[], None]
    clock: Callable[[], datetime]
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    def __post_init__(self) -> None:
        self.store.notices.on(Topic.DECISIONS, lambda _: self.load())

    async def load(self) -> None:
        """Read all that was decided; before anybody is answered, and after others have decided."""
        async with self._turn:
            rules, switches, places = await self.store.read(
                lambda tx: (tx.decisions.rules(), tx.decisions.switches(), tx.decisions.places())
            )
            self.options.order[:] = [name.removeprefix(MODEL) for name in places]
            operators = self.access.admins
            self.access.load(rules, switches)
            off = {name.removeprefix(MODEL) for name, active in switches.items() if not active}
            self.options.gone.off.clear()
            self.options.gone.off.update(off - {MAINTENANCE, self.options.default.id})
        for user_id in operators - self.access.admins:
            self.disowned(user_id)
        if not operators and self.access.admins:
            self.operated()

    async def actions(self, limit: int, before_id: int | None = None) -> list[Action]:
        """List what was done, the latest first: a page of what came before one."""
        more = () if before_id is None else (before_id,)
        return await self.store.read(lambda tx: tx.actions.latest(limit, *more))

    async def ban(self, actor: str, account_id: int, reason: str) -> AdminResult:
        """Keep a user or chat from asking, and cancel what it waits for; he is told the reason."""
        return (await self.ban_counted(actor, account_id, reason))[0]

    async def ban_counted(
        self, actor: str, account_id: int, reason: str
    ) -> tuple[AdminResult, int]:
        """Do the same, and tell how many requests were cancelled."""
        if self.access.is_admin(account_id):
            return AdminResult.REFUSED, 0
        ban = AccountRules(
            account_id, banned_at=self.clock(), ban_reason=reason[:LONGEST_REASON].strip()
        )
        with self.access.barring(ban):
            return await self._decided(self._ban, actor, account_id, ban.ban_reason)

    def _ban(
        self, tx: Transaction, actor: str, account_id: int, reason: str
    ) -> tuple[AdminResult, int]:
        at = self.clock()
        tx.jobs.take_turn(account_id)  # behind what is being accepted, so that it is cancelled
        result = self._decide(
            tx, actor, AdminVerb.BAN, account_id, at, {"banned_at": at, "ban_reason": reason}
        )
        cancelled = self.submit.cancel_all_in(tx, account_id, f"ban:{account_id}:{at.isoformat()}")
        if not isinstance(cancelled, Cancelled):
            return result, 0
        if cancelled.waited:
            tx.after_commit(self.explain_ended, cancelled.waited)
        return result, cancelled.jobs + cancelled.pending

    async def unban(self, actor: str, account_id: int) -> AdminResult:
        verb = AdminVerb.UNBAN
        return await self._rule(actor, verb, account_id, banned_at=None, ban_reason="")

    async def allow(self, actor: str, account_id: int) -> AdminResult:
        """Let a user, or everybody in a chat, ask where ACCESS is a list."""
        return await self._rule(actor, AdminVerb.ALLOW, account_id, allowed=True)

    async def disallow(self, actor: str, account_id: int) -> AdminResult:
        """Take that back, also where ALLOWED_IDS says it; operators are always let in."""
        if self.access.is_admin(account_id):
            return AdminResult.REFUSED
        return await self._rule(actor, AdminVerb.DISALLOW, account_id, allowed=False)

    async def limit(
        self, actor: str, account_id: int, limits: Mapping[LimitName, int | None]
    ) -> AdminResult:
        """Set limits of one account, 0 for none; None goes back to what holds for all."""
        for name, most in limits.items():
            if most is not None and (most < 0 or (name is LimitName.CONCURRENCY and not most)):
                return AdminResult.REFUSED
        rules = {name.value: most for name, most in limits.items()}
        return await self._rule(actor, AdminVerb.LIMIT, account_id, **rules)

    async def offer(self, key: str) -> None:
        """Let whoever brings what has this hash operate the bot; what was offered before is void."""

        def offer(tx: Transaction) -> None:
            tx.logins.spend_links(NOBODY)
            tx.logins.add_link(key, NOBODY, self.clock())

        await self.store.write(offer)

    async def own_by_link(self, actor: str, user_id: int, key: str, age: timedelta) -> bool:
        """Make who brings what was offered so long ago at most an operator, beside those in ADMIN_IDS."""

        def own(tx: Transaction) -> bool:
            at = self.clock()
            if tx.logins.spend(key, at - age) != NOBODY:
                return False
            self._decide(tx, actor, AdminVerb.OWN, user_id, at, {"owner": True})
            tx.after_commit(self.operated)
            return True

        return await self._decided(own)

    async def disown(self, actor: str, user_id: int) -> AdminResult:
        """Make him an operator no longer; not who is one by ADMIN_IDS, and not the last one."""
        return await self._decided(self._disown, actor, user_id)

    def _disown(self, tx: Transaction, actor: str, user_id: int) -> AdminResult:
        configured = self.access.configured
        owners = {one.account_id for one in tx.decisions.rules() if one.owner}
        if user_id in configured or configured | owners == {user_id}:
            return AdminResult.REFUSED
        result = self._decide(tx, actor, AdminVerb.DISOWN, user_id, self.clock(), {"owner": False})
        tx.logins.log_out(user_id)
        tx.after_commit(self.disowned, user_id)
        return result

    async def maintain(self, actor: str, *, on: bool) -> AdminResult:
        """Take no new requests, or take them again; what was accepted is finished."""

        def switch(tx: Transaction) -> AdminResult:
            if not self._switch(tx, actor, AdminVerb.MAINTENANCE, MAINTENANCE, "bot", on=on):
                return AdminResult.UNCHANGED
            tx.after_commit(setattr, self.access, "maintenance", on)
            return AdminResult.DONE

        with self.access.barring(None) if on else nullcontext():
            return await self._decided(switch)

    async def switch_model(self, actor: str, model_id: str, *, on: bool) -> AdminResult:
        """Offer a model or offer it no more; what was accepted for it is drawn by it still."""
        if self.options.catalogue.get(model_id) is None:
            return AdminResult.UNKNOWN
        if not on and model_id == self.options.default.id:
            return AdminResult.REFUSED
        off, name = self.options.gone.off, f"{MODEL}{model_id}"

        def switch(tx: Transaction) -> AdminResult:
            if not self._switch(tx, actor, AdminVerb.MODEL, name, name, on=on):
                return AdminResult.UNCHANGED
            tx.after_commit(off.discard if on else off.add, model_id)
            return AdminResult.DONE

        return await self._decided(switch)

    def _switch(
        self, tx: Transaction, actor: str, verb: AdminVerb, name: str, target: str, *, on: bool
    ) -> bool:
        """Switch something; False if it stood so already."""
        if tx.decisions.switches().get(name, name != MAINTENANCE) is on:
            return False
        tx.decisions.switch(name, active=on)
        change = {"before": {"on": not on}, "after": {"on": on}}
        tx.actions.add(actor, verb, target, self.clock(), **change)
        return True

    async def place_model(self, actor: str, model_id: str, place: int | None) -> AdminResult:
        """Show a model in menus at a place, from 1, or behind "More"; with none left MENU_MODELS holds."""
        if self.options.catalogue.get(model_id) is None:
            return AdminResult.UNKNOWN
        return await self._decided(self._place_model, actor, model_id, place)

    def _place_model(
        self, tx: Transaction, actor: str, model_id: str, place: int | None
    ) -> AdminResult:
        before = [name.removeprefix(MODEL) for name in tx.decisions.places()]
        before = before or self.shown_first()
        after = [one for one in before if one != model_id]
        if place:
            after.insert(place - 1, model_id)
        if before == after:
            return AdminResult.UNCHANGED
        tx.decisions.place([f"{MODEL}{one}" for one in after])
        change = {"before": _place(before, model_id), "after": _place(after, model_id)}
        tx.actions.add(actor, AdminVerb.ORDER, f"{MODEL}{model_id}", self.clock(), **change)
        tx.after_commit(self.options.order.__setitem__, slice(None), after)
        return AdminResult.DONE

    def shown_first(self) -> list[str]:
        """Name the models that menus show first, in order, also those that are switched off."""
        options = self.options
        chosen = options.order or options.menu
        return list(chosen) or [one.id for one in options.short(options.models(), None)]

    async def retry(self, actor: str, job_id: int) -> AdminResult:
        """Draw what failed anew, once, for the same account; raises LimitReached where it has no room."""
        with self.dispatch.slot() as slot:
            return await self.store.write(self._retry, actor, job_id, slot)

    def _retry(self, tx: Transaction, actor: str, job_id: int, slot: Slot | None) -> AdminResult:
        job = tx.jobs.get(job_id)
        if job is None:
            return AdminResult.UNKNOWN
        drawn = job.outcome in (None, OutcomeKind.DRAWN)
        if job.ended_at is None or drawn or job.request.erased:
            return AdminResult.REFUSED
        if denial := self.access.closed(job.account_id, job.chat_id):
            return AdminResult(f"retry_{denial}")
        if not tx.keys.add(f"{KEPT}retry:{job_id}", self.clock()):
            return AdminResult.UNCHANGED
        made = self.submit.regenerate_in(tx, job, f"retry:{job_id}", job.message_id, 1, slot)
        if not isinstance(made, Accepted):
            return AdminResult.UNCHANGED
        (queued,) = made.jobs
        after: Facts = {"job": queued.job.id}
        self._acted(tx, actor, AdminVerb.RETRY, job, after)
        tx.after_commit(self.announce, queued)
        return AdminResult.DONE

    async def cancel(self, actor: str, job_id: int) -> AdminResult:
        """Cancel a job, unless its result came first."""

        def cancel(tx: Transaction) -> AdminResult:
            job = tx.jobs.get(job_id)
            if job is None:
                return AdminResult.UNKNOWN
            wake = tx.jobs.cancel(job_id, self.clock())
            if wake is None:
                return AdminResult.UNCHANGED
            self._acted(tx, actor, AdminVerb.CANCEL, job, {"outcome": OutcomeKind.CANCELLED.value})
            self.dispatch.interrupt_in(tx, [wake])
            return AdminResult.DONE

        return await self.store.write(cancel)

    async def refund(self, actor: str, job_id: int) -> AdminResult:
        """Give an account back what a job charged, once; what the gateway took stays counted."""
        return (await self.refund_counted(actor, job_id))[0]

    async def refund_counted(self, actor: str, job_id: int) -> tuple[AdminResult, int, int]:
        """Do the same, and tell whose the job is, and how many pictures were given back."""
        claimed = claim()

        def refund(tx: Transaction) -> tuple[AdminResult, int, int]:
            job, at = tx.jobs.get(job_id), self.clock()
            claimed(tx, at)
            if job is None:
                return AdminResult.UNKNOWN, 0, 0
            pictures = tx.ledger.refund(job_id, at)
            if not pictures:
                return AdminResult.UNCHANGED, job.account_id, 0
            if job.allowed:
                tx.allowances.give_back(job.chat_id, job.account_id, pictures, job.created_at)
            self._acted(tx, actor, AdminVerb.REFUND, job, {"pictures": pictures})
            return AdminResult.DONE, job.account_id, pictures

        return await self.store.write(refund)

    async def was_refunded(self, job_id: int) -> bool:
        story = await self.store.read(lambda tx: tx.reports.story(job_id))
        return story is not None and any(row["kind"] == "refund" for row in story.movements)

    async def forget(self, actor: str, account_id: int) -> AdminResult:
        """Begin to erase what is kept of somebody, but for its numbers, as his own /forget does."""

        def forget(tx: Transaction) -> AdminResult:
            at = self.clock()
            erased = tx.erasure.begin(account_id, at, "en", NOBODY_TOLD)
            if erased is None:
                return AdminResult.UNCHANGED
            after: Facts = {"cancelled": len(erased.wakes)}
            tx.actions.add(
                actor, AdminVerb.FORGET, f"account:{account_id}", at, before={}, after=after
            )
            self.dispatch.interrupt_in(tx, erased.wakes)
            tx.after_commit(self.erase, erased)
            tx.notify(Topic.MOVED)
            return AdminResult.DONE

        return await self.store.write(forget)

    async def _decided(
        self,
        work: Callable[Concatenate[Transaction, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Decide in turn: in the database, and what processes know of it follows in that order."""
        claimed = claim()

        def in_turn(tx: Transaction) -> T:
            tx.decisions.take_turn()
            claimed(tx, self.clock())
            tx.notify(Topic.DECISIONS)
            return work(tx, *args, **kwargs)

        async with self._turn:
            return await self.store.write(in_turn)

    async def _rule(
        self, actor: str, verb: AdminVerb, account_id: int, **rules: object
    ) -> AdminResult:
        return await self._decided(self._decide, actor, verb, account_id, self.clock(), rules)

    def _decide(
        self,
        tx: Transaction,
        actor: str,
        verb: AdminVerb,
        account_id: int,
        at: datetime,
        rules: Mapping[str, object],
    ) -> AdminResult:
        before = tx.decisions.of(account_id)
        after = tx.decisions.decide(account_id, **rules)
        if before == after:
            return AdminResult.UNCHANGED
        change = {"before": _facts(before, rules), "after": _facts(after, rules)}
        tx.actions.add(actor, verb, f"account:{account_id}", at, **change)
        tx.after_commit(self.access.learn, after)
        return AdminResult.DONE

    def _acted(self, tx: Transaction, actor: str, verb: AdminVerb, job: Job, after: Facts) -> None:
        before: Facts = {"state": job.state.value, "outcome": job.outcome and job.outcome.value}
        tx.actions.add(actor, verb, f"job:{job.id}", self.clock(), before=before, after=after)


def _place(order: Sequence[str], model_id: str) -> Facts:
    return {"place": order.index(model_id) + 1 if model_id in order else None}


def _facts(rules: AccountRules, names: Iterable[str]) -> Facts:
    """Tell some of an account's rules; moments as text."""
    found = {name: getattr(rules, name) for name in names}
    return {
        name: value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
        for name, value in found.items()
    }
