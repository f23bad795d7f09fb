"""The ledger: pictures reserved, then settled or released; tokens and costs counted.

A row is appended for every movement, and the counters (account, period) move with it in the same
transaction by statements that add: nothing is read, computed and written back. At all times the
sum of an account's rows equals its counters; `audit` looks for differences.

On Postgres counters are locked in one order (day, month, all; the payer, then the chat), so that
two transactions never wait for each other in a circle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from bot.domain import LimitReached, Period
from bot.storage import audit
from bot.storage.counters import Counters
from bot.storage.one_trip import UNREAD
from bot.storage.tables import LEDGER, LedgerKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.domain import Totals, Usage

_C = LEDGER.c
_APPEND = insert(LEDGER).execution_options(**{UNREAD: True})
_CLOSE = (
    upsert(LEDGER)
    .from_select(
        [
            "account_id",
            "job_id",
            "kind",
            "reserved_delta",
            "settled_delta",
            "day",
            "month",
            "at",
        ],
        select(
            _C.account_id,
            _C.job_id,
            bindparam("closing", type_=_C.kind.type),
            -_C.reserved_delta,
            func.coalesce(bindparam("pictures", type_=_C.settled_delta.type), _C.reserved_delta),
            _C.day,
            _C.month,
            bindparam("moment", type_=_C.at.type),
        ).where(_C.job_id == bindparam("of_job"), _C.kind == LedgerKind.RESERVE),
    )
    .on_conflict_do_nothing()
    .returning(_C.account_id, _C.reserved_delta, _C.settled_delta, _C.day, _C.month)
)

_RESERVED = select(_C.reserved_delta).where(
    _C.job_id == bindparam("of_job"), _C.kind == LedgerKind.RESERVE
)


class Ledger:
    """The quota of pictures, and what else accounts have used."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql
        self._counters = Counters(sql)

    async def reserve(
        self,
        account_id: int,
        job_id: int,
        pictures: int,
        at: datetime,
        day_limit: int,
        month_limit: int,
    ) -> None:
        """Set pictures aside for a job, once; a limit of 0 is none.

        Raises LimitReached where reserved and settled pictures of the day or month would be more
        than its limit; then nothing was reserved, whether or not the transaction goes on.
        """
        limits = {Period.DAY: day_limit, Period.MONTH: month_limit}
        for period, limit in limits.items():
            if 0 < limit < pictures:
                raise LimitReached(period, limit)
        await self._counters.reserve(account_id, pictures, at, limits)
        await self._append(account_id, job_id, LedgerKind.RESERVE, (pictures, 0), at)

    async def settle(
        self, job_id: int, pictures: int | None, at: datetime, *, also: int | None = None
    ) -> bool:
        """Charge the payer of a job for its pictures, in the periods of the reservation.

        None are all that were reserved. `also` is the chat in which they were made: they show in
        its statistics (today's), it pays nothing. False if the job was settled or released before,
        or reserved nothing.
        """
        closed = await self._close(job_id, LedgerKind.SETTLE, pictures, at)
        if closed is None:
            return False
        if also is not None and also != closed.account_id:
            await self._append(also, job_id, LedgerKind.COUNTED, (0, closed.settled_delta), at)
            await self._counters.count(also, closed.settled_delta, at)
        return True

    async def release(self, job_id: int, at: datetime) -> int:
        """Give a job's reservation back; tells it, 0 if it was settled or released before."""
        closed = await self._close(job_id, LedgerKind.RELEASE, 0, at)
        return -int(closed.reserved_delta) if closed else 0

    async def reserved(self, job_id: int) -> int:
        """Tell what was set aside for a job, whatever became of it since."""
        return (await self._sql.execute(_RESERVED, {"of_job": job_id})).scalar() or 0

    async def spend(self, account_ids: Iterable[int], usage: Usage, at: datetime) -> None:
        """Count a call's tokens and cost for the payer, then the chat; the same id counts once."""
        for account_id in dict.fromkeys(account_ids):
            await self._counters.spend(account_id, usage, at)

    async def totals(self, account_id: int, at: datetime) -> dict[Period, Totals]:
        """Sum up an account's usage in the periods that hold `at`."""
        return await self._counters.totals(account_id, at)

    async def audit(self) -> list[str]:
        """Describe every difference between rows, counters and jobs; reads all of them."""
        return await audit.differences(self._sql)

    async def _append(
        self, account_id: int, job_id: int, kind: LedgerKind, deltas: tuple[int, int], at: datetime
    ) -> None:
        reserved, settled = deltas
        await self._sql.execute(
            _APPEND,
            {
                "account_id": account_id,
                "job_id": job_id,
                "kind": kind,
                "reserved_delta": reserved,
                "settled_delta": settled,
                "day": Period.DAY.key(at),
                "month": Period.MONTH.key(at),
                "at": at,
            },
        )

    async def _close(
        self, job_id: int, kind: LedgerKind, pictures: int | None, at: datetime
    ) -> Row[Any] | None:
        closing = {"of_job": job_id, "closing": kind, "pictures": pictures, "moment": at}
        row = (await self._sql.execute(_CLOSE, closing)).first()
        if row is None:
            return None
        periods = (row.day, row.month, Period.ALL.key(at))
        await self._counters.move(row.account_id, periods, row.reserved_delta, row.settled_delta)
        return row
