"""Prompts to be made better: each step once, and a press while they are shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain import Enhancement, Reply, Source
from tests.storage.rows import ANN, BOB, GROUP, NOON

if TYPE_CHECKING:
    from tests.storage.direct import Direct

REPLY = Reply(5, Source("p"))
REWRITE = Enhancement(ANN, GROUP, 7, "a cat", "de", NOON, 3, private=False, reply=REPLY, bare="cat")
OTHER = Enhancement(BOB, BOB, 8, "a dog", "en", NOON, flags="16:9")


def test_a_prompt_is_kept_once_and_read_back_whole(db: Direct) -> None:
    with db.transaction() as tx:
        assert [tx.rewrites.put(one) for one in (REWRITE, OTHER, REWRITE)] == [True, True, False]
        assert tx.rewrites.undone() == [REWRITE, OTHER]
        assert tx.rewrites.known(GROUP, 7)
        assert not tx.rewrites.known(GROUP, 8)
        assert (tx.rewrites.waiting(ANN), tx.rewrites.crowd(9), tx.rewrites.crowd(1)) == (1, 2, 1)


def test_a_message_may_wait_as_several_kinds(db: Direct) -> None:
    with db.transaction() as tx:
        assert tx.rewrites.put(REWRITE)
        assert not tx.voices.known(GROUP, 7)


def test_better_words_are_shown_and_looked_for_anew(db: Direct) -> None:
    with db.transaction() as tx:
        tx.rewrites.put(REWRITE)
        assert not tx.rewrites.anew(REWRITE)
        tx.rewrites.shown(REWRITE, 50)
        assert tx.rewrites.undone() == [replace(REWRITE, shown_id=50)]  # there are no words yet
        assert tx.rewrites.bettered(REWRITE, "a fine cat")
        tx.rewrites.shown(REWRITE, 50)
        assert tx.rewrites.undone() == []
        assert not tx.rewrites.bettered(REWRITE, "a finer cat")
        shown = replace(REWRITE, better="a fine cat", shown_id=50, shown=True)
        assert tx.rewrites.open(GROUP, 7) == shown
        assert tx.rewrites.anew(REWRITE)
        assert not tx.rewrites.anew(REWRITE)
        assert tx.rewrites.undone() == [replace(REWRITE, shown_id=50)]


def test_a_prompt_ends_once(db: Direct) -> None:
    with db.transaction() as tx:
        tx.rewrites.put(REWRITE)
        assert tx.rewrites.end(REWRITE)
        assert not tx.rewrites.end(REWRITE)
        assert not tx.rewrites.bettered(REWRITE, "a fine cat")
        assert not tx.rewrites.anew(REWRITE)
        assert tx.rewrites.open(GROUP, 7) is None
        assert not tx.rewrites.put(REWRITE)


def test_cancelling_leaves_what_is_shown_to_its_buttons(db: Direct) -> None:
    shown = replace(REWRITE, message_id=9)
    with db.transaction() as tx:
        for one in (REWRITE, shown, OTHER):
            tx.rewrites.put(one)
        tx.rewrites.bettered(shown, "")
        tx.rewrites.shown(shown, 50)
        assert tx.pending.cancel(ANN) == (0, 1)
        assert tx.rewrites.open(GROUP, 7) is None
        assert tx.rewrites.open(GROUP, 9) is not None
        assert tx.rewrites.undone() == [OTHER]
