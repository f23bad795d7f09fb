"""The keyword prefix: a whole word at the beginning, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tg.parse import usable_prefix, without_prefix

LETTERS = st.characters(categories=["L", "N"])
WORDS = (st.text(LETTERS, min_size=2, max_size=6) | st.just("画")).filter(usable_prefix)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("draw a cat", "a cat"),
        ("DRAW: a cat", "a cat"),
        ("Draw\na cat", "a cat"),
        ("draw,a cat", "a cat"),
        ("draw", ""),
        ("draw :", ""),
        ("drawing a cat", None),
        ("draw-a cat", None),
        ("a cat draw", None),
        ("dra", None),
        ("", None),
    ],
)
def test_a_whole_word_is_cut_off(text: str, rest: str | None) -> None:
    assert without_prefix(text, "draw") == rest


@pytest.mark.parametrize(
    "word", ["", "a", "/draw", "@bot", "two words", "a:b", "_", "x" * 25, "ж" * 13]
)
def test_what_is_no_short_word_is_refused(word: str) -> None:
    assert not usable_prefix(word)


@given(WORDS, st.text())
def test_what_was_written_behind_comes_back(word: str, rest: str) -> None:
    assert without_prefix(f"{word}: {rest}", word) == rest.lstrip(" \t\n:,")


@given(st.text(), WORDS)
def test_any_text_is_taken(text: str, word: str) -> None:
    rest = without_prefix(text, word)
    assert rest is None or text.endswith(rest)
