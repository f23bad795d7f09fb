"""Preferences: what an account has chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from bot.domain import Preferences
from bot.storage.tables import PREFERENCES

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert
    from sqlalchemy.ext.asyncio import AsyncConnection

_C = PREFERENCES.c
_GET = select(_C.model, _C.aspect_ratio, _C.size, _C.count).where(
    _C.account_id == bindparam("of_account")
)
_NEW = insert(PREFERENCES)


def _setting(name: str) -> Insert:
    """Write one choice and leave the others."""
    return _NEW.on_conflict_do_update(
        index_elements=[_C.account_id], set_={name: _NEW.excluded[name]}
    )


_SET_MODEL, _SET_ASPECT_RATIO = _setting("model"), _setting("aspect_ratio")
_SET_SIZE, _SET_COUNT = _setting("size"), _setting("count")


class PreferenceBook:
    """What accounts have chosen; one that has chosen nothing has no row."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def get(self, account_id: int) -> Preferences:
        """Look up an account's choices."""
        row = (await self._sql.execute(_GET, {"of_account": account_id})).mappings().first()
        return Preferences() if row is None else Preferences(**row)

    async def set_model(self, account_id: int, model: str | None) -> None:
        """Choose a model; None goes back to the default."""
        await self._sql.execute(_SET_MODEL, {"account_id": account_id, "model": model})

    async def set_aspect_ratio(self, account_id: int, aspect_ratio: str | None) -> None:
        """Choose the shape of pictures; None goes back to the default."""
        chosen = {"account_id": account_id, "aspect_ratio": aspect_ratio}
        await self._sql.execute(_SET_ASPECT_RATIO, chosen)

    async def set_size(self, account_id: int, size: str | None) -> None:
        """Choose the resolution of pictures; None goes back to the default."""
        await self._sql.execute(_SET_SIZE, {"account_id": account_id, "size": size})

    async def set_count(self, account_id: int, count: int | None) -> None:
        """Choose how many pictures a prompt makes; None goes back to the default."""
        await self._sql.execute(_SET_COUNT, {"account_id": account_id, "count": count})
