"""Presses: which button presses were executed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete
from sqlalchemy.dialects.postgresql import insert

from bot.storage.tables import PRESSES

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

_ADD = insert(PRESSES).on_conflict_do_nothing().returning(PRESSES.c.callback_id)
_PRUNE = delete(PRESSES).where(PRESSES.c.at < bindparam("moment"))


class Presses:
    """The presses that were seen, by Telegram's id of each."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def add(self, callback_id: str, at: datetime) -> bool:
        """Remember a press; False if it was seen before and must not be executed again."""
        added = await self._sql.execute(_ADD, {"callback_id": callback_id, "at": at})
        return added.first() is not None

    async def prune(self, before: datetime) -> None:
        """Forget old presses: Telegram redelivers for a day at most."""
        await self._sql.execute(_PRUNE, {"moment": before})
