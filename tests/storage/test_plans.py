"""Query plans: no statement that runs per message reads a whole table."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from bot.domain import (
    Arrival,
    CallReport,
    Cost,
    Drawn,
    Enhancement,
    JobState,
    OutcomeKind,
    Scope,
    Source,
    TextCall,
    TextCallKind,
    Usage,
    Voice,
    Wake,
)
from bot.domain.administration import Audience
from bot.storage import Transaction
from tests.storage.direct import Direct
from tests.storage.rows import ANN, GROUP, NOON, accepted, album_item, ask, draft, picture

# A list of constants, a subquery that has a limit, the few calls, jobs and erasures that have not
# ended: no tables.
HARMLESS = re.compile(
    r"SCAN (\d+ )?CONSTANT ROWS?|SCAN erasures$|SCAN \(?(subquery|anon_|next$)|SCAN (calls|pending) USING (COVERING )?INDEX .*_(unfinished|live)"
    r"|SCAN jobs USING (COVERING )?INDEX ix_jobs_(waiting|unfinished(_chat)?)$"
)


VOICE = Voice(ANN, GROUP, 1, Source("v"), 3, "en", NOON)
REWRITE = Enhancement(ANN, GROUP, 1, "a cat", "en", NOON)
ERRAND = TextCall(TextCallKind.REWRITE, ANN, GROUP, 1, "gpt", "gateway")
SUPER = -1_000_000_002_001


def live(tx: Transaction) -> None:
    """Do once everything that a message, its job and its buttons cause."""
    tx.people.seen_user(ANN, "Ann", None, "en", NOON)
    number = tx.broadcasts.add(ANN, "hello", Audience(NOON, "en"), NOON)
    tx.broadcasts.start(number, 5, 1, NOON)
    if broadcast := tx.broadcasts.get(number):
        tx.broadcasts.next(broadcast)
    tx.broadcasts.result(number, sent=True)
    tx.people.seen_chat(GROUP, "group", "Cats", NOON)
    tx.keys.add("press", NOON)
    tx.questions.put(ask())
    tx.questions.shown(ask(), 50)
    tx.questions.take(ANN, GROUP, None, NOON, by=2)
    tx.questions.get(GROUP, 1, NOON)
    tx.questions.answer(GROUP, 1, NOON)
    tx.questions.reopen(GROUP, 1)
    tx.questions.take_replied(ANN, GROUP, 50, NOON)
    tx.questions.expect(ask())
    tx.questions.expecting(ANN, GROUP, 50, NOON)
    tx.questions.set_prompt(GROUP, 1, "a cat")
    tx.questions.replied(ANN, GROUP, 50, NOON)
    tx.questions.waits(ANN, GROUP, None, NOON)
    tx.pending.cancel(ANN)
    tx.albums.cancel(ANN)
    tx.albums.add(album_item())
    tx.albums.waiting(GROUP, "album")
    tx.albums.reword(album_item())
    tx.albums.close(GROUP, "album", NOON)
    tx.albums.close(GROUP, "album")
    words(tx)
    tx.preferences.of_scopes([Scope(GROUP, 3), Scope(GROUP), Scope(ANN)])
    tx.pictures.latest(ANN, 1 << 62, 20)
    for chat in (None, GROUP):
        tx.pictures.counts(ANN, chat, 1, 9)
    tx.pictures.delete_one(99)
    tx.people.kind(GROUP)
    tx.preferences.choose(Scope(ANN), "model", "painter")
    tx.preferences.choose(Scope(ANN), "aspect_ratio", "1:1")
    tx.messages.add(GROUP, 5, NOON)
    tx.allowances.take(GROUP, ANN, 1, NOON, 5, 9)
    tx.allowances.give_back(GROUP, ANN, 1, NOON)
    for chat_id in (GROUP, SUPER):
        tx.messages.known(chat_id, 0, 100)
        tx.messages.newest(chat_id)
    work(tx)


def words(tx: Transaction) -> None:
    tx.voices.put(VOICE)
    tx.voices.known(GROUP, 1)
    tx.voices.hold([(GROUP, 1)], NOON)
    tx.voices.unfinished(NOON)
    tx.voices.open(GROUP, 1)
    tx.voices.waiting(ANN)
    tx.voices.backlog(9)
    tx.voices.heard(VOICE, "a cat")
    tx.voices.shown(VOICE, 60)
    tx.voices.end(VOICE, OutcomeKind.DRAWN)
    tx.enhancements.put(REWRITE)
    tx.enhancements.known(GROUP, 1)
    tx.enhancements.open(GROUP, 1)
    tx.enhancements.waiting(ANN)
    tx.enhancements.backlog(9)
    tx.calls.finish(tx.calls.start_text(ERRAND, NOON), CallReport(OutcomeKind.EMPTY), NOON)
    tx.calls.interrupted_text(GROUP, 1)
    tx.enhancements.improved(REWRITE, "a fine cat")
    tx.enhancements.shown(REWRITE, 61)
    tx.enhancements.restart(REWRITE)
    tx.enhancements.end(REWRITE)


def work(tx: Transaction) -> None:
    job = accepted(tx, draft(chat_id=GROUP))
    tx.jobs.add(draft(2, chat_id=GROUP), NOON, slots=3)
    tx.ledger.reserve(ANN, job.id, 1, NOON, 10, 100)
    tx.jobs.next_ordinal(GROUP, 1)
    tx.jobs.find(GROUP, 1, 0)
    tx.jobs.open_at(GROUP, 1)
    tx.jobs.admit(ANN, 2)
    tx.questions.lapsed(NOON, NOON)
    tx.questions.tidied(GROUP, 1)
    tx.jobs.set_status_message(job.id, 6)
    tx.jobs.clear_status_message(job.id)
    tx.jobs.ahead(job.id, job.account_id)
    tx.jobs.of_account(ANN, 10)
    tx.jobs.waiting(ANN, 10)
    tx.jobs.of_message(GROUP, 1, 10)
    tx.jobs.replace_request(job, job.request)
    tx.jobs.queue(10)
    tx.jobs.counts()
    tx.jobs.by_state()
    tx.jobs.waiting_since()
    tx.calls.latencies(10)
    tx.jobs.claim(Wake(job.id, 0), NOON)
    call = tx.calls.start(job, "painter", "host", "chat", NOON)
    tx.calls.finish(call, CallReport(OutcomeKind.DRAWN), NOON)
    tx.jobs.keep(job.id, 1, Drawn((picture(),), ""), NOON)
    (drawn,) = tx.pictures.of_job(job.id)
    tx.pictures.placed(drawn.id, GROUP, 7)
    tx.pictures.arrive(Arrival(drawn.id, GROUP, 7, "file"))
    tx.pictures.original(drawn.id, "file")
    tx.pictures.get(drawn.id)
    tx.pictures.at(GROUP, 7)
    tx.pictures.undelivered(["a" * 64, "b" * 64])
    tx.pictures.known(["a" * 64, "b" * 64])
    tx.pictures.files(0, NOON, 500)
    tx.pictures.unplace(GROUP, 7)
    tx.pictures.link(GROUP, 8, drawn.id)
    tx.pictures.linked(GROUP, 8)
    for chat_id in (None, GROUP):
        tx.pictures.older(ANN, chat_id, 1000)
        tx.pictures.newer(ANN, chat_id, 0)
    tx.jobs.end(job.id, 1, JobState.DELIVERED, OutcomeKind.DRAWN, "", NOON)
    tx.jobs.cancel(job.id, NOON)
    tx.ledger.settle(job.id, 1, NOON, also=GROUP)
    tx.ledger.release(job.id, NOON)
    tx.ledger.release_all(ANN, [job.id], NOON)
    tx.jobs.end_waiting(ANN, NOON)
    tx.jobs.cancel_all(ANN, NOON)
    tx.ledger.spend([ANN, GROUP], Usage(1, 2, cost=Cost(3)), NOON)
    tx.ledger.totals(ANN, NOON)


def sweep(tx: Transaction) -> None:
    """Do once everything that runs now and then, over tables of any size."""
    tx.jobs.get(1)
    tx.jobs.unfinished()
    tx.calls.unfinished(10)
    tx.questions.unasked(NOON)
    erasing(tx)
    tx.keys.prune(NOON, 9)
    tx.pending.prune(NOON, 9)
    tx.migrate_chat(GROUP, GROUP - 1)


def erasing(tx: Transaction) -> None:
    """Export an account and erase it."""
    tx.export.job_ids(ANN)
    tx.export.jobs([1, 2])
    tx.export.pictures([1, 2])
    tx.export.movements(ANN, [1, 2])
    tx.export.waiting(ANN)
    tx.erasure.begin(ANN, NOON, "en", 9)
    (erasure,) = tx.erasure.under_way(9)
    tx.erasure.left(erasure)
    tx.erasure.go_on(erasure, 50, NOON)
    tx.erasure.end(ANN)


def test_the_movements_of_jobs_are_read_by_their_numbers(db: Direct) -> None:
    """Not all of an account's for each page: an export of 50,000 jobs took 40 s."""
    (read,) = plans_of(db, lambda tx: tx.export.movements(ANN, [1, 2]))
    conditions = ("account_id=? AND job_id=?", "job_id = ANY")
    assert any(condition in read for condition in conditions)


