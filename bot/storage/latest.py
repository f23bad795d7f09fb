"""Latest: an account's pictures, newest first, with the words that they were asked for by.

They are found by the ledger's rows, which are indexed by account: a picture that was delivered was
settled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, select

from bot.domain import Picture
from bot.storage.tables import JOBS, LEDGER, PICTURES, LedgerKind

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_L, _P = LEDGER.c, PICTURES.c
_SETTLED = (
    select(_L.id.label("mark"), _L.job_id)
    .where(
        _L.account_id == bindparam("of_account"),
        _L.kind == LedgerKind.SETTLE,
        _L.id < bindparam("before"),
    )
    .order_by(_L.id.desc())
    .limit(bindparam("at_most"))
    .subquery()
)
_PAGE = (
    select(_SETTLED.c.mark, JOBS.c.request, PICTURES)
    .select_from(_SETTLED)
    .join(JOBS, JOBS.c.id == _SETTLED.c.job_id)
    .outerjoin(PICTURES, _P.job_id == _SETTLED.c.job_id)
    .order_by(_SETTLED.c.mark.desc(), _P.position)
)


class Drawing(NamedTuple):
    """A delivered job: a mark to go on from, its prompt, and one of its pictures, if any is left."""

    mark: int
    prompt: str
    picture: Picture | None


class Latest:
    """What accounts were charged for, the newest first."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def page(self, account_id: int, before: int, jobs: int) -> list[Drawing]:
        """List what came of an account's last jobs whose marks are below `before`."""
        asked = {"of_account": account_id, "before": before, "at_most": jobs}
        rows = (await self._sql.execute(_PAGE, asked)).mappings()
        return [_drawing(dict(row)) for row in rows]


def _drawing(row: dict[str, object]) -> Drawing:
    mark, request = row.pop("mark"), row.pop("request")
    picture = Picture(**row) if row["id"] is not None else None  # type: ignore[arg-type]
    return Drawing(mark, request.prompt, picture)  # type: ignore[arg-type, attr-defined]
