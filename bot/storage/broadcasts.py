"""Broadcasts: one message of an operator's to many private chats, to each at most once.

Who comes next is found by the cursor, which is moved and committed before he is written to: whatever
ends the bot meanwhile, nobody is written to twice.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, insert, or_, select, update

from bot.domain.administration import Audience, Broadcast, BroadcastState
from bot.storage.admin_tables import ACCOUNT_RULES, BROADCASTS
from bot.storage.repository import Repository
from bot.storage.tables import CHATS, USERS

_B, _U, _H = BROADCASTS.c, USERS.c, CHATS.c
_THIS = _B.id == bindparam("of_broadcast")
_SPOKEN: ColumnElement[str] = func.lower(_U.language)
_WANTED = bindparam("spoken", type_=_U.language.type)
# Whom the bot knows in private, was not banned, and is wanted.
_PEOPLE = (
    select(_H.id)
    .outerjoin_from(CHATS, USERS, _U.id == _H.id)
    .where(
        _H.id > bindparam("after"),
        _H.kind == "private",
        _H.first_seen <= bindparam("known_by", type_=_H.first_seen.type),
        _H.last_seen >= bindparam("seen_since", type_=_H.last_seen.type),
        or_(_WANTED == "", _SPOKEN == _WANTED, _SPOKEN.like(_WANTED + "-%")),
        ~exists().where(
            and_(ACCOUNT_RULES.c.account_id == _H.id, ACCOUNT_RULES.c.banned_at.is_not(None))
        ),
    )
)


class Broadcasts(Repository):
    """The broadcasts; a step that finds one elsewhere changes nothing and returns None or False."""

    _ADD = insert(BROADCASTS).returning(_B.id)

    def add(
        self,
        chat_id: int,
        text: str,
        audience: Audience,
        at: datetime,
        entities: str = "[]",
        photo: str | None = None,
    ) -> int:
        """Keep a draft of an operator's, whose chat hears how it goes; tells its number."""
        row: dict[str, Any] = {
            "chat_id": chat_id,
            "text": text,
            "entities": entities,
            "photo": photo,
            "seen_since": audience.seen_since,
            "language": audience.language,
            "state": BroadcastState.DRAFT,
            "at": at,
        }
        zeros = dict.fromkeys(("last_chat_id", "total", "tried", "sent", "failed"), 0)
        return int(self._value(self._ADD, told=False, **row, **zeros))

    _GET = select(BROADCASTS).where(_THIS)

    def get(self, broadcast_id: int) -> Broadcast | None:
        return self._one(Broadcast, self._GET, of_broadcast=broadcast_id)

    _COUNT = select(func.count()).select_from(_PEOPLE.subquery())

    def count(self, audience: Audience, at: datetime) -> int:
        return int(self._value(self._COUNT, **_asked(audience, at)))

    _START = (
        update(BROADCASTS)
        .where(_THIS, _B.state == BroadcastState.DRAFT)
        .values(
            state=BroadcastState.RUNNING,
            message_id=bindparam("message"),
            total=bindparam("people"),
            at=bindparam("moment"),
        )
        .returning(_B.id)
    )

    def start(self, broadcast_id: int, message_id: int, people: int, at: datetime) -> bool:
        """Begin; `message_id` is the message that tells how it goes. False if it was before."""
        facts = {"message": message_id, "people": people, "moment": at}
        return self._any(self._START, of_broadcast=broadcast_id, **facts)

    _CANCEL = (
        update(BROADCASTS)
        .where(_THIS, _B.state.in_([BroadcastState.DRAFT, BroadcastState.RUNNING]))
        .values(state=BroadcastState.CANCELLED)
        .returning(_B.id)
    )

    def cancel(self, broadcast_id: int) -> bool:
        return self._any(self._CANCEL, of_broadcast=broadcast_id)

    _OPEN = (
        select(BROADCASTS)
        .where(_B.told.is_(False), _B.message_id.is_not(None))
        .order_by(_B.id)
        .limit(bindparam("at_most"))
    )

    def open(self, limit: int = 100) -> list[Broadcast]:
        """List those that were begun, and of whose end their operator has not heard."""
        return self._all(Broadcast, self._OPEN, at_most=limit)

    _NEXT = _PEOPLE.order_by(_H.id).limit(1)
    _MOVE = (
        update(BROADCASTS)
        .where(_THIS, _B.state == BroadcastState.RUNNING, _B.last_chat_id == bindparam("after"))
        .values(last_chat_id=bindparam("chat"), tried=_B.tried + 1)
        .returning(_B.id)
    )
    _FINISH = (
        update(BROADCASTS)
        .where(_THIS, _B.state == BroadcastState.RUNNING)
        .values(state=BroadcastState.FINISHED)
    )

    def next(self, broadcast: Broadcast) -> int | None:
        """Tell the chat that is next, once; None where it was cancelled, or all were tried.

        And where another one has moved on since `broadcast` was read: then it is still running. From
        now on the chat has been tried, whether or not anybody writes to it.
        """
        audience = Audience(broadcast.seen_since, broadcast.language)
        asked = _asked(audience, broadcast.at) | {"after": broadcast.last_chat_id}
        chat_id: int | None = self._value(self._NEXT, **asked)
        this = {"of_broadcast": broadcast.id}
        if chat_id is None:
            self._run(self._FINISH, **this)
            return None
        moved = self._any(self._MOVE, **this, after=broadcast.last_chat_id, chat=chat_id)
        return chat_id if moved else None

    _RESULT = (
        update(BROADCASTS)
        .where(_THIS)
        .values(sent=_B.sent + bindparam("arrived"), failed=_B.failed + bindparam("refused"))
    )

    def result(self, broadcast_id: int, *, sent: bool) -> None:
        counts = {"arrived": int(sent), "refused": int(not sent)}
        self._run(self._RESULT, of_broadcast=broadcast_id, **counts)

    _TOLD = update(BROADCASTS).where(_THIS, _B.state != BroadcastState.RUNNING).values(told=True)

    def told(self, broadcast_id: int) -> None:
        """Note that its operator has heard of the end; what is running has none."""
        self._run(self._TOLD, of_broadcast=broadcast_id)


def _asked(audience: Audience, at: datetime) -> dict[str, Any]:
    since, spoken = audience.seen_since, audience.language.lower()
    return {"after": 0, "known_by": at, "seen_since": since, "spoken": spoken}
