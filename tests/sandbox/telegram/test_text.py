"""Entities that Telegram finds by itself, in UTF-16 units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.telegram.text import Formatted, cut, trimmed, units, with_found


@given(st.text())
def test_units_are_utf_16(text: str) -> None:
    assert units(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/start", ["bot_command:/start"]),
        ("😀😀 /imagine@sandbox_bot a cat", ["bot_command:/imagine@sandbox_bot"]),
        ("hey @sandbox_bot!", ["mention:@sandbox_bot"]),
        ("a/b and 1/2 and me@x.org", ["email:me@x.org"]),
        ("see https://x.org/a?b#c #art", ["url:https://x.org/a?b#c", "hashtag:#art"]),
        ("/画 @ab #1", []),
        ("", []),
    ],
)
def test_found_entities(text: str, found: list[str]) -> None:
    formatted = with_found(Formatted(text))

    assert [f"{e['type']}:{cut(text, e)}" for e in formatted.entities] == found


def test_given_entities_hide_what_would_be_found_in_them() -> None:
    code = {"type": "code", "offset": 0, "length": 6}

    assert with_found(Formatted("/start /help", (code,))).entities == (
        code,
        {"type": "bot_command", "offset": 7, "length": 5},
    )


def test_trimming_moves_and_cuts_entities() -> None:
    bold = {"type": "bold", "offset": 0, "length": 6}
    gone = {"type": "italic", "offset": 0, "length": 2}

    assert trimmed(Formatted("  😀b  ", (bold, gone))) == Formatted(
        "😀b", ({"type": "bold", "offset": 0, "length": 3},)
    )
