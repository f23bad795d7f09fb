"""Counters: an account's sums by day, by month and for all time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, case, or_, select, union_all, update
from sqlalchemy.dialects.postgresql import insert

from bot.domain import LimitReached, Period, Totals
from bot.storage.one_trip import UNREAD
from bot.storage.tables import COSTS, COUNTERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Row, Table
    from sqlalchemy.dialects.postgresql import Insert
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.domain import Usage

_PERIODS = tuple(Period)
_C = COUNTERS.c


def _in_each_period(table: Table, *others: str) -> Insert:
    """Insert the same values into the rows of a day, its month and all time: in this order."""
    columns = ["period", "account_id", *others]
    rows = (
        select(
            bindparam(f"key_{period}", type_=table.c.period.type).label("period"),
            *(bindparam(name, type_=table.c[name].type).label(name) for name in columns[1:]),
        )
        for period in _PERIODS
    )
    return insert(table).from_select(columns, union_all(*rows))


def _adding(new: Insert, table: Table, *sums: str) -> dict[str, ColumnElement[int]]:
    return {name: table.c[name] + new.excluded[name] for name in sums}


_SUMS = ("reserved", "settled", "tokens_in", "tokens_out", "unpriced_calls")
_NEW = _in_each_period(COUNTERS, *_SUMS)
_ADD = _NEW.on_conflict_do_update(
    index_elements=[_C.account_id, _C.period], set_=_adding(_NEW, COUNTERS, *_SUMS)
).execution_options(**{UNREAD: True})

_LIMIT = case(
    (_NEW.excluded.period == bindparam("key_day"), bindparam("limit_day", type_=_C.settled.type)),
    (
        _NEW.excluded.period == bindparam("key_month"),
        bindparam("limit_month", type_=_C.settled.type),
    ),
    else_=0,
)
_RESERVE = _NEW.on_conflict_do_update(
    index_elements=[_C.account_id, _C.period],
    set_=_adding(_NEW, COUNTERS, "reserved"),
    where=or_(_LIMIT == 0, _C.reserved + _C.settled + _NEW.excluded.reserved <= _LIMIT),
).returning(_C.period)
_MOVE = (
    update(COUNTERS)
    .where(_C.account_id == bindparam("of_account"), _C.period == bindparam("of_period"))
    .values(
        reserved=_C.reserved + bindparam("reserved_delta"),
        settled=_C.settled + bindparam("settled_delta"),
    )
    .execution_options(**{UNREAD: True})
)

_NEW_COST = _in_each_period(COSTS, "currency", "micros")
_ADD_COST = _NEW_COST.on_conflict_do_update(
    index_elements=[COSTS.c.account_id, COSTS.c.period, COSTS.c.currency],
    set_=_adding(_NEW_COST, COSTS, "micros"),
).execution_options(**{UNREAD: True})

_TOTALS = select(COUNTERS).where(
    _C.account_id == bindparam("of_account"), _C.period.in_(bindparam("keys", expanding=True))
)
_TOTAL_COSTS = (
    select(COSTS)
    .where(
        COSTS.c.account_id == bindparam("of_account"),
        COSTS.c.period.in_(bindparam("keys", expanding=True)),
    )
    .order_by(COSTS.c.currency)
)


class Counters:
    """The sums; only the ledger moves pictures in them, with a row of its own for each move."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def reserve(
        self, account_id: int, pictures: int, at: datetime, limits: Mapping[Period, int]
    ) -> None:
        """Add to `reserved` in every period, or in none: then raises LimitReached."""
        keys = _keys(at)
        values = _values(account_id, at, reserved=pictures)
        values |= {f"limit_{period}": limit for period, limit in limits.items()}
        enough = set((await self._sql.execute(_RESERVE, values)).scalars())
        if len(enough) == len(keys):
            return
        await self.move(account_id, sorted(enough), -pictures, 0)
        short = next(period for period in limits if keys[period] not in enough)
        raise LimitReached(short, limits[short])

    async def move(self, account_id: int, keys: Sequence[str], reserved: int, settled: int) -> None:
        """Change sums that exist, in the periods of these keys and in their order."""
        deltas = {"of_account": account_id, "reserved_delta": reserved, "settled_delta": settled}
        await self._sql.execute(_MOVE, [deltas | {"of_period": key} for key in keys])

    async def count(self, account_id: int, pictures: int, at: datetime) -> None:
        """Add pictures that nobody had reserved here."""
        await self._sql.execute(_ADD, _values(account_id, at, settled=pictures))

    async def spend(self, account_id: int, usage: Usage, at: datetime) -> None:
        """Add the tokens and the cost of one call; a call of unknown cost is counted as such."""
        cost = usage.cost
        used = _values(
            account_id,
            at,
            tokens_in=usage.tokens_in or 0,
            tokens_out=usage.tokens_out or 0,
            unpriced_calls=int(cost.micros is None),
        )
        await self._sql.execute(_ADD, used)
        if cost.micros is not None:
            paid = {"account_id": account_id, "currency": cost.currency, "micros": cost.micros}
            await self._sql.execute(_ADD_COST, paid | _named(at))

    async def totals(self, account_id: int, at: datetime) -> dict[Period, Totals]:
        """Read the sums of the periods that hold `at`; zeros where there are none."""
        keys = _keys(at)
        asked = {"of_account": account_id, "keys": list(keys.values())}
        sums = {row.period: row for row in await self._sql.execute(_TOTALS, asked)}
        costs: dict[str, list[tuple[str, int]]] = {}
        for row in await self._sql.execute(_TOTAL_COSTS, asked):
            costs.setdefault(row.period, []).append((row.currency, row.micros))
        return {
            period: _total(sums.get(key), tuple(costs.get(key, ()))) for period, key in keys.items()
        }


def _keys(at: datetime) -> dict[Period, str]:
    return {period: period.key(at) for period in _PERIODS}


def _named(at: datetime) -> dict[str, str]:
    return {f"key_{period}": key for period, key in _keys(at).items()}


def _values(account_id: int, at: datetime, **sums: int) -> dict[str, str | int]:
    return {"account_id": account_id, **_named(at), **dict.fromkeys(_SUMS, 0), **sums}


def _total(sums: Row[Any] | None, costs: tuple[tuple[str, int], ...]) -> Totals:
    if sums is None:
        return Totals(costs=costs)
    return Totals(
        pictures=sums.settled,
        reserved=sums.reserved,
        tokens_in=sums.tokens_in,
        tokens_out=sums.tokens_out,
        costs=costs,
        unpriced_calls=sums.unpriced_calls,
    )
