"""Voices: each message once, each step once, and nothing after they were called off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain import OutcomeKind, Reply, Source, Voice
from tests.storage.rows import ANN, BOB, GROUP, NOON

if TYPE_CHECKING:
    from bot.storage import Store

VOICE = Voice(ANN, GROUP, 7, Source("v", size=900), 4, "de", NOON, 3, private=False, caption="x2")
REPLY = Voice(BOB, BOB, 8, Source("w"), 2, "en", NOON, reply=Reply(5, Source("p")))


async def test_a_voice_is_kept_once_and_read_back_whole(store: Store) -> None:
    async with store.transaction() as tx:
        assert [await tx.voices.put(one) for one in (VOICE, REPLY, VOICE)] == [True, True, False]
    async with store.reading() as tx:
        assert await tx.voices.undone() == [VOICE, REPLY]
        assert await tx.voices.known(GROUP, 7)
        assert not await tx.voices.known(GROUP, 8)
        assert await tx.voices.waiting(ANN) == 1


async def test_words_and_ends_are_noted_once(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.voices.put(VOICE)
        assert await tx.voices.heard(VOICE, "a red fox")
        assert not await tx.voices.heard(VOICE, "a blue fox")
        await tx.voices.shown(VOICE, 9)
        (kept,) = await tx.voices.undone()
        assert (kept.words, kept.heard_id) == ("a red fox", 9)
        assert kept.as_prompt().prompt == "a red fox x2"
        assert await tx.voices.end(VOICE, OutcomeKind.DRAWN, NOON)
        assert not await tx.voices.end(VOICE, OutcomeKind.DRAWN, NOON)
        assert await tx.voices.undone() == []
        assert not await tx.voices.put(VOICE)


async def test_what_was_called_off_is_not_heard(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.voices.put(VOICE)
        assert await tx.voices.forget(ANN, OutcomeKind.CANCELLED, NOON) == 1
        assert await tx.voices.forget(ANN, OutcomeKind.CANCELLED, NOON) == 0
        assert not await tx.voices.heard(VOICE, "a red fox")


async def test_a_voice_moves_with_its_chat_and_goes_with_its_owner(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.voices.put(VOICE)
        await tx.jobs.move_chat(GROUP, -1_000_000_000_009)
        (moved,) = await tx.voices.undone()
        assert moved.chat_id == -1_000_000_000_009
        assert moved.message_id < 0
        await tx.own_data.erase(ANN, NOON, "en")
        assert await tx.voices.undone() == []


async def test_what_was_published_is_known_by_bot(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.published.set("7 commands", "a")
        await tx.published.set("7 commands", "b")
        await tx.published.set("77 commands", "c")
        assert await tx.published.of(7) == {"7 commands": "b"}
