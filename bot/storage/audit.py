"""The audit: whether ledger, counters and jobs agree.

It goes through accounts and then jobs in parts, of which each can be read in a transaction of its own:
what belongs to one account, or to one job, is written at once and never in two parts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    union_all,
)

from bot.domain import OutcomeKind
from bot.storage.columns import LedgerKind
from bot.storage.tables import COUNTERS, JOBS, LEDGER

ROWS = 20_000  # of the ledger, or jobs, that a part has; more where one account has more
LAST = 2**63 - 1
_L, _C = LEDGER.c, COUNTERS.c


@dataclass(frozen=True, slots=True)
class AuditPlace:
    """Where an audit goes on: behind this account or, where that is None, behind this job."""

    account_id: int | None = -LAST
    job_id: int = 0


def _within(number: ColumnElement[int]) -> ColumnElement[bool]:
    return number.between(bindparam("after") + 1, bindparam("up_to"))


def _up_to(number: ColumnElement[int]) -> Select[int]:
    """Find the last number of a part; nothing where what is left fits in one."""
    behind = select(number).where(number > bindparam("after"))
    return behind.order_by(number).offset(bindparam("rows")).limit(1)


_UP_TO_ACCOUNT, _UP_TO_JOB = _up_to(_L.account_id), _up_to(JOBS.c.id)
_MOVED = (
    select(
        _L.account_id,
        _L.day,
        _L.month,
        func.sum(_L.reserved_delta).label("reserved"),
        func.sum(_L.settled_delta).label("settled"),
    )
    .where(_within(_L.account_id))
    .group_by(_L.account_id, _L.day, _L.month)
    .cte("moved")
)
_M = _MOVED.c
_PERIODS: tuple[ColumnElement[str], ...] = (_M.day, _M.month, literal_column("'all'"))
_ROWS = union_all(
    *(
        select(_M.account_id, period.label("period"), _M.reserved, _M.settled)
        for period in _PERIODS
    ),
    select(_C.account_id, _C.period, -_C.reserved, -_C.settled).where(_within(_C.account_id)),
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
    .where(_L.kind == LedgerKind.RESERVE, _within(JOBS.c.id))
    .order_by(JOBS.c.id)
)
_OPEN_AFTER_END = _RESERVATIONS.where(JOBS.c.ended_at.is_not(None), ~_CLOSED)
# One that an edit has cancelled frees what it held at once, for what is drawn instead.
_CLOSED_BEFORE_END = _RESERVATIONS.where(
    JOBS.c.ended_at.is_(None),
    _CLOSED,
    func.coalesce(JOBS.c.outcome, "") != OutcomeKind.CANCELLED,
)


def part(sql: Connection, at: AuditPlace, rows: int = ROWS) -> tuple[list[str], AuditPlace | None]:
    """Describe what does not agree in the part behind a place, a line each, and tell the next one."""
    if at.account_id is not None:
        after = {"after": at.account_id}
        up_to = sql.scalar(_UP_TO_ACCOUNT, {**after, "rows": rows})
        sums = sql.execute(_SUMS, {**after, "up_to": LAST if up_to is None else up_to})
        lines = [
            f"account {account_id}, {period}: rows minus counters are"
            f" {reserved} reserved, {settled} settled"
            for account_id, period, reserved, settled in sums
        ]
        return lines, AuditPlace(up_to)
    after = {"after": at.job_id}
    up_to = sql.scalar(_UP_TO_JOB, {**after, "rows": rows})
    within = {**after, "up_to": LAST if up_to is None else up_to}
    lines = [
        *(
            f"job {job_id} has ended, its reservation is open"
            for job_id in sql.execute(_OPEN_AFTER_END, within).scalars()
        ),
        *(
            f"job {job_id} has not ended, its reservation is closed"
            for job_id in sql.execute(_CLOSED_BEFORE_END, within).scalars()
        ),
    ]
    return lines, None if up_to is None else AuditPlace(None, up_to)


def differences(sql: Connection, read: Callable[[], object] = lambda: None) -> list[str]:
    """Describe, one a line, what does not agree; an empty list is a clean audit.

    `read` is called behind each part, and may end the transaction.
    """
    found: list[str] = []
    place: AuditPlace | None = AuditPlace()
    while place:
        lines, place = part(sql, place)
        read()
        found += lines
    return found
