"""Query plans: no statement that runs per message reads a whole table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from bot.domain import (
    CallReport,
    Cost,
    Drawn,
    Enhancement,
    JobState,
    OutcomeKind,
    Source,
    TextCall,
    TextCallKind,
    Usage,
    Voice,
    Wake,
)
from bot.storage import Store
from tests.storage.rows import ANN, GROUP, NOON, accepted, album_item, ask, draft, picture

if TYPE_CHECKING:
    from bot.storage import Transaction

# A list of constants, a subquery that has a limit, the few calls and jobs that have not ended: no
# tables.
HARMLESS = re.compile(
    r"SCAN (\d+ )?CONSTANT ROWS?|SCAN \(?(subquery|anon_)|SCAN (attempts|errands|voices|rewrites) USING (COVERING )?INDEX .*_(unknown|open)"
    r"|SCAN jobs USING (COVERING )?INDEX ix_jobs_(waiting|unfinished(_chat)?)$"
)


VOICE = Voice(ANN, GROUP, 1, Source("v"), 3, "en", NOON)
REWRITE = Enhancement(ANN, GROUP, 1, "a cat", "en", NOON)
ERRAND = TextCall(TextCallKind.REWRITE, ANN, GROUP, 1, "gpt", "gateway")
SUPER = -1_000_000_002_001


async def live(tx: Transaction) -> None:
    """Do once everything that a message, its job and its buttons cause."""
    await tx.people.seen_user(ANN, "Ann", None, "en", NOON)
    await tx.people.seen_chat(GROUP, "group", "Cats", NOON)
    await tx.handled.add("press", NOON)
    await tx.asks.put(ask())
    await tx.asks.questioned(GROUP, 1, 50)
    await tx.asks.take(ANN, GROUP, None, NOON, by=2)
    await tx.asks.get(GROUP, 1, NOON)
    await tx.asks.choose(GROUP, 1, NOON)
    await tx.asks.reopen(GROUP, 1)
    await tx.asks.take_replied(ANN, GROUP, 50, NOON)
    await tx.asks.expect(ask())
    await tx.asks.expecting(ANN, GROUP, 50, NOON)
    await tx.asks.word(GROUP, 1, "a cat")
    await tx.asks.replied(ANN, GROUP, 50, NOON)
    await tx.asks.waits(ANN, GROUP, None, NOON)
    await tx.asks.forget(ANN)
    await tx.albums.add(album_item())
    await tx.albums.waiting(GROUP, "album")
    await tx.albums.reword(album_item())
    await tx.albums.close(GROUP, "album", NOON)
    await tx.albums.close(GROUP, "album")
    await words(tx)
    await tx.preferences.get(ANN)
    await tx.latest.page(ANN, 1 << 62, 20)
    await tx.preferences.set_model(ANN, "painter")
    await tx.preferences.set_aspect_ratio(ANN, "1:1")
    await tx.outgoing.add(GROUP, 5, NOON)
    await tx.allowances.take(GROUP, ANN, 1, NOON, 5, 9)
    await tx.allowances.used(GROUP, ANN, NOON)
    await tx.allowances.give_back(GROUP, ANN, 1, NOON)
    for chat_id in (GROUP, SUPER):
        await tx.outgoing.known(chat_id, 0, 100)
        await tx.outgoing.newest(chat_id)
    await work(tx)


async def words(tx: Transaction) -> None:
    await tx.voices.put(VOICE)
    await tx.voices.known(GROUP, 1)
    await tx.voices.open(GROUP, 1)
    await tx.voices.waiting(ANN)
    await tx.voices.crowd(9)
    await tx.voices.heard(VOICE, "a cat")
    await tx.voices.shown(VOICE, 60)
    await tx.voices.end(VOICE, OutcomeKind.DRAWN, NOON)
    await tx.voices.forget(ANN, OutcomeKind.CANCELLED, NOON)
    await tx.rewrites.put(REWRITE)
    await tx.rewrites.known(GROUP, 1)
    await tx.rewrites.open(GROUP, 1)
    await tx.rewrites.waiting(ANN)
    await tx.rewrites.crowd(9)
    await tx.errands.finish(
        await tx.errands.start(ERRAND, NOON), CallReport(OutcomeKind.EMPTY), NOON
    )
    await tx.errands.cut(GROUP, 1)
    await tx.errands.unknown(9)
    await tx.rewrites.bettered(REWRITE, "a fine cat")
    await tx.rewrites.shown(REWRITE, 61)
    await tx.rewrites.anew(REWRITE)
    await tx.rewrites.end(REWRITE, NOON)
    await tx.rewrites.forget(ANN, NOON)


async def work(tx: Transaction) -> None:
    job = await accepted(tx, draft(chat_id=GROUP))
    await tx.ledger.reserve(ANN, job.id, 1, NOON, 10, 100)
    await tx.jobs.next_ordinal(GROUP, 1)
    await tx.jobs.find(GROUP, 1, 0)
    await tx.jobs.open_at(GROUP, 1)
    await tx.jobs.admit(ANN, 2)
    await tx.jobs.set_status_message(job.id, 6)
    await tx.jobs.clear_status_message(job.id)
    await tx.jobs.ahead(job.id)
    await tx.jobs.of_account(ANN, 10)
    await tx.queue.of_message(GROUP, 1, 10)
    await tx.queue.rewrite(job, job.request)
    await tx.queue.line(10)
    await tx.queue.counts()
    await tx.attempts.broken_off(job.id)
    await tx.attempts.latencies(10)
    await tx.jobs.claim(Wake(job.id, 0), NOON)
    call = await tx.attempts.start(job.id, 1, "painter", "host", "chat", NOON)
    await tx.attempts.finish(call, CallReport(OutcomeKind.DRAWN), NOON)
    await tx.jobs.keep(job.id, 1, Drawn((picture(),), ""), NOON)
    (drawn,) = await tx.pictures.of_job(job.id)
    await tx.pictures.placed(drawn.id, GROUP, 7)
    await tx.pictures.delivered(drawn.id, "file")
    await tx.pictures.original(drawn.id, "file")
    await tx.pictures.get(drawn.id)
    await tx.pictures.at(GROUP, 7)
    await tx.pictures.undelivered("a" * 64)
    await tx.pictures.unplace(GROUP, 7)
    await tx.stand_ins.put(GROUP, 8, drawn.id)
    await tx.stand_ins.at(GROUP, 8)
    for chat_id in (None, GROUP):
        await tx.shelves.older(ANN, chat_id, 1000)
        await tx.shelves.newer(ANN, chat_id, 0)
    await tx.jobs.end(job.id, 1, JobState.DELIVERED, OutcomeKind.DRAWN, "", NOON)
    await tx.jobs.call_off(job.id, NOON)
    await tx.ledger.settle(job.id, 1, NOON, also=GROUP)
    await tx.ledger.release(job.id, NOON)
    await tx.ledger.spend([ANN, GROUP], Usage(1, 2, cost=Cost(3)), NOON)
    await tx.ledger.totals(ANN, NOON)


async def sweep(tx: Transaction) -> None:
    """Do once everything that runs now and then, over tables of any size."""
    await tx.jobs.get(1)
    await tx.jobs.unfinished()
    await tx.attempts.unknown(10)
    await tx.asks.unquestioned(NOON)
    await tx.asks.drop_older(NOON)
    await tx.voices.drop_older(NOON)
    await tx.rewrites.drop_older(NOON)
    await tx.handled.prune(NOON)
    await tx.albums.drop_older(NOON)
    await tx.jobs.move_chat(GROUP, GROUP - 1)


async def test_everything_uses_an_index(sqlite_url: str) -> None:
    store = await Store.open(sqlite_url)
    statements: dict[str, Any] = {}

    def note(*call: Any) -> None:  # noqa: ANN401 - SQLAlchemy's signature
        _connection, _cursor, sql, values, _context, many = call
        statements[sql] = values[0] if many else values

    event.listen(Engine, "before_cursor_execute", note)
    async with store.transaction() as tx:
        await live(tx)
        await sweep(tx)
    event.remove(Engine, "before_cursor_execute", note)
    async with store.transaction() as tx:
        sql = tx.jobs._sql
        plans = {
            statement: [
                row.detail
                for row in await sql.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            ]
            for statement, values in statements.items()
        }
    await store.close()
    scans = {
        statement: plan
        for statement, plan in plans.items()
        if any("SCAN" in line and not HARMLESS.match(line) for line in plan)
    }
    assert len(plans) > 50
    assert scans == {}


@pytest.mark.parametrize("chat_id", [GROUP, SUPER])
async def test_known_messages_are_read_from_the_index_of_their_numbers(
    store: Store, chat_id: int
) -> None:
    statements: dict[str, Any] = {}

    def note(*call: Any) -> None:  # noqa: ANN401 - SQLAlchemy's signature
        statements[call[2]] = call[3]

    async with store.transaction() as tx:
        event.listen(Engine, "before_cursor_execute", note)
        await tx.outgoing.known(chat_id, 0, 100)
        await tx.outgoing.newest(chat_id)
        event.remove(Engine, "before_cursor_execute", note)
        plans = [await plan(tx, *statement) for statement in statements.items()]
    names = ["ix_jobs_shared_message", "ix_jobs_shared_status_message"]
    names += ["ix_pictures_shared_message", "ix_outgoing_shared_message"]
    for read in plans:
        assert all(name in read for name in names) == (chat_id == GROUP)
        assert "Seq Scan" not in read
        assert "SCAN" not in read
    assert len(plans) == 2


async def test_latest_pictures_are_read_from_the_index_of_their_account(store: Store) -> None:
    statements: dict[str, Any] = {}

    def note(*call: Any) -> None:  # noqa: ANN401 - SQLAlchemy's signature
        statements[call[2]] = call[3]

    async with store.transaction() as tx:
        event.listen(Engine, "before_cursor_execute", note)
        await tx.latest.page(ANN, 1 << 62, 20)
        event.remove(Engine, "before_cursor_execute", note)
        (read,) = [await plan(tx, *statement) for statement in statements.items()]
    assert "ix_pictures_gallery" in read
    assert "Sort" not in read
    assert "TEMP B-TREE" not in read


async def plan(tx: Transaction, statement: str, values: Any) -> str:  # noqa: ANN401 - a driver's
    sql = tx.jobs._sql
    if sql.dialect.name == "sqlite":
        rows = await sql.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        return "\n".join(row.detail for row in rows)
    # Tables so small would be read whole.
    await sql.exec_driver_sql("SET LOCAL enable_seqscan = off")
    return "\n".join((await sql.exec_driver_sql(f"EXPLAIN {statement}", values)).scalars())
