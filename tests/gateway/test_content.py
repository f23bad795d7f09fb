"""The contents of a stream: cut out whole, whatever they hold and however the bytes were split."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.gateway.content import Content
from tests.gateway.streams import pieces

Texts = dict[tuple[int, str], bytes]


def split(data: bytes, cuts: list[int] | None = None) -> tuple[list[bytes], Texts]:
    """Split the contents off; of lines that follow each other and are the same, one counts."""
    content = Content()
    parts = [content.split(piece) for piece in pieces(data, cuts or [])]
    parts.append(content.split(b"", final=True))
    texts: Texts = {}
    for _, spoken in parts:
        for voice, text in spoken:
            texts[voice] = texts.get(voice, b"") + text
    lines = b"".join(events for events, _ in parts).split(b"\n")
    distinct = [line for at, line in enumerate(lines) if not line or line not in lines[:at]]
    return distinct, {voice: text for voice, text in texts.items() if text}


def choices(*inner: str) -> str:
    return f'{{"choices":[{",".join(f"{{{one}}}" for one in inner)}]}}'


FIRST, SECOND = (0, "delta"), (1, "delta")


@pytest.mark.parametrize(
    ("event", "left", "texts"),
    [
        (choices('"delta":{"content":"a"}'), choices('"delta":{"content":""}'), {FIRST: b"a"}),
        (
            choices('"delta" : {"content" :\t"a"}'),
            choices('"delta" : {"content" :\t""}'),
            {FIRST: b"a"},
        ),
        (
            choices(r'"delta":{"content":"\"\\"}'),
            choices('"delta":{"content":""}'),
            {FIRST: rb"\"\\"},
        ),
        (
            choices('"message":{"content":"a"}'),
            choices('"message":{"content":""}'),
            {(0, "message"): b"a"},
        ),
        (
            choices('"index":1,"delta":{"content":"a"}'),
            choices('"index":1,"delta":{"content":""}'),
            {SECOND: b"a"},
        ),
        (
            choices('"delta":{"content":"a"},"index":1'),
            choices('"delta":{"content":""},"index":1'),
            {SECOND: b"a"},
        ),
        (
            choices('"delta":{"content":"a"}', '"delta":{"content":"b"}'),
            choices('"delta":{"content":""}', '"delta":{"content":""}'),
            {FIRST: b"a", SECOND: b"b"},
        ),
        (
            "[" + choices('"delta":{"content":"a"}') + "]",
            "[" + choices('"delta":{"content":""}') + "]",
            {FIRST: b"a"},
        ),
    ],
)
def test_what_a_choice_says_is_cut_out(event: str, left: str, texts: Texts) -> None:
    data = f"{event}\n".encode()
    expected = [left.encode(), b""]
    assert split(data) == (expected, texts)
    assert split(data, list(range(len(data)))) == (expected, texts)
    twice = {voice: 3 * text for voice, text in texts.items()}
    assert split(3 * data) == split(3 * data, list(range(3 * len(data)))) == (expected, twice)


@pytest.mark.parametrize(
    "event",
    [
        '{"content":"a"}',
        '{"delta":{"content":"a"}}',
        '{"error":{"choices":[{"delta":{"content":"a"}}]}}',
        choices(r'"text":"\"content\": \"a\""'),
        choices('"delta":{"reasoning_content":"a"}'),
        choices('"delta":{"reasoning_details":[{"type":"reasoning.text","content":"a"}]}'),
        choices('"delta":{"content":null,"a":"content"}'),
        choices('"delta":{"content":["a"]}'),
        choices('"delta":{"content":[{"type":"thinking","content":"a"}]}'),
        choices('"delta":{"annotations":[{"url_citation":{"content":"a"}}]}'),
        choices('"delta":{"tool":{"content":"a"}}'),
        choices('"logprobs":{"content":"a"}'),
        choices('"delta":{"a":"' + 300 * "b" + '"},"content":"a"'),
    ],
)
def test_what_is_said_elsewhere_stays(event: str) -> None:
    data = f"{event}\n".encode()
    assert split(data) == ([event.encode(), b""], {})
    assert split(data, list(range(len(data)))) == ([event.encode(), b""], {})


def test_a_line_feed_ends_a_content_that_has_no_end() -> None:
    data = b'{"choices":[{"delta":{"content":"a\n' + choices('"delta":{"content":"b"}').encode()
    left = [b'{"choices":[{"delta":{"content":"', choices('"delta":{"content":""}').encode()]
    assert split(data) == split(data, list(range(len(data)))) == (left, {FIRST: b"ab"})


@pytest.mark.parametrize("index", ["", ',"index":1'])
def test_a_text_too_long_to_wait_for_its_choices_number_takes_its_place_for_it(index: str) -> None:
    data = choices(f'"delta":{{"content":"{"a" * 20_000}"}}{index}').encode() + b"\n"
    assert split(data)[1] == {FIRST: b"a" * 20_000}
    for step in (1, 1000):
        assert split(2 * data, list(range(0, len(data), step)))[1] == {FIRST: b"a" * 40_000}


@given(
    texts=st.lists(st.text() | st.sampled_from(['"content":"', "\\", '"', '\\"', "{", "url"])),
    order=st.lists(st.sampled_from(["index", "no index", "index last", "odd"]), min_size=1),
    ascii_only=st.booleans(),
    cuts=st.lists(st.integers(0, 1 << 16), max_size=12),
)
def test_any_texts_come_out_as_they_went_in(
    texts: list[str], order: list[str], *, ascii_only: bool, cuts: list[int]
) -> None:
    lines, expected = [], ["", ""]
    for at, text in enumerate(texts):
        kind = order[at % len(order)]
        number = 0 if kind == "no index" else at % 2
        index = {} if kind == "no index" else {"index": number}
        said = {"delta": {"content": text}}
        choice = index | said if kind == "index" else said | index
        event = {"a": text if kind == "odd" else "", "choices": [choice]}
        lines.append(json.dumps(event, ensure_ascii=ascii_only))
        expected[number] += text
    _, found = split("".join(f"{line}\n" for line in lines).encode(), cuts)
    for number in (0, 1):
        text = json.loads(b'"%s"' % found.get((number, "delta"), b""))
        assert text == json.loads(json.dumps(expected[number]))


alphabet = st.sampled_from(
    [
        *(b'"content"', b":", b'"', b"\\", b"\n", b" ", b"{", b"}", b"[", b"]", b",", b'"index":1'),
        *(b'{"choices":[{"delta":{"content":"', b'"}}]}\n', b'"message":{"content":"', b'"index":'),
        *(b'{"choices":[{"index":2,"delta":{"content":"', b'{"choices":[', b'"a":"' + b"b" * 199),
    ]
)


@given(
    data=st.lists(alphabet | st.binary(max_size=3), max_size=40).map(b"".join),
    cuts=st.lists(st.integers(0, 1 << 16), max_size=12),
)
def test_any_bytes_split_anywhere_give_the_same(data: bytes, cuts: list[int]) -> None:
    assert split(data, cuts) == split(data)
    assert split(data, list(range(len(data)))) == split(data)