def test_everything_uses_an_index(sqlite_url: str) -> None:
    db = Direct(sqlite_url)
    statements: dict[str, Any] = {}

    def note(*call: Any) -> None:  # noqa: ANN401 - SQLAlchemy's signature
        _connection, _cursor, sql, values, _context, many = call
        statements[sql] = values[0] if many else values

    event.listen(Engine, "before_cursor_execute", note)
    with db.transaction() as tx:
        live(tx)
        sweep(tx)
    event.remove(Engine, "before_cursor_execute", note)
    with db.transaction() as tx:
        sql = tx.jobs._sql
        plans = {
            statement: [
                row.detail for row in sql.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            ]
            for statement, values in statements.items()
        }
    db.close()
    scans = {
        statement: plan
        for statement, plan in plans.items()
        if any("SCAN" in line and not HARMLESS.match(line) for line in plan)
    }
    assert len(plans) > 50
    assert scans == {}


@pytest.mark.parametrize("chat_id", [GROUP, SUPER])
def test_known_messages_are_read_from_the_index_of_their_numbers(db: Direct, chat_id: int) -> None:
    def look(tx: Transaction) -> None:
        tx.messages.known(chat_id, 0, 100)
        tx.messages.newest(chat_id)

    plans = plans_of(db, look)
    names = ["ix_jobs_shared_message", "ix_jobs_shared_status_message"]
    names += ["ix_pictures_shared_message", "ix_sent_messages_shared_message"]
    for read in plans:
        assert all(name in read for name in names) == (chat_id == GROUP)
        assert "Seq Scan" not in read
        assert "SCAN" not in read
    assert len(plans) == 2


