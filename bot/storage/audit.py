"""The audit: whether ledger, counters and jobs agree."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, func, literal_column, or_, select, union_all

from bot.domain import OutcomeKind
from bot.storage.columns import LedgerKind
from bot.storage.tables import COUNTERS, JOBS, LEDGER

_L, _C = LEDGER.c, COUNTERS.c
_PERIODS: tuple[ColumnElement[str], ...] = (_L.day, _L.month, literal_column("'all'"))
_ROWS = union_all(
    *(
        select(
            _L.account_id,
            period.label("period"),
            _L.reserved_delta.label("reserved"),
            _L.settled_delta.label("settled"),
        )
        for period in _PERIODS
    ),
    select(_C.account_id, _C.period, -_C.reserved, -_C.settled),
).subquery()
_RESERVED, _SETTLED = func.sum(_ROWS.c.reserved), func.sum(_ROWS.c.settled)
_SUMS = (
    select(_ROWS.c.account_id, _ROWS.c.period, _RESERVED, _SETTLED)
    .group_by(_ROWS.c.account_id, _ROWS.c.period)
    .having(or_(_RESERVED != 0, _SETTLED != 0))
    .order_by(_ROWS.c.account_id, _ROWS.c.period)
)

_CLOSING = LEDGER.alias()
_CLOSED = (
    select(_CLOSING.c.id)
    .where(
        _CLOSING.c.job_id == _L.job_id,
        _CLOSING.c.kind.in_([LedgerKind.SETTLE, LedgerKind.RELEASE]),
    )
    .exists()
)
_RESERVATIONS = (
    select(JOBS.c.id)
    .join(LEDGER, _L.job_id == JOBS.c.id)
    .where(_L.kind == LedgerKind.RESERVE)
    .order_by(JOBS.c.id)
)
_OPEN_AFTER_END = _RESERVATIONS.where(JOBS.c.ended_at.is_not(None), ~_CLOSED)
# One that an edit has cancelled frees what it held at once, for what is drawn instead.
_CLOSED_BEFORE_END = _RESERVATIONS.where(
    JOBS.c.ended_at.is_(None),
    _CLOSED,
    func.coalesce(JOBS.c.outcome, "") != OutcomeKind.CANCELLED,
)


def differences(sql: Connection) -> list[str]:
    """Describe, one a line, what does not agree; an empty list is a clean audit."""
    sums = [
        f"account {account_id}, {period}: rows minus counters are"
        f" {reserved} reserved, {settled} settled"
        for account_id, period, reserved, settled in sql.execute(_SUMS)
    ]
    still_open = sql.execute(_OPEN_AFTER_END).scalars()
    closed = sql.execute(_CLOSED_BEFORE_END).scalars()
    return [
        *sums,
        *(f"job {job_id} has ended, its reservation is open" for job_id in still_open),
        *(f"job {job_id} has not ended, its reservation is closed" for job_id in closed),
    ]
