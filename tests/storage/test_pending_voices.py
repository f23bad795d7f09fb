"""Voices: each message once, each step once, and nothing after they were called off."""

from __future__ import annotations

from datetime import timedelta

from bot.domain import OutcomeKind, Reply, Source, Voice
from tests.storage.direct import Direct
from tests.storage.rows import ANN, BOB, GROUP, NOON, erase

VOICE = Voice(ANN, GROUP, 7, Source("v", size=900), 4, "de", NOON, 3, private=False, caption="x2")
REPLY = Voice(BOB, BOB, 8, Source("w"), 2, "en", NOON, reply=Reply(5, Source("p")))


def test_a_voice_is_kept_once_and_read_back_whole(db: Direct) -> None:
    with db.transaction() as tx:
        assert [tx.voices.put(one) for one in (VOICE, REPLY, VOICE)] == [True, True, False]
    with db.reading() as tx:
        assert tx.voices.unfinished(NOON) == [VOICE, REPLY]
        assert tx.voices.known(GROUP, 7)
        assert not tx.voices.known(GROUP, 8)
        assert tx.voices.waiting(ANN) == 1


def test_words_and_ends_are_noted_once(db: Direct) -> None:
    with db.transaction() as tx:
        tx.voices.put(VOICE)
        assert tx.voices.heard(VOICE, "a red fox")
        assert not tx.voices.heard(VOICE, "a blue fox")
        tx.voices.shown(VOICE, 9)
        (kept,) = tx.voices.unfinished(NOON)
        assert (kept.words, kept.heard_id) == ("a red fox", 9)
        assert kept.as_prompt().text == "a red fox x2"
        assert tx.voices.end(VOICE, OutcomeKind.DRAWN)
        assert not tx.voices.end(VOICE, OutcomeKind.DRAWN)
        assert tx.voices.unfinished(NOON) == []
        assert not tx.voices.put(VOICE)


def test_what_a_process_holds_is_nobody_elses_until_it_lapses_or_is_let_go(db: Direct) -> None:
    later = NOON + timedelta(minutes=1)
    with db.transaction() as tx:
        tx.voices.put(VOICE, later)
        assert tx.voices.unfinished(NOON) == []
        assert tx.voices.unfinished(later) == [VOICE]
        tx.voices.hold([(GROUP, 7), (GROUP, 8)], later + timedelta(minutes=1))
        assert tx.voices.unfinished(later) == []
        tx.voices.hold([(GROUP, 7)], NOON)
        assert tx.voices.unfinished(NOON) == [VOICE]
        tx.voices.hold([(GROUP, 7)], later)
        tx.migrate_chat(GROUP, -1_000_000_000_009)
        assert len(tx.voices.unfinished(NOON)) == 1


def test_what_was_called_off_is_not_heard(db: Direct) -> None:
    with db.transaction() as tx:
        tx.voices.put(VOICE)
        assert tx.pending.cancel(ANN) == (0, 1)
        assert tx.pending.cancel(ANN) == (0, 0)
        assert not tx.voices.heard(VOICE, "a red fox")


def test_a_voice_moves_with_its_chat_and_goes_with_its_owner(db: Direct) -> None:
    with db.transaction() as tx:
        tx.voices.put(VOICE)
        tx.migrate_chat(GROUP, -1_000_000_000_009)
        (moved,) = tx.voices.unfinished(NOON)
        assert moved.chat_id == -1_000_000_000_009
        assert moved.message_id < 0
        erase(tx, ANN, NOON)
        assert tx.voices.unfinished(NOON) == []


def test_what_was_published_is_known_by_bot(db: Direct) -> None:
    with db.transaction() as tx:
        tx.profile.set("7 commands", "a")
        tx.profile.set("7 commands", "b")
        tx.profile.set("77 commands", "c")
        assert tx.profile.of(7) == {"7 commands": "b"}
