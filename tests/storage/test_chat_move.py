"""A group that became a supergroup: nothing is lost, nothing is mistaken for something else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

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
from bot.storage.chat_move import LEFT_BEHIND
from tests.storage.rows import ANN, GROUP, NOON, accepted, album_item, ask, draft, picture

if TYPE_CHECKING:
    from bot.storage import Store

SUPER = -1_000_000_002_001


async def test_jobs_follow_and_new_messages_with_their_numbers_are_new(store: Store) -> None:
    async with store.transaction() as tx:
        job = await accepted(tx, draft(5, chat_id=GROUP))
        await tx.jobs.set_status_message(job.id, 6)
        await tx.jobs.move_chat(GROUP, SUPER)
        await tx.jobs.move_chat(GROUP, SUPER)
        moved = await tx.jobs.get(job.id)
        assert moved is not None
        assert (
            moved.chat_id,
            moved.message_id,
            moved.status_message_id,
            moved.after_message_id,
        ) == (SUPER, 5 - LEFT_BEHIND, None, 0)
        assert await tx.jobs.add(draft(5, chat_id=SUPER), NOON) is not None


async def test_pictures_follow_and_stand_nowhere(store: Store) -> None:
    async with store.transaction() as tx:
        job = await accepted(tx, draft(chat_id=GROUP))
        await tx.jobs.admit(ANN, 1)
        await tx.jobs.claim(Wake(job.id, 0), NOON)
        await tx.jobs.keep(job.id, 1, Drawn((picture(),), ""), NOON)
        (drawn,) = await tx.pictures.of_job(job.id)
        await tx.pictures.placed(drawn.id, GROUP, 7)
        await tx.outgoing.add(GROUP, 8, NOON)
        await tx.jobs.move_chat(GROUP, SUPER)
        (moved,) = await tx.pictures.of_job(job.id)
        assert (moved.chat_id, moved.message_id) == (SUPER, None)
        for chat_id in (SUPER, GROUP):
            assert await tx.outgoing.known(chat_id, 0, 10) == set()
            assert await tx.outgoing.newest(chat_id) == 0


async def test_albums_questions_and_preferences_follow(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.albums.add(album_item(1))
        await tx.albums.add(album_item(2))
        await tx.asks.put(ask(message_id=1))
        await tx.asks.questioned(GROUP, 1, 50)
        await tx.preferences.set_model(GROUP, "painter")
        await tx.jobs.move_chat(GROUP, SUPER)
        items = await tx.albums.close(SUPER, "album")
        assert [item.source.file_id for item in items] == ["photo 1", "photo 2"]
        assert await tx.asks.put(replace(ask(message_id=50), chat_id=SUPER, thread_id=3))
        assert await tx.asks.take_replied(ANN, SUPER, 1, NOON) is None
        moved = replace(ask(), chat_id=SUPER, message_id=1 - LEFT_BEHIND)
        assert await tx.asks.take(ANN, SUPER, None, NOON) == moved
        assert await tx.preferences.get(SUPER) == Preferences(model="painter")
        assert await tx.preferences.get(GROUP) == Preferences()


async def test_money_follows_and_adds_to_what_is_there(store: Store) -> None:
    async with store.transaction() as tx:
        for message, account in enumerate((GROUP, SUPER)):
            job = await accepted(tx, draft(message, account_id=account, chat_id=account))
            await tx.ledger.reserve(account, job.id, 2, NOON, 0, 0)
            await tx.ledger.spend([account], Usage(tokens_in=3), NOON)
        await tx.jobs.move_chat(GROUP, SUPER)
        assert await tx.ledger.audit() == []
        totals = await tx.ledger.totals(SUPER, NOON)
        assert totals[Period.DAY] == Totals(reserved=4, tokens_in=6, unpriced_calls=2)
        for moved in await tx.jobs.of_account(SUPER, 10):
            await tx.jobs.end(moved.id, None, JobState.FAILED, OutcomeKind.EMPTY, "", NOON)
            assert await tx.ledger.release(moved.id, NOON)
        assert await tx.ledger.audit() == []
        assert (await tx.ledger.totals(GROUP, NOON))[Period.ALL] == Totals()


async def test_settings_allowances_and_who_added_the_bot_follow(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.people.seen_chat(GROUP, "group", "Cats", NOON)
        await tx.people.added(GROUP, ANN)
        assert await tx.people.hint(GROUP, NOON)
        await tx.preferences.choose(Scope(GROUP), "prefix", "draw")
        await tx.preferences.choose(Scope(GROUP), "ready_ping", value=True)
        await tx.preferences.choose(Scope(GROUP, 7), "size", "2K")
        await tx.allowances.take(GROUP, ANN, 1, NOON, 0, 0)
        await tx.allowances.take(GROUP, GROUP, 1, NOON, 0, 0)
        await tx.allowances.take(SUPER, SUPER, 1, NOON, 0, 0)
        await tx.jobs.move_chat(GROUP, SUPER)
        await tx.jobs.move_chat(GROUP, SUPER)
        kept = await tx.preferences.levels([Scope(SUPER, 7), Scope(SUPER), Scope(GROUP)])
        assert kept == [
            Preferences(size="2K"),
            Preferences(prefix="draw", ready_ping=True),
            Preferences(),
        ]
        assert await tx.people.added_by(SUPER) == (ANN, None)
        assert not await tx.people.hint(SUPER, NOON)
        used = [await tx.allowances.used(SUPER, who, NOON) for who in (ANN, SUPER, GROUP, 0)]
        assert used == [1, 2, 0, 3]


async def test_voices_and_better_prompts_reply_to_what_was_meant(store: Store) -> None:
    reply = Reply(5, Source("replied"))
    async with store.transaction() as tx:
        await tx.asks.put(ask(message_id=5))
        await tx.voices.put(Voice(ANN, GROUP, 6, Source("v"), 3, "en", NOON, reply=reply))
        await tx.rewrites.put(Enhancement(ANN, GROUP, 7, "a cat", "en", NOON, reply=reply))
        for _ in range(2):
            await tx.jobs.move_chat(GROUP, SUPER)
        voice = await tx.voices.open(SUPER, 6 - LEFT_BEHIND)
        rewrite = await tx.rewrites.open(SUPER, 7 - LEFT_BEHIND)
        assert voice is not None
        assert rewrite is not None
        # The new chat's message 5 is another; what the old one's asked is found by its number.
        assert voice.reply == rewrite.reply == Reply(5 - LEFT_BEHIND, Source("replied"))
        asked = await tx.asks.take_replied(ANN, SUPER, 5 - LEFT_BEHIND, NOON)
        assert asked is not None
        assert asked.sources == ask().sources
