"""Who may ask, how much, and who may press whose buttons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from bot.billing.limits import Limits
from bot.config import Settings
from bot.domain import NotAdmitted
from bot.domain.administration import AccountRules, LimitName

if TYPE_CHECKING:
    from bot.storage.transaction import Transaction

MAINTENANCE = "maintenance"  # the switch


class Denial(StrEnum):
    """Why somebody may not ask."""

    STRANGER = "denied"
    BANNED = "banned"
    MAINTENANCE = "maintenance"  # nobody may


@dataclass(slots=True)
class Access:
    """The rules of access; an account is a user, or a chat where no user stands behind a message.

    `configured` and `allowed` are of the settings. What operators decide while the bot runs is in
    the database, and here at hand: `learn` is called with it at the start and after each change.
    """

    open: bool
    configured: frozenset[int]
    allowed: frozenset[int]
    usual: Limits
    maintenance: bool = False
    _rules: dict[int, AccountRules] = field(default_factory=dict)
    _limits: dict[int, Limits] = field(default_factory=dict)
    _owners: frozenset[int] = frozenset()
    _barred: dict[int | None, AccountRules] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        limits = Limits(
            day=settings.user_images_per_day,
            month=settings.user_images_per_month,
            concurrency=settings.user_concurrency,
            calls=settings.user_calls_per_day,
            queue=settings.user_queue,
        )
        return cls(settings.access == "open", settings.admin_ids, settings.allowed_ids, limits)

    @property
    def admins(self) -> frozenset[int]:
        """The operators: those in ADMIN_IDS, and who was made one since."""
        return self.configured | self._owners

    def is_admin(self, user_id: int) -> bool:
        return user_id in self.configured or user_id in self._owners

    def denial(self, account_id: int, chat_id: int, *, as_chat: int | None = None) -> Denial | None:
        """Tell why an account may not ask in a chat; None if it may. Judged nowhere else.

        `as_chat` is the channel as which somebody speaks, whose account is that of all who do so.
        """
        if self.maintenance or None in self._barred:
            return Denial.MAINTENANCE
        if self.is_admin(account_id):
            return None
        ids = (account_id, chat_id, *([as_chat] if as_chat else []))
        if self._ban(*ids):
            return Denial.BANNED
        known = self.open or self.is_admin(chat_id) or any(map(self._is_allowed, ids))
        return None if known else Denial.STRANGER

    def admits(self, account_id: int, chat_id: int, *, as_chat: int | None = None) -> bool:
        return self.denial(account_id, chat_id, as_chat=as_chat) is None

    def closed(self, account_id: int, chat_id: int) -> Denial | None:
        """Tell whether an account is banned, or maintenance is on; from any thread.

        Not whether it is known, which the channel as which somebody speaks decides, too.
        """
        denial = self.denial(account_id, chat_id)
        return None if denial is Denial.STRANGER else denial

    def judge(self, tx: Transaction, account_id: int, chat_id: int) -> Limits:
        """Tell an account's limits, in the transaction that accepts; NotAdmitted where it is `closed`.

        Where there are other processes it is read what they have decided, behind the turn that a
        ban takes: this one may not have heard of it.
        """
        decided = self
        if tx.has_others:
            tx.jobs.take_turn(account_id)
            rules = tx.decisions.of_each({account_id, chat_id})
            decided = Access(self.open, self.configured, self.allowed, self.usual)
            decided.load(rules, {MAINTENANCE: tx.decisions.is_on(MAINTENANCE)})
        if denial := decided.closed(account_id, chat_id):
            raise NotAdmitted(denial, account_id, chat_id)
        return decided.limits(account_id)

    @contextmanager
    def barring(self, rules: AccountRules | None) -> Iterator[None]:
        """Have a ban, or by None maintenance, hold while it is being committed.

        `learn` follows the commit a moment later, in which a prompt would be accepted that nobody
        cancels any more.
        """
        account_id = rules.account_id if rules else None
        self._barred[account_id] = rules or AccountRules(0)
        try:
            yield
        finally:
            self._barred.pop(account_id, None)

    def ban_reason(self, account_id: int, chat_id: int, *, as_chat: int | None = None) -> str:
        """Tell an operator's words about a ban; empty where he gave none."""
        ban = self._ban(account_id, chat_id, as_chat or account_id)
        return ban.ban_reason if ban else ""

    def may_act_for(self, user_id: int, account_id: int) -> bool:
        return user_id == account_id or self.is_admin(user_id)

    def limits(self, account_id: int) -> Limits:
        """Tell what an account may do: what holds for all, but for what was decided about it."""
        return self._limits.get(account_id, self.usual)

    def rules(self, account_id: int) -> AccountRules:
        return self._rules.get(account_id) or AccountRules(account_id)

    def load(self, rules: Iterable[AccountRules], switches: Mapping[str, bool]) -> None:
        """Know all that was decided, and forget what was known before."""
        self._rules.clear()
        self._limits.clear()
        self.maintenance = switches.get(MAINTENANCE, False)
        for one in rules:
            self.learn(one)

    def learn(self, rules: AccountRules) -> None:
        account_id = rules.account_id
        self._rules[account_id] = rules
        own = {name: getattr(rules, name) for name in LimitName}
        own = {name: limit for name, limit in own.items() if limit is not None}
        self._limits[account_id] = replace(self.usual, **own)
        self._owners = frozenset(one.account_id for one in self._rules.values() if one.owner)

    def _ban(self, *ids: int) -> AccountRules | None:
        for one in ids:
            rules = self._barred.get(one) or self._rules.get(one)
            if rules and rules.banned_at:
                return rules
        return None

    def _is_allowed(self, account_id: int) -> bool:
        rules = self._rules.get(account_id)
        if rules is None or rules.allowed is None:
            return account_id in self.allowed
        return rules.allowed