def test_latest_pictures_are_read_from_the_index_of_their_account(db: Direct) -> None:
    (read,) = plans_of(db, lambda tx: tx.pictures.latest(ANN, 1 << 62, 20))
    assert "ix_pictures_gallery" in read
    assert "Sort" not in read
    assert "TEMP B-TREE" not in read


def test_a_gallery_is_counted_by_its_index(db: Direct) -> None:
    for chat_id in (None, GROUP):
        (read,) = plans_of(db, partial(tx_counts, chat_id))
        assert read.count("ix_pictures_gallery") == 2
        assert "Seq Scan" not in read


def tx_counts(chat_id: int | None, tx: Transaction) -> None:
    tx.pictures.counts(ANN, chat_id, 1000, 9)


def test_what_waits_for_an_account_is_read_from_an_index(db: Direct) -> None:
    def cancel(tx: Transaction) -> None:
        tx.albums.add(album_item())
        tx.albums.cancel(ANN)
        tx.pending.cancel(ANN)

    read = [one for one in plans_of(db, cancel) if "pending" in one]
    assert len(read) > 3
    for one in read:
        assert "ix_pending_" in one or "pk_pending" in one or "Insert on" in one
        assert "SCAN" not in one


def plans_of(db: Direct, work: Callable[[Transaction], object]) -> list[str]:
    """Tell the plans of the statements that some work runs."""
    statements: dict[str, Any] = {}

    def note(*call: Any) -> None:  # noqa: ANN401 - SQLAlchemy's signature
        statements[call[2]] = call[3]

    with db.transaction() as tx:
        event.listen(Engine, "before_cursor_execute", note)
        work(tx)
        event.remove(Engine, "before_cursor_execute", note)
        return [plan(tx, *statement) for statement in statements.items()]


def plan(tx: Transaction, statement: str, values: Any) -> str:  # noqa: ANN401 - a driver's
    sql = tx.jobs._sql
    if sql.dialect.name == "sqlite":
        rows = sql.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        return "\n".join(row.detail for row in rows)
    # Tables so small would be read whole.
    sql.exec_driver_sql("SET LOCAL enable_seqscan = off")
    return "\n".join((sql.exec_driver_sql(f"EXPLAIN {statement}", values)).scalars())
