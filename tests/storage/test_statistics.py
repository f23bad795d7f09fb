"""Statistics of the whole bot: what waits, what failed lately, and where a span of time begins."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import JobState, OutcomeKind
from bot.storage import Transaction
from bot.storage.tables import JOBS
from tests.storage.direct import Direct
from tests.storage.rows import ANN, BOB, GROUP, NOON, draft

DAY = timedelta(days=1)


def asked(tx: Transaction, number: int, at: datetime, *, drawn: bool, account_id: int = ANN) -> int:
    """Ask for a picture, and get it within as many seconds as its number says, or none."""
    job = tx.jobs.add(draft(number, account_id=account_id, chat_id=account_id), at, 9)
    assert job is not None
    tx.ledger.reserve(account_id, job.id, 1, at, 0, 0)
    ended = at + timedelta(seconds=number)
    if drawn:
        tx.jobs.end(job.id, None, JobState.DELIVERED, OutcomeKind.DRAWN, "", ended)
        tx.ledger.settle(job.id, 1, ended, also=GROUP)
    else:
        tx.jobs.end(job.id, None, JobState.FAILED, OutcomeKind.BAD_KEY, "", ended)
        tx.ledger.release(job.id, ended)
    return job.id


def test_the_latest_that_failed_are_listed(db: Direct) -> None:
    with db.transaction() as tx:
        asked(tx, 1, NOON - 9 * DAY, drawn=True)
        asked(tx, 2, NOON - DAY, drawn=True)
        asked(tx, 3, NOON - DAY, drawn=False, account_id=BOB)
        asked(tx, 5, NOON, drawn=True)
        failed = asked(tx, 4, NOON, drawn=False)
        statistics = tx.statistics
        assert [job.id for job in statistics.failed_jobs(1)] == [failed]
        assert statistics.open_jobs(9) == []
        assert statistics.waits_since() is None


def test_only_who_waits_for_room_counts_as_waiting(db: Direct) -> None:
    with db.transaction() as tx:
        for number in (1, 2):
            tx.jobs.add(draft(number), NOON + timedelta(seconds=number), 1, begin=number == 1)
        assert tx.statistics.waits_since() is None  # the second waits for the account's own first
        tx.jobs.add(draft(3, account_id=BOB, chat_id=BOB), NOON + DAY, 1)
        assert tx.statistics.waits_since() == NOON + DAY
        assert [job.message_id for job in tx.statistics.open_jobs(2)] == [1, 2]


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(st.integers(0, 50), max_size=12), st.integers(-1, 51))
def test_the_first_row_since_a_moment_is_found_by_halving(
    db: Direct, hours: list[int], since: int
) -> None:
    moments = [NOON + timedelta(hours=hour) for hour in sorted(hours)]
    with db.transaction() as tx:
        tx._sql.execute(JOBS.delete())
        jobs = [tx.jobs.add(draft(number), at) for number, at in enumerate(moments)]
        ids = [job.id for job in jobs if job]
        limit = NOON + timedelta(hours=since)
        later = [row for row, at in zip(ids, moments, strict=True) if at >= limit]
        first = tx.reports.first(JOBS, limit)
        assert [row for row in ids if row >= first] == later
