"""The audit: it finds what it is there to find."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from bot.domain import JobState, OutcomeKind
from tests.storage.direct import Direct
from tests.storage.rows import ANN, NOON, accepted


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
