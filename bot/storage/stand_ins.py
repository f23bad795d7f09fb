"""Stand-ins: messages that stand for a picture without being it, so that a reply finds it.

They are the question what to change, a gallery, a picture's file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from bot.domain import Picture
from bot.storage.tables import PICTURES, STAND_INS

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_C = STAND_INS.c
_NEW = insert(STAND_INS)
_PUT = _NEW.on_conflict_do_update(
    index_elements=[_C.chat_id, _C.message_id], set_={"picture_id": _NEW.excluded.picture_id}
)
_AT = (
    select(PICTURES)
    .join(STAND_INS, _C.picture_id == PICTURES.c.id)
    .where(_C.chat_id == bindparam("of_chat"), _C.message_id == bindparam("of_message"))
)


class StandIns:
    """The messages that stand for pictures, for as long as the pictures are known."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def put(self, chat_id: int, message_id: int, picture_id: int) -> None:
        """Remember which picture a message stands for, now."""
        row = {"chat_id": chat_id, "message_id": message_id, "picture_id": picture_id}
        await self._sql.execute(_PUT, row)

    async def at(self, chat_id: int, message_id: int) -> Picture | None:
        """Find the picture that a message stands for."""
        here = {"of_chat": chat_id, "of_message": message_id}
        row = (await self._sql.execute(_AT, here)).mappings().first()
        return None if row is None else Picture(**row)
