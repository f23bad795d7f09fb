"""Latest: an account's pictures, newest first, with the words that they were asked for by.

Those that stand nowhere any more are passed over; the index ends in the pictures' ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from bot.domain import Picture
from bot.storage.tables import JOBS, PICTURES

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_P = PICTURES.c
_PAGE = (
    select(PICTURES, JOBS.c.request)
    .join(JOBS, JOBS.c.id == _P.job_id)
    .where(
        _P.account_id == bindparam("of_account"),
        _P.id < bindparam("before"),
        _P.file_id.is_not(None),
        _P.message_id.is_not(None),
        ~_P.deleted,
    )
    .order_by(_P.id.desc())
    .limit(bindparam("at_most"))
)


class Latest:
    """What accounts have had drawn, the newest first."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def page(self, account_id: int, before: int, at_most: int) -> list[tuple[Picture, str]]:
        """List an account's last pictures whose ids are below `before`, with their prompts."""
        asked = {"of_account": account_id, "before": before, "at_most": at_most}
        rows = (await self._sql.execute(_PAGE, asked)).mappings()
        return [_found(dict(row)) for row in rows]


def _found(row: dict[str, object]) -> tuple[Picture, str]:
    prompt: str = row.pop("request").prompt  # type: ignore[attr-defined]
    return Picture(**row), prompt  # type: ignore[arg-type]
