"""Published: what Telegram was last told of the bot itself, by digests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from bot.storage.tables import PUBLISHED

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_C = PUBLISHED.c
_NEW = insert(PUBLISHED)
_SET = _NEW.on_conflict_do_update(index_elements=[_C.what], set_={"digest": _NEW.excluded.digest})
_ALL = select(_C.what, _C.digest).where(_C.what.like(bindparam("beginning")))


class Published:
    """Commands and descriptions that were set, each under a name."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def of(self, bot_id: int) -> dict[str, str]:
        """Map the names of what a bot has published to digests."""
        rows = await self._sql.execute(_ALL, {"beginning": f"{bot_id} %"})
        return {row.what: row.digest for row in rows}

    async def set(self, what: str, digest: str) -> None:
        """Note that this was published; `what` begins with the bot's id and a space."""
        await self._sql.execute(_SET, {"what": what, "digest": digest})
