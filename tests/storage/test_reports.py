"""Reports: what operators look at, read within bounds, alike on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain import CallReport, Cost, Drawn, JobState, OutcomeKind, Usage, Wake
from bot.storage import Transaction, reports
from bot.storage.reports import NEWEST, JobFilter
from bot.storage.tables import JOBS
from tests.storage.direct import Direct
from tests.storage.rows import ANN, BOB, GROUP, NOON, draft, picture
from tests.storage.test_plans import plans_of

DAY = timedelta(days=1)
MORNING = NOON.replace(hour=0)


def ended(
    tx: Transaction, number: int, outcome: OutcomeKind, *, account: int = ANN, seconds: int = 10
) -> int:
    """Write a job that ended, `number` minutes after noon, as if the bot had."""
    at = NOON + timedelta(minutes=number)
    job = tx.jobs.add(draft(number, account_id=account), at, slots=1000, begin=True)
    assert job
    tx.ledger.reserve(account, job.id, 1, at, 0, 0)
    call = tx.calls.start(job, "painter", "host", "chat", at)
    usage = Usage(cost=Cost(40_000))
    tx.calls.finish(call, CallReport(outcome, usage, latency_ms=1000 * number), at)
    done = at + timedelta(seconds=seconds)
    drawn = outcome is OutcomeKind.DRAWN
    if drawn:
        tx.jobs.keep(job.id, 1, Drawn((picture(),), ""), at, "painter")
    state = JobState.DELIVERED if drawn else JobState.FAILED
    tx.jobs.end(job.id, 1, state, outcome, "", done)
    if drawn:
        tx.ledger.settle(job.id, 1, done)
    else:
        tx.ledger.release(job.id, done)
    return job.id


@pytest.fixture
def lived(db: Direct) -> list[int]:
    with db.transaction() as tx:
        tx.people.seen_user(ANN, "Ann Smith", "anns", "en", NOON)
        tx.people.seen_user(BOB, "Bob 100%", None, "de", NOON)
        tx.people.seen_chat(GROUP, "group", "Cats", NOON)
        jobs = [ended(tx, n, OutcomeKind.DRAWN, seconds=n) for n in range(1, 11)]
        jobs.append(ended(tx, 11, OutcomeKind.REFUSED, account=BOB))
        jobs.append(ended(tx, 12, OutcomeKind.TIMEOUT, account=BOB))
        return jobs


def test_a_day_is_counted(db: Direct, lived: list[int]) -> None:
    assert lived
    with db.transaction() as tx:
        assert tx.reports.figures(MORNING, MORNING + DAY) == {
            "jobs": 12,
            "users": 2,
            "pictures": 10,
            "outcome:drawn": 10,
            "outcome:refused": 1,
            "outcome:timeout": 1,
            "cost:USD": 480_000,
            "median_ms": 6_000,
            "p95_ms": 10_000,
        }
        assert tx.reports.figures(MORNING - DAY, MORNING) == {"jobs": 0, "users": 0, "pictures": 0}
        hour = NOON + timedelta(minutes=3)
        assert tx.reports.figures(hour, hour + timedelta(minutes=2))["jobs"] == 2


def test_costs_are_summed_by_currency_and_what_is_unknown_is_counted(db: Direct) -> None:
    with db.transaction() as tx:
        job = tx.jobs.add(draft(1), NOON, 9, begin=True)
        assert job is not None
        for micros, currency in ((5, "USD"), (7, "USD"), (3, "CNY"), (None, "USD")):
            call = tx.calls.start(job, "painter", "gateway", "images", NOON)
            usage = Usage(cost=Cost(micros, currency))
            tx.calls.finish(call, CallReport(kind=OutcomeKind.DRAWN, usage=usage), NOON)
        tx.calls.start(job, "painter", "gateway", "images", NOON)  # under way: nobody knows yet
        found = tx.reports.figures(MORNING, MORNING + DAY)
        costs = {name: n for name, n in found.items() if name.startswith(("cost:", "unpriced"))}
        assert costs == {"cost:CNY": 3, "cost:USD": 12, "unpriced": 1}


def test_the_first_job_since_a_moment_is_found_among_gaps(db: Direct, lived: list[int]) -> None:
    with db.transaction() as tx:
        for minute, job in enumerate(lived, 1):
            assert (
                job - 1 <= tx.reports.first(JOBS, NOON + timedelta(minutes=minute)) or minute == 1
            )
            assert tx.reports.first(JOBS, NOON + timedelta(minutes=minute)) <= job
            later = tx.reports.first(JOBS, NOON + timedelta(minutes=minute, seconds=1))
            assert later == job + 1
        assert tx.reports.first(JOBS, NOON - DAY) <= lived[0]
        assert tx.reports.first(JOBS, NOON + DAY) == lived[-1] + 1


def test_nothing_is_counted_where_nothing_is(db: Direct) -> None:
    with db.transaction() as tx:
        assert tx.reports.figures(MORNING, NOON) == {"jobs": 0, "users": 0, "pictures": 0}
        assert tx.reports.jobs(JobFilter(), NEWEST, 10).jobs == []
        assert tx.reports.recent_people() == []
        assert tx.reports.models() == {}
        assert tx.reports.story(1) is None
        assert tx.reports.oldest_unfinished() is None


def test_figures_are_kept_once(db: Direct) -> None:
    with db.transaction() as tx:
        tx.reports.keep("2026-11-21", {"jobs": 3, "cost:USD": 5})
        tx.reports.keep("2026-11-21", {"jobs": 4})
        tx.reports.keep("2026-11-20", {"jobs": 1})
        assert tx.reports.kept("2026-11-21") == {"2026-11-21": {"jobs": 3, "cost:USD": 5}}


def test_jobs_are_listed_in_pages(db: Direct, lived: list[int]) -> None:
    with db.transaction() as tx:
        seen: list[int] = []
        before: int | None = NEWEST
        while before is not None:
            page = tx.reports.jobs(JobFilter(), before, 5)
            assert len(page.jobs) <= 5
            seen += [job.id for job in page.jobs]
            before = page.older
    assert seen == lived[::-1]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (JobFilter(account_id=BOB), [12, 11]),
        (JobFilter(account_id=3), []),
        (JobFilter(outcome=OutcomeKind.REFUSED), [11]),
        (JobFilter(state=JobState.FAILED), [12, 11]),
        (JobFilter(model="painter", account_id=ANN), list(range(10, 0, -1))),
        (JobFilter(model="other"), []),
        (JobFilter(since=NOON + timedelta(minutes=9)), [12, 11, 10, 9]),
        (JobFilter(until=NOON + timedelta(minutes=3)), [2, 1]),
        (JobFilter(account_id=BOB, until=NOON + timedelta(minutes=12)), [11]),
        (JobFilter(state=JobState.RUNNING), []),
    ],
)
def test_jobs_are_filtered(
    db: Direct, lived: list[int], wanted: JobFilter, found: list[int]
) -> None:
    with db.transaction() as tx:
        page = tx.reports.jobs(wanted, NEWEST, 50)
    assert [job.id for job in page.jobs] == [lived[number - 1] for number in found]
    assert page.older is None


def test_a_page_that_finds_few_goes_on_where_it_ended(
    db: Direct, lived: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "LOOKED_AT", 4)
    found: list[int] = []
    pages, before = 0, NEWEST
    wanted = JobFilter(outcome=OutcomeKind.DRAWN)
    with db.transaction() as tx:
        while before:
            page = tx.reports.jobs(wanted, before, 50)
            found += [job.id for job in page.jobs]
            pages, before = pages + 1, page.older or 0
    assert found == lived[9::-1]
    assert pages == 4  # four, four, four, and none


def test_a_job_s_whole_story_is_told(db: Direct, lived: list[int]) -> None:
    with db.transaction() as tx:
        story = tx.reports.story(lived[0])
        assert story
        assert story.job.id == lived[0]
        assert [(c["model"], c["host"], c["latency_ms"]) for c in story.calls] == [
            ("painter", "host", 1000)
        ]
        assert [row["kind"] for row in story.movements] == ["reserve", "settle"]
        assert [shown.sha256 for shown in story.pictures] == ["a" * 64]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ann", [ANN]),
        ("@ANNS", [ANN]),
        (str(BOB), [BOB]),
        ("0%", [BOB]),
        ("cat", [GROUP]),
        ("_", []),
    ],
)
def test_people_are_found(db: Direct, lived: list[int], words: str, found: list[int]) -> None:
    assert lived
    with db.transaction() as tx:
        assert [person.id for person in tx.reports.people(words)] == found


def test_somebody_of_whom_only_the_number_is_known_can_be_looked_at(db: Direct) -> None:
    with db.transaction() as tx:
        (person,) = tx.reports.people("-100123")
        assert (person.id, person.name, person.kind) == (-100123, None, "")


def test_who_asked_last_comes_first(db: Direct, lived: list[int]) -> None:
    assert lived
    with db.transaction() as tx:
        assert [person.id for person in tx.reports.recent_people()] == [BOB, ANN]


def test_models_are_judged_by_their_latest_calls(db: Direct, lived: list[int]) -> None:
    assert lived
    with db.transaction() as tx:
        (found,) = tx.reports.models().values()
        assert (found.model, found.calls, found.failed) == ("painter", 12, 2)
        assert found.latency_ms == 5500


def test_the_oldest_that_has_not_ended_is_told(db: Direct, lived: list[int]) -> None:
    assert lived
    with db.transaction() as tx:
        job = tx.jobs.add(draft(99), NOON)
        assert job
        tx.jobs.claim(Wake(job.id, 0), NOON)
        assert tx.reports.oldest_unfinished() == NOON


def test_no_report_reads_a_whole_table_but_that_of_people(db: Direct, lived: list[int]) -> None:
    def look(tx: Transaction) -> None:
        tx.reports.figures(MORNING, NOON)
        for wanted in (
            JobFilter(),
            JobFilter(account_id=ANN, outcome=OutcomeKind.REFUSED),
            JobFilter(state=JobState.FAILED, model="painter", since=NOON, until=NOON + DAY),
        ):
            tx.reports.jobs(wanted, NEWEST, 50)
        assert tx.reports.story(lived[0])
        tx.reports.recent_people()
        tx.reports.people("7")
        tx.reports.models()
        tx.reports.oldest_unfinished()
        tx.reports.movements(NEWEST, 50)
        tx.reports.kept("2026-11-01")

    for plan in plans_of(db, look):
        for line in plan.splitlines():
            whole = line.strip().startswith(("SCAN", "Seq Scan", "->  Seq Scan"))
            bounded = ("ix_jobs_unfinished", "anon_", "CONSTANT", "subquery")
            assert not whole or any(word in line for word in bounded), plan
