"""Allowances: how many pictures were asked for in a chat in a day, by each and by all.

One conditional statement counts for everybody and for the member at once. What was counted is
given back when a job ends without a picture: next to its release in the ledger, so once.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, case, delete, or_, select, tuple_, union_all, update
from sqlalchemy.dialects.postgresql import insert

from bot.domain import AllowanceReached, Period, account_of_admins
from bot.storage.repository import Repository
from bot.storage.tables import ALLOWANCES

_C = ALLOWANCES.c
EVERYBODY = 0  # no account has this id

_ROWS = (
    select(
        bindparam("of_chat", type_=_C.chat_id.type).label("chat_id"),
        bindparam(name, type_=_C.account_id.type).label("account_id"),
        bindparam("of_day", type_=_C.day.type).label("day"),
        bindparam("pictures", type_=_C.used.type).label("used"),
    )
    for name in ("everybody", "of_account")
)
_NEW = insert(ALLOWANCES).from_select(["chat_id", "account_id", "day", "used"], union_all(*_ROWS))
_LIMIT = case(
    (
        _NEW.excluded.account_id == bindparam("everybody", type_=_C.account_id.type),
        bindparam("limit_chat", type_=_C.used.type),
    ),
    else_=bindparam("limit_member", type_=_C.used.type),
)


class Allowances(Repository):
    """What was taken of the allowances of groups."""

    _TAKE = _NEW.on_conflict_do_update(
        index_elements=[_C.chat_id, _C.account_id, _C.day],
        set_={"used": _C.used + _NEW.excluded.used},
        where=or_(_LIMIT == 0, _C.used + _NEW.excluded.used <= _LIMIT),
    ).returning(_C.account_id)

    def take(
        self, chat_id: int, account_id: int, pictures: int, at: datetime, member: int, chat: int
    ) -> None:
        """Count pictures against a member's and the whole chat's allowance of a day; 0 is none.

        A chat that speaks for itself is no member. Raises AllowanceReached: then the caller's
        transaction must not be committed.
        """
        if account_id in (chat_id, account_of_admins(chat_id)):
            member = 0
        for everybody, limit in ((False, member), (True, chat)):
            if 0 < limit < pictures:
                raise AllowanceReached(limit, everybody=everybody)
        values = {
            "of_chat": chat_id,
            "of_account": account_id,
            "everybody": EVERYBODY,
            "of_day": Period.DAY.key(at),
            "pictures": pictures,
            "limit_member": member,
            "limit_chat": chat,
        }
        enough = set(self._run(self._TAKE, **values).scalars())
        if account_id not in enough:
            raise AllowanceReached(member, everybody=False)
        if EVERYBODY not in enough:
            raise AllowanceReached(chat, everybody=True)

    _USED = select(_C.used).where(
        _C.chat_id == bindparam("of_chat"),
        _C.account_id == bindparam("whose"),
        _C.day == bindparam("of_day"),
    )

    def used(self, chat_id: int, account_id: int, at: datetime) -> int:
        """Tell how many pictures a member, or EVERYBODY, has asked for in a chat on a day."""
        given = {"of_chat": chat_id, "whose": account_id, "of_day": Period.DAY.key(at)}
        return self._value(self._USED, **given) or 0

    _GIVE_BACK = (
        update(ALLOWANCES)
        .where(
            _C.chat_id == bindparam("of_chat"),
            _C.account_id == bindparam("whose"),
            _C.day == bindparam("of_day"),
            _C.used >= bindparam("pictures"),  # what an older version accepted was not counted
        )
        .values(used=_C.used - bindparam("pictures"))
    )

    def give_back(self, chat_id: int, account_id: int, pictures: int, at: datetime) -> None:
        """Take pictures off the counts of the day in which they were asked for."""
        taken = {"of_chat": chat_id, "of_day": Period.DAY.key(at), "pictures": pictures}
        whose = (EVERYBODY, account_id)  # the order in which `take` locks them
        self._sql.execute(self._GIVE_BACK, [taken | {"whose": one} for one in whose])

    # The table is read whole: it has a week's counts, of groups whose administrators limit them.
    _PRUNE = delete(ALLOWANCES).where(
        tuple_(*ALLOWANCES.primary_key).in_(
            select(*ALLOWANCES.primary_key)
            .where(_C.day < bindparam("first_day"))
            .limit(bindparam("at_most"))
        )
    )

    def prune(self, before: datetime, limit: int) -> int:
        """Delete `limit` counts of old days; tells how many."""
        return self._run(self._PRUNE, first_day=Period.DAY.key(before), at_most=limit).rowcount
