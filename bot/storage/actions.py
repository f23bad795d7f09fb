"""What operators have decided while the bot runs, and what they did, in order."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import bindparam, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from bot.domain.administration import AccountRules, Action, AdminVerb, Facts
from bot.storage.admin_tables import ACCOUNT_RULES, ACTIONS, SWITCHES
from bot.storage.repository import Repository

_R, _A, _S = ACCOUNT_RULES.c, ACTIONS.c, SWITCHES.c
_NEW_RULES, _NEW_SWITCH = upsert(ACCOUNT_RULES), upsert(SWITCHES)
_RULES = tuple(column.name for column in _R if column.name != "account_id")
_NEWEST = 2**63 - 1
_NUMBER = 7_205_890  # any, the same for all


def command_line() -> str:
    """Say who runs this process, as an actor: by the operating system's name, or his number."""
    try:
        import pwd  # noqa: PLC0415 - not on Windows

        return f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    except ImportError:  # pragma: no cover
        return f"cli:{os.environ.get('USERNAME', '?')}"
    except KeyError:  # a container's users have no names
        return f"cli:{os.getuid()}"


class Actions(Repository):
    """The actions; each is written in the transaction that does what it tells of."""

    _ADD = insert(ACTIONS)

    def add(
        self,
        actor: str,
        verb: AdminVerb,
        target: str,
        at: datetime,
        *,
        before: Facts,
        after: Facts,
    ) -> None:
        facts = {"before": before, "after": after}
        self._run(self._ADD, actor=actor, verb=verb, target=target, at=at, **facts)

    _LATEST = (
        select(ACTIONS)
        .where(_A.id < bindparam("before_id"))
        .order_by(_A.id.desc())
        .limit(bindparam("at_most"))
    )

    def latest(self, limit: int, before_id: int = _NEWEST) -> list[Action]:
        """List actions, the latest first: a page of those that came before one."""
        return self._all(Action, self._LATEST, before_id=before_id, at_most=limit)

    _OF_TARGET = (
        select(ACTIONS)
        .where(_A.target == bindparam("of_target"))
        .order_by(_A.id.desc())
        .limit(bindparam("at_most"))
    )

    def of(self, target: str, limit: int) -> list[Action]:
        """List what was done to one account, job or model, the latest first."""
        return self._all(Action, self._OF_TARGET, of_target=target, at_most=limit)

    _SINCE = (
        select(ACTIONS)
        .where(
            _A.verb == bindparam("of_verb", type_=_A.verb.type),
            _A.at > bindparam("moment", type_=_A.at.type),
        )
        .order_by(_A.id.desc())
        .limit(bindparam("at_most"))
    )

    def since(self, verb: AdminVerb, at: datetime, limit: int) -> list[Action]:
        """List what was done of one kind since then, the latest first."""
        return self._all(Action, self._SINCE, of_verb=verb, moment=at, at_most=limit)


class Decisions(Repository):
    """Rules of single accounts, and switches; the process has all of them at hand."""

    _TAKE_TURN = text(f"SELECT pg_advisory_xact_lock({_NUMBER}, hashtext(current_schema()))")

    def take_turn(self) -> None:
        """Let nobody else decide until the commit, so that what stood before is what is changed.

        SQLite has one writer.
        """
        if self._has_others:
            self._run(self._TAKE_TURN)

    _ALL = select(ACCOUNT_RULES)

    def rules(self) -> list[AccountRules]:
        return self._all(AccountRules, self._ALL)

    _OF = select(ACCOUNT_RULES).where(_R.account_id == bindparam("of_account"))

    def of(self, account_id: int) -> AccountRules:
        """Look up what was decided about an account; nothing, where it has no row."""
        found = self._one(AccountRules, self._OF, of_account=account_id)
        return found or AccountRules(account_id)

    _OF_EACH = select(ACCOUNT_RULES).where(_R.account_id.in_(bindparam("ids", expanding=True)))

    def of_each(self, account_ids: Collection[int]) -> list[AccountRules]:
        """List what was decided about these; nothing of those that have no row."""
        return self._all(AccountRules, self._OF_EACH, ids=list(account_ids))

    _DECIDE = {  # noqa: RUF012 - never changed
        name: _NEW_RULES.on_conflict_do_update(
            index_elements=[_R.account_id], set_={name: _NEW_RULES.excluded[name]}
        )
        for name in _RULES
    }

    def decide(self, account_id: int, **rules: object) -> AccountRules:
        """Set these fields of an account's rules and leave the others; tells all of them."""
        for name, value in rules.items():
            self._run(self._DECIDE[name], account_id=account_id, **{name: value})
        return self.of(account_id)

    _SWITCHES = select(_S.name, _S.active)

    def switches(self) -> dict[str, bool]:
        """Map what was ever switched to how it stands."""
        return {row.name: row.active for row in self._run(self._SWITCHES)}

    _IS_ON = select(_S.active).where(_S.name == bindparam("of_name"))

    def is_on(self, name: str) -> bool:
        """Whether something was switched on; what never was switched is not."""
        return bool(self._value(self._IS_ON, of_name=name))

    _SWITCH = _NEW_SWITCH.on_conflict_do_update(
        index_elements=[_S.name],
        set_={"active": _NEW_SWITCH.excluded.active},
    )

    def switch(self, name: str, *, active: bool) -> None:
        self._run(self._SWITCH, name=name, active=active)

    _PLACES = select(_S.name).where(_S.place.is_not(None)).order_by(_S.place)

    def places(self) -> list[str]:
        """Name what has a place, in order."""
        return [row.name for row in self._run(self._PLACES)]

    _CLEAR = update(SWITCHES).values(place=None).where(_S.place.is_not(None))
    _PLACE = _NEW_SWITCH.on_conflict_do_update(
        index_elements=[_S.name], set_={"place": _NEW_SWITCH.excluded.place}
    )

    def place(self, names: Sequence[str]) -> None:
        """Give these their places, in order, and all others none; how they are switched stays."""
        self._run(self._CLEAR)
        for number, name in enumerate(names, 1):
            self._run(self._PLACE, name=name, active=True, place=number)
