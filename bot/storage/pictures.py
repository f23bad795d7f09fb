"""Pictures: what was drawn, and where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, exists, insert, select, update

from bot.domain import Picture
from bot.storage.one_trip import UNREAD
from bot.storage.tables import JOBS, PICTURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

_C = PICTURES.c
_THIS = _C.id == bindparam("picture_id")
_HERE = (_C.chat_id == bindparam("of_chat")) & (_C.message_id == bindparam("of_message"))

_ADD = insert(PICTURES).execution_options(**{UNREAD: True})
_OF_JOB = select(PICTURES).where(_C.job_id == bindparam("of_job")).order_by(_C.position)
_GET = select(PICTURES).where(_THIS)
_AT = select(PICTURES).where(_HERE).order_by(_C.id.desc()).limit(1)
_UNDELIVERED = (
    select(_C.id)
    .where(_C.sha256 == bindparam("of_sha256"))
    .where(exists().where(JOBS.c.id == _C.job_id, JOBS.c.ended_at.is_(None)).correlate(PICTURES))
    .limit(1)
)
_PLACE = (
    update(PICTURES)
    .where(_THIS)
    .values(chat_id=bindparam("chat"), message_id=bindparam("message"))
    .execution_options(**{UNREAD: True})
)
_DELETE = update(PICTURES).where(_HERE).values(message_id=None, deleted=True)
_UNPLACE = update(PICTURES).where(_HERE).values(message_id=None)
_DELIVERED = (
    update(PICTURES)
    .where(_THIS)
    .values(file_id=bindparam("file"))
    .execution_options(**{UNREAD: True})
)
_ORIGINAL = update(PICTURES).where(_THIS).values(original_file_id=bindparam("file"))


class Pictures:
    """The pictures of all jobs; their rows are kept when their files are not."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def add(self, job_id: int, account_id: int, pictures: Sequence[Picture]) -> None:
        """Write down what a job has drawn; the database numbers the rows."""
        if pictures:
            await self._sql.execute(
                _ADD, [_fields(job_id, account_id, picture) for picture in pictures]
            )

    async def of_job(self, job_id: int) -> list[Picture]:
        """List a job's pictures in order."""
        rows = await self._sql.execute(_OF_JOB, {"of_job": job_id})
        return [Picture(**row) for row in rows.mappings()]

    async def get(self, picture_id: int) -> Picture | None:
        """Look a picture up by its id."""
        row = (await self._sql.execute(_GET, {"picture_id": picture_id})).mappings().first()
        return None if row is None else Picture(**row)

    async def at(self, chat_id: int, message_id: int) -> Picture | None:
        """Find the picture that stands in a message; the newest, if one replaced another."""
        here = {"of_chat": chat_id, "of_message": message_id}
        row = (await self._sql.execute(_AT, here)).mappings().first()
        return None if row is None else Picture(**row)

    async def undelivered(self, sha256: str) -> bool:
        """Tell whether these bytes are a result that is still on its way into a chat."""
        return (await self._sql.execute(_UNDELIVERED, {"of_sha256": sha256})).first() is not None

    async def placed(self, picture_id: int, chat_id: int, message_id: int) -> None:
        """Remember in which message a picture stands, or will stand."""
        place = {"picture_id": picture_id, "chat": chat_id, "message": message_id}
        await self._sql.execute(_PLACE, place)

    async def unplace(self, chat_id: int, message_id: int) -> None:
        """Forget the place of a picture whose message is gone; its chat stays known."""
        await self._sql.execute(_UNPLACE, {"of_chat": chat_id, "of_message": message_id})

    async def delete(self, chat_id: int, message_id: int) -> None:
        """Remember that somebody wants to see a picture no more, and forget its place."""
        await self._sql.execute(_DELETE, {"of_chat": chat_id, "of_message": message_id})

    async def delivered(self, picture_id: int, file_id: str) -> None:
        """Remember Telegram's name of the picture as shown: it has arrived."""
        await self._sql.execute(_DELIVERED, {"picture_id": picture_id, "file": file_id})

    async def original(self, picture_id: int, file_id: str) -> None:
        """Remember Telegram's name of the untouched bytes."""
        await self._sql.execute(_ORIGINAL, {"picture_id": picture_id, "file": file_id})


def _fields(job_id: int, account_id: int, picture: Picture) -> dict[str, str | int | None]:
    return {
        "account_id": account_id,
        "job_id": job_id,
        "position": picture.position,
        "sha256": picture.sha256,
        "mime": picture.mime,
        "width": picture.width,
        "height": picture.height,
        "size": picture.size,
        "chat_id": picture.chat_id,
        "message_id": picture.message_id,
        "file_id": picture.file_id,
        "original_file_id": picture.original_file_id,
    }
