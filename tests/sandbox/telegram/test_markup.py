"""Parse modes: entities out of HTML and MarkdownV2, and refusals of what is broken."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.telegram.markup import parse
from sandbox.telegram.refusal import Refused
from sandbox.telegram.text import cut

TAGS = ["b", "i", "u", "s", "code", "pre", "blockquote", "tg-spoiler"]


@st.composite
def _trees(draw: st.DrawFn) -> tuple[str, str]:
    """Draw well-formed HTML and the text it stands for."""
    pieces = draw(
        st.lists(st.tuples(st.sampled_from(["", *TAGS]), st.text(max_size=8)), max_size=6)
    )
    source = "".join(
        f"<{tag}>{html.escape(text, quote=False)}</{tag}>"
        if tag
        else html.escape(text, quote=False)
        for tag, text in pieces
    )
    return source, "".join(text for _, text in pieces)


@given(_trees())
def test_html_gives_its_text_and_covers_it_with_entities(tree: tuple[str, str]) -> None:
    source, text = tree

    formatted = parse(source, "HTML")

    assert formatted.text == text
    for entity in formatted.entities:
        assert cut(text, entity)


@given(st.text())
def test_escaped_markdown_is_the_plain_text(text: str) -> None:
    escaped = re.sub(r"([_*\[\]()~`>#+\-=|{}.!\\])", r"\\\1", text)

    assert parse(escaped, "MarkdownV2").text == text


@given(st.text(alphabet="<>/ab&;_*[]()`|~>! \n\\i😀"), st.sampled_from(["HTML", "MarkdownV2"]))
def test_anything_is_parsed_or_refused(text: str, mode: str) -> None:
    try:
        formatted = parse(text, mode)
    except Refused as refused:
        assert refused.description.startswith("Bad Request: can't parse entities: ")  # noqa: PT017 - either is right
    else:
        for entity in formatted.entities:
            assert cut(formatted.text, entity)


@pytest.mark.parametrize(
    ("mode", "source", "text", "entities"),
    [
        (None, "<b>*x*", "<b>*x*", []),
        ("HTML", "😀 <b>a<i>b</i></b>", "😀 ab", [("bold", 3, 2), ("italic", 4, 1)]),
        ("HTML", "a &lt;b&gt; &amp; &#39;", "a <b> & '", []),
        ("HTML", '<a href="https://x.org">x</a>', "x", [("text_link", 0, 1)]),
        ("HTML", '<pre><code class="language-py">x</code></pre>', "x", [("pre", 0, 1)]),
        ("HTML", "<blockquote expandable>x</blockquote>", "x", [("expandable_blockquote", 0, 1)]),
        (
            "MarkdownV2",
            "*a _b_* __c__",
            "a b c",
            [("bold", 0, 3), ("italic", 2, 1), ("underline", 4, 1)],
        ),
        ("MarkdownV2", "`a.b` ||s||", "a.b s", [("code", 0, 3), ("spoiler", 4, 1)]),
        ("MarkdownV2", "[x](https://x.org/\\))", "x", [("text_link", 0, 1)]),
        ("MarkdownV2", ">q\nx", "q\nx", [("blockquote", 0, 1)]),
    ],
)
def test_entities(
    mode: str | None, source: str, text: str, entities: list[tuple[str, int, int]]
) -> None:
    formatted = parse(source, mode)

    assert formatted.text == text
    found = [(e["type"], e["offset"], e["length"]) for e in formatted.entities]
    assert [entity for entity in found if entity[0] != "code" or mode != "HTML"] == entities


@pytest.mark.parametrize(
    ("mode", "source", "reason"),
    [
        ("HTML", "<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("HTML", "é</b>", "Unexpected end tag at byte offset 2"),
        ("HTML", "<img src='x'>", 'Unsupported start tag "img" at byte offset 0'),
        ("HTML", "a < b", 'Unsupported start tag "" at byte offset 2'),
        ("MarkdownV2", "*x", "Can't find end of Bold entity at byte offset 0"),
        ("MarkdownV2", "a-b", "Character '-' is reserved and must be escaped with the preceding"),
        ("MarkdownV2", "*a _b*", "Can't find end of Italic entity at byte offset 3"),
    ],
)
def test_broken_markup_is_refused(mode: str, source: str, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(source, mode)

    assert caught.value.description.startswith(f"Bad Request: can't parse entities: {reason}")


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(Refused, match="unsupported parse_mode"):
        parse("x", "rtf")
