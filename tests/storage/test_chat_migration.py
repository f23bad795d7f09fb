"""A group that became a supergroup: nothing is lost, nothing is mistaken for something else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.domain import (
    Drawn,
    Enhancement,
    JobState,
    OutcomeKind,
    Period,
    Preferences,
    Reply,
    Scope,
    Source,
    Totals,
    Usage,
    Voice,
    Wake,
)
from bot.storage import Store, Transaction
from bot.storage.chat_migration import LEFT_BEHIND
from tests.storage.direct import Direct
from tests.storage.rows import (
    ANN,
    GROUP,
    NOON,
    accepted,
    album_item,
    allowance_used,
    ask,
    draft,
    picture,
)
from tests.support.postgres import awaited_lock

SUPER = -1_000_000_002_001


def test_jobs_follow_and_new_messages_with_their_numbers_are_new(db: Direct) -> None:
    with db.transaction() as tx:
        job = accepted(tx, draft(5, chat_id=GROUP))
        tx.jobs.set_status_message(job.id, 6)
        tx.migrate_chat(GROUP, SUPER)
        tx.migrate_chat(GROUP, SUPER)
        moved = tx.jobs.get(job.id)
        assert moved is not None
        assert (
            moved.chat_id,
            moved.message_id,
            moved.status_message_id,
            moved.after_message_id,
        ) == (SUPER, 5 - LEFT_BEHIND, None, 0)
        assert tx.jobs.add(draft(5, chat_id=SUPER), NOON) is not None


def test_pictures_follow_and_stand_nowhere(db: Direct) -> None:
    with db.transaction() as tx:
        job = accepted(tx, draft(chat_id=GROUP))
        tx.jobs.admit(ANN, 1)
        tx.jobs.claim(Wake(job.id, 0), NOON)
        tx.jobs.keep(job.id, 1, Drawn((picture(),), ""), NOON)
        (drawn,) = tx.pictures.of_job(job.id)
        tx.pictures.placed(drawn.id, GROUP, 7)
        tx.messages.add(GROUP, 8, NOON)
        tx.migrate_chat(GROUP, SUPER)
        (moved,) = tx.pictures.of_job(job.id)
        assert (moved.chat_id, moved.message_id) == (SUPER, None)
        for chat_id in (SUPER, GROUP):
            assert tx.messages.known(chat_id, 0, 10) == set()
            assert tx.messages.newest(chat_id) == 0


def test_albums_questions_and_preferences_follow(db: Direct) -> None:
    with db.transaction() as tx:
        tx.albums.add(album_item(1))
        tx.albums.add(album_item(2))
        tx.questions.put(ask(message_id=1))
        tx.questions.shown(ask(), 50)
        tx.preferences.choose(Scope(GROUP), "model", "painter")
        tx.migrate_chat(GROUP, SUPER)
        items = tx.albums.close(SUPER, "album")
        assert [item.source and item.source.file_id for item in items] == ["photo 1", "photo 2"]
        assert tx.questions.put(replace(ask(message_id=50), chat_id=SUPER, thread_id=3))
        assert tx.questions.take_replied(ANN, SUPER, 1, NOON) is None
        moved = replace(ask(), chat_id=SUPER, message_id=1 - LEFT_BEHIND)
        assert tx.questions.take(ANN, SUPER, None, NOON) == moved
        assert tx.preferences.get(SUPER) == Preferences(model="painter")
        assert tx.preferences.get(GROUP) == Preferences()


def test_money_follows_and_adds_to_what_is_there(db: Direct) -> None:
    with db.transaction() as tx:
        for message, account in enumerate((GROUP, SUPER)):
            job = accepted(tx, draft(message, account_id=account, chat_id=account))
            tx.ledger.reserve(account, job.id, 2, NOON, 0, 0)
            tx.ledger.spend([account], Usage(tokens_in=3), NOON)
        tx.migrate_chat(GROUP, SUPER)
        assert tx.ledger.audit() == []
        totals = tx.ledger.totals(SUPER, NOON)
        assert totals[Period.DAY] == Totals(reserved=4, tokens_in=6, unpriced_calls=2, calls=2)
        for moved in tx.jobs.of_account(SUPER, 10):
            tx.jobs.end(moved.id, None, JobState.FAILED, OutcomeKind.EMPTY, "", NOON)
            assert tx.ledger.release(moved.id, NOON)
        assert tx.ledger.audit() == []
        assert (tx.ledger.totals(GROUP, NOON))[Period.ALL] == Totals()


def _reserved(tx: Transaction, message_id: int) -> int:
    job = accepted(tx, draft(message_id, account_id=GROUP, chat_id=GROUP))
    tx.ledger.reserve(GROUP, job.id, 1, NOON, 0, 0)
    tx.allowances.take(GROUP, ANN, 1, NOON, 0, 0)
    return job.id


def _charged(tx: Transaction, message_id: int) -> int:
    job_id = _reserved(tx, message_id)
    tx.jobs.end(job_id, None, JobState.DELIVERED, OutcomeKind.DRAWN, "", NOON)
    tx.ledger.settle(job_id, None, NOON)
    return job_id


@pytest.mark.parametrize(
    ("beside", "all_time"),
    [
        (lambda tx, _: _reserved(tx, 2), Totals(pictures=1, reserved=1)),
        (lambda tx, _: _charged(tx, 2), Totals(pictures=2)),
        (lambda tx, charged: tx.ledger.refund(charged, NOON), Totals()),
        (
            lambda tx, _: tx.ledger.spend((GROUP,), Usage(tokens_in=3), NOON),
            Totals(pictures=1, tokens_in=3, unpriced_calls=1, calls=1),
        ),
    ],
    ids=["reserved", "charged", "refunded", "spent"],
)
async def test_what_another_process_counts_during_a_move_is_not_lost(
    postgres_url: str, beside: Callable[[Transaction, int], object], all_time: Totals
) -> None:
    mover, other = await Store.open(postgres_url), await Store.open(postgres_url)
    charged = await mover.write(_charged, 1)
    counted, go_on = threading.Event(), threading.Event()

    def count(tx: Transaction) -> None:
        beside(tx, charged)
        counted.set()
        assert go_on.wait(60)

    counting = asyncio.create_task(other.write(count))
    await asyncio.to_thread(counted.wait, 60)
    moving = asyncio.create_task(mover.write(lambda tx: tx.migrate_chat(GROUP, SUPER)))
    await awaited_lock(postgres_url)
    go_on.set()
    await asyncio.gather(counting, moving)
    assert await mover.read(lambda tx: tx.ledger.audit()) == []
    for chat_id, totals in ((SUPER, all_time), (GROUP, Totals())):
        assert (await mover.read(lambda tx: tx.ledger.totals(chat_id, NOON)))[Period.ALL] == totals  # noqa: B023
    await mover.close()
    await other.close()


async def test_a_move_and_prompts_of_another_process_both_get_through(postgres_url: str) -> None:
    mover, other = await Store.open(postgres_url), await Store.open(postgres_url)
    for message in range(1, 41):
        moving = mover.write(lambda tx: tx.migrate_chat(GROUP, SUPER))
        await asyncio.gather(other.write(_charged, message), moving)
    await mover.write(lambda tx: tx.migrate_chat(GROUP, SUPER))
    assert await mover.read(lambda tx: tx.ledger.audit()) == []
    totals = await mover.read(lambda tx: tx.ledger.totals(SUPER, NOON))
    assert totals[Period.ALL] == Totals(pictures=40)
    await mover.close()
    await other.close()


def test_settings_allowances_and_who_added_the_bot_follow(db: Direct) -> None:
    with db.transaction() as tx:
        tx.people.seen_chat(GROUP, "group", "Cats", NOON)
        tx.people.added(GROUP, ANN)
        assert tx.people.hint(GROUP, NOON)
        tx.preferences.choose(Scope(GROUP), "prefix", "draw")
        tx.preferences.choose(Scope(GROUP), "ready_ping", value=True)
        tx.preferences.choose(Scope(GROUP, 7), "size", "2K")
        tx.allowances.take(GROUP, ANN, 1, NOON, 0, 0)
        tx.allowances.take(GROUP, GROUP, 1, NOON, 0, 0)
        tx.allowances.take(SUPER, SUPER, 1, NOON, 0, 0)
        tx.migrate_chat(GROUP, SUPER)
        tx.migrate_chat(GROUP, SUPER)
        kept = tx.preferences.of_scopes([Scope(SUPER, 7), Scope(SUPER), Scope(GROUP)])
        assert kept == [
            Preferences(size="2K"),
            Preferences(prefix="draw", ready_ping=True),
            Preferences(),
        ]
        assert tx.people.added_by(SUPER) == (ANN, None)
        assert not tx.people.hint(SUPER, NOON)
        used = [allowance_used(tx, SUPER, who, NOON) for who in (ANN, SUPER, GROUP, 0)]
        assert used == [1, 2, 0, 3]


def test_voices_and_better_prompts_reply_to_what_was_meant(db: Direct) -> None:
    reply = Reply(5, Source("replied"))
    with db.transaction() as tx:
        tx.questions.put(ask(message_id=5))
        tx.voices.put(Voice(ANN, GROUP, 6, Source("v"), 3, "en", NOON, reply=reply))
        tx.enhancements.put(Enhancement(ANN, GROUP, 7, "a cat", "en", NOON, reply=reply))
        for _ in range(2):
            tx.migrate_chat(GROUP, SUPER)
        voice = tx.voices.open(SUPER, 6 - LEFT_BEHIND)
        rewrite = tx.enhancements.open(SUPER, 7 - LEFT_BEHIND)
        assert voice is not None
        assert rewrite is not None
        # The new chat's message 5 is another; what the old one's asked is found by its number.
        assert voice.reply == rewrite.reply == Reply(5 - LEFT_BEHIND, Source("replied"))
        asked = tx.questions.take_replied(ANN, SUPER, 5 - LEFT_BEHIND, NOON)
        assert asked is not None
        assert asked.sources == ask().sources
