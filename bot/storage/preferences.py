"""Preferences: what users, chats and topics have chosen."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, or_, select
from sqlalchemy.dialects.postgresql import insert

from bot.domain import Preferences, Scope
from bot.storage.tables import PREFERENCES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

_C = PREFERENCES.c
FIELDS = tuple(field.name for field in fields(Preferences))
MOST_LEVELS = 3  # a topic, its chat, a user

_GET = select(_C.account_id, _C.thread_id, *(_C[name] for name in FIELDS)).where(
    or_(
        *(
            and_(_C.account_id == bindparam(f"a{n}"), _C.thread_id == bindparam(f"t{n}"))
            for n in range(MOST_LEVELS)
        )
    )
)
_NEW = insert(PREFERENCES)
_SET = {
    name: _NEW.on_conflict_do_update(
        index_elements=[_C.account_id, _C.thread_id], set_={name: _NEW.excluded[name]}
    )
    for name in FIELDS
}


class PreferenceBook:
    """What was chosen on each level; one on which nothing was chosen has no row."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def get(self, account_id: int) -> Preferences:
        """Look up what an account itself has chosen."""
        (own,) = await self.levels([Scope(account_id)])
        return own

    async def levels(self, levels: Sequence[Scope]) -> list[Preferences]:
        """Look up what was chosen on each of at most three levels."""
        wanted = [*levels, *[levels[-1]] * (MOST_LEVELS - len(levels))]
        keys = {f"a{n}": level.account_id for n, level in enumerate(wanted)}
        keys |= {f"t{n}": level.thread_id for n, level in enumerate(wanted)}
        found: dict[Scope, Preferences] = {}
        for row in (await self._sql.execute(_GET, keys)).mappings():
            level = Scope(row["account_id"], row["thread_id"])
            found[level] = Preferences(**{name: row[name] for name in FIELDS})
        return [found.get(level, Preferences()) for level in levels]

    async def choose(self, level: Scope, field: str, value: str | int | None) -> None:
        """Choose a field of Preferences on a level and leave the others; None goes back."""
        key = {"account_id": level.account_id, "thread_id": level.thread_id}
        await self._sql.execute(_SET[field], key | {field: value})

    async def set_model(self, account_id: int, model: str | None) -> None:
        """Choose a model; None goes back to the default."""
        await self.choose(Scope(account_id), "model", model)

    async def set_aspect_ratio(self, account_id: int, aspect_ratio: str | None) -> None:
        """Choose the shape of pictures; None goes back to the default."""
        await self.choose(Scope(account_id), "aspect_ratio", aspect_ratio)

    async def set_size(self, account_id: int, size: str | None) -> None:
        """Choose the resolution of pictures; None goes back to the default."""
        await self.choose(Scope(account_id), "size", size)

    async def set_count(self, account_id: int, count: int | None) -> None:
        """Choose how many pictures a prompt makes; None goes back to the default."""
        await self.choose(Scope(account_id), "count", count)
