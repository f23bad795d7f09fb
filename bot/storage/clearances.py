"""Clearances: messages that an erasure has to take out of the storage chat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, bindparam, case, delete, func, select, update

from bot.domain import PendingDeletion, Undeletable
from bot.storage.tables import CLEARANCES

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_C = CLEARANCES.c
_OPEN: ColumnElement[bool] = _C.refused.is_(False)
_THIS = (_C.chat_id == bindparam("of_chat")) & (_C.message_id == bindparam("of_message"))
_WAITING = (
    select(_C.chat_id, _C.message_id, _C.at)
    .where(_OPEN)
    .order_by(_C.at, _C.chat_id, _C.message_id)
    .limit(bindparam("at_most"))
)
_DONE = delete(CLEARANCES).where(_THIS)
_REFUSED = update(CLEARANCES).where(_THIS).values(refused=True)
_LEFT = (
    select(_C.account_id, func.min(_C.locale).label("locale"), func.count().label("messages"))
    .group_by(_C.account_id)
    .having(func.sum(case((_OPEN, 1), else_=0)) == 0)
)
_TOLD = delete(CLEARANCES).where(_C.account_id == bindparam("of_account"), _C.refused.is_(True))


class Clearances:
    """What is still to be taken out; empty but after an erasure."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def waiting(self, limit: int) -> list[PendingDeletion]:
        """List the oldest messages that nobody has tried to take out."""
        rows = await self._sql.execute(_WAITING, {"at_most": limit})
        return [PendingDeletion(*row) for row in rows]

    async def done(self, clearance: PendingDeletion) -> None:
        """Forget a message that is gone."""
        await self._sql.execute(_DONE, _key(clearance))

    async def refused(self, clearance: PendingDeletion) -> None:
        """Note that a message stays."""
        await self._sql.execute(_REFUSED, _key(clearance))

    async def left(self) -> list[Undeletable]:
        """Count what stays, of each account of which everything was tried."""
        return [Undeletable(*row) for row in await self._sql.execute(_LEFT)]

    async def told(self, account_id: int) -> None:
        """Forget what stays of an account: it was told."""
        await self._sql.execute(_TOLD, {"of_account": account_id})


def _key(clearance: PendingDeletion) -> dict[str, int]:
    return {"of_chat": clearance.chat_id, "of_message": clearance.message_id}
