"""The audit: it finds what it is there to find."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from bot.domain import JobState, OutcomeKind
from bot.storage import Transaction, audit
from bot.storage.audit import AuditPlace
from bot.storage.tables import COUNTERS
from tests.storage.direct import Direct
from tests.storage.rows import ANN, NOON, accepted, draft
from tests.storage.test_plans import plans_of


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE counters SET reserved = 3 WHERE period = 'all'", "all: rows minus counters"),
        ("DELETE FROM counters WHERE period = '2026-11'", "2026-11: rows minus counters"),
        ("UPDATE ledger SET settled_delta = 1", "0 reserved, 1 settled"),
    ],
)
def test_rows_that_do_not_equal_counters_are_found(db: Direct, damage: str, found: str) -> None:
    with db.transaction() as tx:
        job = accepted(tx)
        tx.ledger.reserve(ANN, job.id, 1, NOON, 0, 0)
        assert tx.ledger.audit() == []
        tx.ledger._sql.execute(text(damage))
        assert any(found in line for line in tx.ledger.audit())


def test_an_ended_job_with_an_open_reservation_is_found(db: Direct) -> None:
    with db.transaction() as tx:
        job = accepted(tx)
        tx.ledger.reserve(ANN, job.id, 1, NOON, 0, 0)
        tx.jobs.end(job.id, None, JobState.FAILED, OutcomeKind.EMPTY, "", NOON)
        assert [f"job {job.id} has ended, its reservation is open"] == tx.ledger.audit()


@pytest.mark.parametrize("rows", [1, 2, 1000])
def test_parts_find_what_a_look_at_everything_finds(db: Direct, rows: int) -> None:
    with db.transaction() as tx:
        sql = tx.ledger._sql
        for number in range(1, 13):
            job = accepted(tx, draft(number, account_id=number % 4 - 2))
            tx.ledger.reserve(number % 4 - 2, job.id, 1, NOON, 0, 0)
            if number % 3:
                tx.jobs.end(job.id, None, JobState.FAILED, OutcomeKind.EMPTY, "", NOON)
            if number % 2:
                tx.ledger.release(job.id, NOON)
        sql.execute(
            text("UPDATE counters SET settled = 5 WHERE account_id <> 1 AND period = 'all'")
        )
        sql.execute(COUNTERS.insert(), [_counter(-9), _counter(9)])  # of no row of the ledger
        found: list[str] = []
        place: AuditPlace | None = AuditPlace()
        parts = 0
        while place:
            lines, place = audit.part(sql, place, rows)
            found, parts = found + lines, parts + 1
        everything = tx.ledger.audit()
    assert (parts == 2) == (rows == 1000)
    accounts = [int(line.split()[1].rstrip(",")) for line in everything if "account" in line]
    assert accounts == [-9, -2, -1, 0, 9]
    assert len([line for line in everything if "job" in line]) == 6
    assert sorted(found) == sorted(everything)


def test_a_part_is_read_from_indices(db: Direct) -> None:
    def look(tx: Transaction) -> None:
        for place in (AuditPlace(), AuditPlace(None)):
            tx.ledger.audit_part(place)

    plans = plans_of(db, look)
    assert len(plans) == 5
    for read in plans:
        for line in read.splitlines():
            whole = line.strip().startswith(("SCAN", "Seq Scan", "->  Seq Scan"))
            assert not whole or any(word in line for word in ("moved", "anon_", "subquery")), read


def _counter(account_id: int) -> dict[str, object]:
    numbers = dict.fromkeys(("tokens_in", "tokens_out", "unpriced_calls", "settled"), 0)
    return {"account_id": account_id, "period": "all", "reserved": 1, **numbers}


def test_a_cancelled_job_may_have_given_back_what_it_held_before_its_end(db: Direct) -> None:
    with db.transaction() as tx:
        job = accepted(tx)
        tx.ledger.reserve(ANN, job.id, 1, NOON, 0, 0)
        tx.jobs.cancel(job.id, NOON)
        tx.ledger.release(job.id, NOON)
        assert tx.ledger.audit() == []


def test_an_unfinished_job_with_a_closed_reservation_is_found(db: Direct) -> None:
    with db.transaction() as tx:
        job = accepted(tx)
        tx.ledger.reserve(ANN, job.id, 1, NOON, 0, 0)
        tx.ledger.release(job.id, NOON)
        assert [f"job {job.id} has not ended, its reservation is closed"] == (tx.ledger.audit())
