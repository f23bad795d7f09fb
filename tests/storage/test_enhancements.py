"""Prompts to be made better: each step once, and a press while they are shown."""

from __future__ import annotations

from dataclasses import replace

from bot.domain import Enhancement, Reply, Source
from tests.storage.direct import Direct
from tests.storage.rows import ANN, BOB, GROUP, NOON

REPLY = Reply(5, Source("p"))
ENHANCEMENT = Enhancement(
    ANN, GROUP, 7, "a cat", "de", NOON, 3, private=False, reply=REPLY, bare="cat"
)
OTHER = Enhancement(BOB, BOB, 8, "a dog", "en", NOON, flags="16:9")


def test_a_prompt_is_kept_once_and_read_back_whole(db: Direct) -> None:
    with db.transaction() as tx:
        assert [tx.enhancements.put(one) for one in (ENHANCEMENT, OTHER, ENHANCEMENT)] == [
            True,
            True,
            False,
        ]
        assert tx.enhancements.unfinished(NOON) == [ENHANCEMENT, OTHER]
        assert tx.enhancements.known(GROUP, 7)
        assert not tx.enhancements.known(GROUP, 8)
        assert (
            tx.enhancements.waiting(ANN),
            tx.enhancements.backlog(9),
            tx.enhancements.backlog(1),
        ) == (1, 2, 1)


def test_a_message_may_wait_as_several_kinds(db: Direct) -> None:
    with db.transaction() as tx:
        assert tx.enhancements.put(ENHANCEMENT)
        assert not tx.voices.known(GROUP, 7)


def test_better_words_are_shown_and_looked_for_anew(db: Direct) -> None:
    with db.transaction() as tx:
        tx.enhancements.put(ENHANCEMENT)
        assert not tx.enhancements.restart(ENHANCEMENT)
        tx.enhancements.shown(ENHANCEMENT, 50)
        assert tx.enhancements.unfinished(NOON) == [
            replace(ENHANCEMENT, shown_id=50)
        ]  # there are no words yet
        assert tx.enhancements.improved(ENHANCEMENT, "a fine cat")
        tx.enhancements.shown(ENHANCEMENT, 50)
        assert tx.enhancements.unfinished(NOON) == []
        assert not tx.enhancements.improved(ENHANCEMENT, "a finer cat")
        shown = replace(ENHANCEMENT, better="a fine cat", shown_id=50, shown=True)
        assert tx.enhancements.open(GROUP, 7) == shown
        assert tx.enhancements.restart(ENHANCEMENT)
        assert not tx.enhancements.restart(ENHANCEMENT)
        assert tx.enhancements.unfinished(NOON) == [replace(ENHANCEMENT, shown_id=50)]


def test_a_prompt_ends_once(db: Direct) -> None:
    with db.transaction() as tx:
        tx.enhancements.put(ENHANCEMENT)
        assert tx.enhancements.end(ENHANCEMENT)
        assert not tx.enhancements.end(ENHANCEMENT)
        assert not tx.enhancements.improved(ENHANCEMENT, "a fine cat")
        assert not tx.enhancements.restart(ENHANCEMENT)
        assert tx.enhancements.open(GROUP, 7) is None
        assert not tx.enhancements.put(ENHANCEMENT)


def test_cancelling_leaves_what_is_shown_to_its_buttons(db: Direct) -> None:
    shown = replace(ENHANCEMENT, message_id=9)
    with db.transaction() as tx:
        for one in (ENHANCEMENT, shown, OTHER):
            tx.enhancements.put(one)
        tx.enhancements.improved(shown, "")
        tx.enhancements.shown(shown, 50)
        assert tx.pending.cancel(ANN) == (0, 1)
        assert tx.enhancements.open(GROUP, 7) is None
        assert tx.enhancements.open(GROUP, 9) is not None
        assert tx.enhancements.unfinished(NOON) == [OTHER]
