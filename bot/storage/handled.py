"""Handled: what was done once and must not be done again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from bot.storage.tables import HANDLED

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

_ADD = insert(HANDLED).on_conflict_do_nothing().returning(HANDLED.c.key)
_HAS = select(HANDLED.c.key).where(HANDLED.c.key == bindparam("of_key"))
_PRUNE = delete(HANDLED).where(HANDLED.c.at < bindparam("moment"))


class Handled:
    """The presses, questions and pings that were dealt with, by a key of each."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def add(self, key: str, at: datetime) -> bool:
        """Remember that this is done; False if it was before and must not be done again."""
        added = await self._sql.execute(_ADD, {"key": key, "at": at})
        return added.first() is not None

    async def has(self, key: str) -> bool:
        """Whether this is done."""
        return (await self._sql.execute(_HAS, {"of_key": key})).first() is not None

    async def prune(self, before: datetime) -> None:
        """Forget what is old: Telegram redelivers for a day at most."""
        await self._sql.execute(_PRUNE, {"moment": before})
