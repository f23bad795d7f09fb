"""The ledger: pictures reserved, then settled or released; tokens and costs counted.

A row is appended for every movement, and the counters (account, period) move with it in the same
transaction by statements that add: nothing is read, computed and written back. At all times the
sum of an account's rows equals its counters; `audit` looks for differences.

On Postgres counters are locked in one order (day, month, all; the payer, then the chat), so that
two transactions never wait for each other in a circle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Executable,
    Row,
    Table,
    bindparam,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert

from bot.domain import CallsReached, LimitReached, Period, Totals, Usage
from bot.storage import audit
from bot.storage.audit import AuditPlace
from bot.storage.columns import LedgerKind
from bot.storage.repository import Repository
from bot.storage.tables import COSTS, COUNTERS, LEDGER

RELEASED_AT_ONCE = 500  # jobs of a statement

_L, _C = LEDGER.c, COUNTERS.c
_SUMS = ("reserved", "settled", "tokens_in", "tokens_out", "unpriced_calls", "calls")
_RESERVATION = (_L.job_id == bindparam("of_job"), _L.kind == LedgerKind.RESERVE)


def _in_each_period(table: Table, *others: str) -> Insert:
    """Insert the same values into the rows of a day, its month and all time: in this order."""
    columns = ["period", "account_id", *others]
    rows = (
        select(
            bindparam(f"key_{period}", type_=table.c.period.type).label("period"),
            *(bindparam(name, type_=table.c[name].type).label(name) for name in columns[1:]),
        )
        for period in Period
    )
    return upsert(table).from_select(columns, union_all(*rows))


def _adding(new: Insert, table: Table, *sums: str) -> dict[str, ColumnElement[int]]:
    return {name: table.c[name] + new.excluded[name] for name in sums}


_NEW = _in_each_period(COUNTERS, *_SUMS)
_NEW_COST = _in_each_period(COSTS, "currency", "micros")
_LIMIT = case(
    (_NEW.excluded.period == bindparam("key_day"), bindparam("limit_day", type_=_C.settled.type)),
    (
        _NEW.excluded.period == bindparam("key_month"),
        bindparam("limit_month", type_=_C.settled.type),
    ),
    else_=0,
)


def _closing(whose: ColumnElement[bool]) -> Executable:
    """Close what is still reserved for some jobs: once, for a second row of its kind is none."""
    return (
        upsert(LEDGER)
        .from_select(
            [column.name for column in _L if column.name != "id"],
            select(
                _L.account_id,
                _L.job_id,
                bindparam("closing", type_=_L.kind.type),
                -_L.reserved_delta,
                func.coalesce(
                    bindparam("pictures", type_=_L.settled_delta.type), _L.reserved_delta
                ),
                _L.day,
                _L.month,
                bindparam("moment", type_=_L.at.type),
            ).where(whose, _L.kind == LedgerKind.RESERVE),
        )
        .on_conflict_do_nothing()
        .returning(_L.account_id, _L.job_id, _L.reserved_delta, _L.settled_delta, _L.day, _L.month)
    )


def _moving(periods: ColumnElement[bool]) -> Executable:
    return (
        update(COUNTERS)
        .where(_C.account_id == bindparam("of_account"), periods)
        .values(
            reserved=_C.reserved + bindparam("reserved_delta"),
            settled=_C.settled + bindparam("settled_delta"),
        )
    )


class Ledger(Repository):
    """The quota of pictures, and what else accounts have used, by day, by month and for all time."""

    _RESERVE = _NEW.on_conflict_do_update(
        index_elements=[_C.account_id, _C.period],
        set_=_adding(_NEW, COUNTERS, "reserved"),
        where=or_(_LIMIT == 0, _C.reserved + _C.settled + _NEW.excluded.reserved <= _LIMIT),
    ).returning(_C.period, _C.reserved, _C.calls)

    def reserve(
        self,
        account_id: int,
        job_id: int,
        pictures: int,
        at: datetime,
        day_limit: int,
        month_limit: int,
        calls_limit: int = 0,
    ) -> None:
        """Set pictures aside for a job, once; a limit of 0 is none.

        Raises LimitReached where reserved and settled pictures of the day or month would be more
        than its limit, or the day's calls with those that are still to be made; then nothing was
        reserved, whether or not the transaction goes on.
        """
        limits = {Period.DAY: day_limit, Period.MONTH: month_limit}
        for period, limit in limits.items():
            if 0 < limit < pictures:
                raise LimitReached(period, limit)
        keys = Period.keys(at)
        values = _counted(account_id, keys, reserved=pictures)
        values |= {f"limit_{period}": limit for period, limit in limits.items()}
        rows = {row.period: row for row in self._run(self._RESERVE, **values)}
        enough = set(rows)
        today = rows.get(keys[Period.DAY])
        if calls_limit and today and today.calls + today.reserved > calls_limit:
            self._move(account_id, sorted(enough), -pictures, 0)
            raise CallsReached(calls_limit)
        if len(enough) < len(keys):
            self._move(account_id, sorted(enough), -pictures, 0)
            short = next(period for period in limits if keys[period] not in enough)
            raise LimitReached(short, limits[short])
        self._append(account_id, job_id, LedgerKind.RESERVE, (pictures, 0), at, keys)

    _ADD = _NEW.on_conflict_do_update(
        index_elements=[_C.account_id, _C.period], set_=_adding(_NEW, COUNTERS, *_SUMS)
    )

    def settle(
        self, job_id: int, pictures: int | None, at: datetime, *, also: int | None = None
    ) -> bool:
        """Charge the payer of a job for its pictures, in the periods of the reservation.

        None are all that were reserved. `also` is the chat in which they were made: they show in
        its statistics (today's), it pays nothing. False if the job was settled or released before,
        or reserved nothing.
        """
        closed = self._close(job_id, LedgerKind.SETTLE, pictures, at)
        if closed is None:
            return False
        if also is not None and also != closed.account_id:
            keys = Period.keys(at)
            self._append(also, job_id, LedgerKind.COUNTED, (0, closed.settled_delta), at, keys)
            self._run(self._ADD, **_counted(also, keys, settled=closed.settled_delta))
        return True

    def release(self, job_id: int, at: datetime) -> int:
        """Give a job's reservation back; tells it, 0 if it was settled or released before."""
        closed = self._close(job_id, LedgerKind.RELEASE, 0, at)
        return -int(closed.reserved_delta) if closed else 0

    _RELEASE_ALL = _closing(_L.job_id.in_(bindparam("of_jobs", expanding=True)))

    def release_all(self, account_id: int, jobs: Sequence[int], at: datetime) -> dict[int, int]:
        """Give the reservations of an account's jobs back; tells them by job, without those of none."""
        released: dict[int, int] = {}
        days: Counter[tuple[str, str]] = Counter()
        for start in range(0, len(jobs), RELEASED_AT_ONCE):
            some = jobs[start : start + RELEASED_AT_ONCE]
            closing = {"closing": LedgerKind.RELEASE, "pictures": 0, "moment": at}
            for row in self._run(self._RELEASE_ALL, of_jobs=some, **closing):
                released[row.job_id] = -row.reserved_delta
                days[row.day, row.month] += row.reserved_delta
        for (day, month), reserved in sorted(days.items()):
            self._move(account_id, (day, month, Period.ALL.key(at)), reserved, 0)
        return released

    _REFUND = (
        upsert(LEDGER)
        .from_select(
            [column.name for column in _L if column.name != "id"],
            select(
                _L.account_id,
                _L.job_id,
                literal(LedgerKind.REFUND, _L.kind.type),
                literal(0),
                -_L.settled_delta,
                _L.day,
                _L.month,
                bindparam("moment", type_=_L.at.type),
            ).where(
                _L.job_id == bindparam("of_job"),
                _L.kind == LedgerKind.SETTLE,
                _L.settled_delta > 0,
            ),
        )
        .on_conflict_do_nothing()
        .returning(_L.account_id, _L.settled_delta, _L.day, _L.month)
    )

    def refund(self, job_id: int, at: datetime) -> int:
        """Give back what a job's payer was charged, once, in the periods of the charge.

        Tells how many pictures; 0 if none were charged, or they were given back before.
        """
        row = self._run(self._REFUND, of_job=job_id, moment=at).first()
        if row is None:
            return 0
        self._move(row.account_id, (row.day, row.month, Period.ALL.key(at)), 0, row.settled_delta)
        return -int(row.settled_delta)

    _RESERVED = select(_L.reserved_delta).where(*_RESERVATION)

    def reserved(self, job_id: int) -> int:
        """Tell what was set aside for a job, whatever became of it since."""
        return self._value(self._RESERVED, of_job=job_id) or 0

    _ADD_COST = _NEW_COST.on_conflict_do_update(
        index_elements=[COSTS.c.account_id, COSTS.c.period, COSTS.c.currency],
        set_=_adding(_NEW_COST, COSTS, "micros"),
    )

    def spend(self, account_ids: Iterable[int], usage: Usage, at: datetime) -> None:
        """Count a call's tokens and cost for the payer, then the chat; the same id counts once.

        A call of unknown cost is counted as such. The call itself is the payer's alone.
        """
        cost, keys = usage.cost, Period.keys(at)
        used = {
            "tokens_in": usage.tokens_in or 0,
            "tokens_out": usage.tokens_out or 0,
            "unpriced_calls": int(cost.micros is None),
        }
        for number, account_id in enumerate(dict.fromkeys(account_ids)):
            calls = int(number == 0)
            self._run(self._ADD, **_counted(account_id, keys, **used, calls=calls))
            if cost.micros is not None:
                paid = {"currency": cost.currency, "micros": cost.micros}
                self._run(self._ADD_COST, account_id=account_id, **paid, **_named(keys))

    def called(self, account_id: int, at: datetime) -> None:
        """Count a call of which nothing is known but that it was made."""
        self._run(self._ADD, **_counted(account_id, Period.keys(at), calls=1))

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

    def totals(self, account_id: int, at: datetime) -> dict[Period, Totals]:
        """Sum up an account's usage in the periods that hold `at`; zeros where there is none."""
        keys = Period.keys(at)
        asked = {"of_account": account_id, "keys": list(keys.values())}
        sums = {row.period: row for row in self._run(self._TOTALS, **asked)}
        costs: dict[str, list[tuple[str, int]]] = {}
        for row in self._run(self._TOTAL_COSTS, **asked):
            costs.setdefault(row.period, []).append((row.currency, row.micros))
        return {
            period: _total(sums.get(key), tuple(costs.get(key, ()))) for period, key in keys.items()
        }

    def audit(self) -> list[str]:
        """Describe every difference between rows, counters and jobs; reads all of them."""
        return audit.differences(self._sql)

    def audit_part(self, at: AuditPlace) -> tuple[list[str], AuditPlace | None]:
        """Do so for the part behind a place, and tell the next one; None where that was the last."""
        return audit.part(self._sql, at)

    _APPEND = insert(LEDGER)

    def _append(
        self,
        account_id: int,
        job_id: int,
        kind: LedgerKind,
        deltas: tuple[int, int],
        at: datetime,
        keys: Mapping[Period, str],
    ) -> None:
        reserved, settled = deltas
        self._run(
            self._APPEND,
            account_id=account_id,
            job_id=job_id,
            kind=kind,
            reserved_delta=reserved,
            settled_delta=settled,
            day=keys[Period.DAY],
            month=keys[Period.MONTH],
            at=at,
        )

    _CLOSE = _closing(_L.job_id == bindparam("of_job"))

    def _close(
        self, job_id: int, kind: LedgerKind, pictures: int | None, at: datetime
    ) -> Row[Any] | None:
        closing = {"of_job": job_id, "closing": kind, "pictures": pictures, "moment": at}
        row = self._run(self._CLOSE, **closing).first()
        if row is not None:
            keys = (row.day, row.month, Period.ALL.key(at))
            self._move(row.account_id, keys, row.reserved_delta, row.settled_delta)
        return row

    _MOVE = _moving(_C.period.in_(bindparam("of_periods", expanding=True)))
    _MOVE_EACH = _moving(_C.period == bindparam("of_period"))

    def _move(self, account_id: int, keys: Sequence[str], reserved: int, settled: int) -> None:
        """Change counters that exist, in the periods of these keys and in their order."""
        deltas = {"of_account": account_id, "reserved_delta": reserved, "settled_delta": settled}
        if self._sql.dialect.name == "sqlite":  # locks no rows, so they need no order
            self._run(self._MOVE, **deltas, of_periods=list(keys))
        elif keys:
            self._sql.execute(self._MOVE_EACH, [deltas | {"of_period": key} for key in keys])


def _named(keys: Mapping[Period, str]) -> dict[str, str]:
    return {f"key_{period}": key for period, key in keys.items()}


def _counted(account_id: int, keys: Mapping[Period, str], **sums: int) -> dict[str, str | int]:
    return {"account_id": account_id, **_named(keys), **dict.fromkeys(_SUMS, 0), **sums}


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
        calls=sums.calls,
    )
