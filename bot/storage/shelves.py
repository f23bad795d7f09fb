"""Shelves: an account's pictures that have arrived, walked through one by one, in order.

All of them or those of one chat, by an index that ends in the pictures' ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from bot.domain import Picture
from bot.storage.tables import PICTURES

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncConnection

_C = PICTURES.c
_OWN = select(PICTURES).where(
    _C.account_id == bindparam("of_account"), _C.file_id.is_not(None), ~_C.deleted
)
_OLDER = _OWN.where(_C.id < bindparam("anchor")).order_by(_C.id.desc()).limit(1)
_NEWER = _OWN.where(_C.id > bindparam("anchor")).order_by(_C.id).limit(1)
_OLDER_HERE = _OLDER.where(_C.chat_id == bindparam("of_chat"))
_NEWER_HERE = _NEWER.where(_C.chat_id == bindparam("of_chat"))


class Shelves:
    """Each account's pictures; with a chat, those that were made there."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def older(self, account_id: int, chat_id: int | None, than: int) -> Picture | None:
        """Find the newest picture that is older than the one with the id `than`."""
        return await self._next(_OLDER, _OLDER_HERE, account_id, chat_id, than)

    async def newer(self, account_id: int, chat_id: int | None, than: int) -> Picture | None:
        """Find the oldest picture that is newer than the one with the id `than`."""
        return await self._next(_NEWER, _NEWER_HERE, account_id, chat_id, than)

    async def _next(
        self,
        everywhere: Select[tuple[object, ...]],
        here: Select[tuple[object, ...]],
        account_id: int,
        chat_id: int | None,
        anchor: int,
    ) -> Picture | None:
        asked = {"of_account": account_id, "anchor": anchor}
        if chat_id is None:
            rows = await self._sql.execute(everywhere, asked)
        else:
            rows = await self._sql.execute(here, {**asked, "of_chat": chat_id})
        row = rows.mappings().first()
        return None if row is None else Picture(**row)
