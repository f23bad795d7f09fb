"""The content of a stream: cut out whole, whatever it holds and however the bytes were split."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.upstream.content import Content
from tests.upstream.streams import pieces


def split(data: bytes, cuts: list[int] | None = None) -> tuple[bytes, bytes]:
    content = Content()
    parts = [content.split(piece) for piece in pieces(data, cuts or [])]
    parts.append(content.split(b"", final=True))
    return b"".join(events for events, _ in parts), b"".join(found for _, found in parts)


@pytest.mark.parametrize(
    ("events", "left", "content"),
    [
        (b'{"content":"a"}\n', b'{"content":""}\n', b"a"),
        (b'{"content" : "a"}\n{"content":"b"}\n', b'{"content" : ""}\n{"content":""}\n', b"ab"),
        (rb'{"content":"\"\\"}', b'{"content":""}', rb"\"\\"),
        (rb'{"text":"\"content\": \"a\""}', rb'{"text":"\"content\": \"a\""}', b""),
        (b'{"reasoning_content":"a"}', b'{"reasoning_content":"a"}', b""),
        (b'{"content":null,"a":"content"}', b'{"content":null,"a":"content"}', b""),
        (b'{"content":["a"]}', b'{"content":["a"]}', b""),
        (b'{"content":"a\n{"content":"b"}', b'{"content":"\n{"content":""}', b"ab"),
        (
            b'{"url_citation":{"content":"a"},"content":"b"}',
            b'{"url_citation":{"content":"a"},"content":""}',
            b"b",
        ),
        (
            b'{"url_citation":{"url":"a"}}\n{"content":"b"}',
            b'{"url_citation":{"url":"a"}}\n{"content":""}',
            b"b",
        ),
    ],
)
def test_what_follows_a_key_named_content_is_cut_out(
    events: bytes, left: bytes, content: bytes
) -> None:
    assert split(events) == (left, content)
    assert split(events, list(range(len(events)))) == (left, content)


@given(
    texts=st.lists(st.text() | st.sampled_from(['"content":"', "\\", '"', '\\"', "{", "url"])),
    ascii_only=st.booleans(),
    cuts=st.lists(st.integers(0, 1 << 16), max_size=12),
)
def test_any_texts_come_out_as_they_went_in(
    texts: list[str], *, ascii_only: bool, cuts: list[int]
) -> None:
    lines = [
        json.dumps({"a": text, "delta": {"content": text}}, ensure_ascii=ascii_only)
        for text in texts
    ]
    events, content = split("".join(f"{line}\n" for line in lines).encode(), cuts)
    assert json.loads(b'"%s"' % content) == json.loads(json.dumps("".join(texts)))
    left = [json.loads(line) for line in events.split(b"\n")[:-1]]
    assert left == [{"a": text, "delta": {"content": ""}} for text in texts]


alphabet = st.sampled_from(
    [b'"content"', b":", b'"', b"\\", b"\n", b" ", b'"url_citation"', b"a", b'"content":"']
)


@given(
    data=st.lists(alphabet | st.binary(max_size=3)).map(b"".join),
    cuts=st.lists(st.integers(0, 1 << 16), max_size=12),
)
def test_any_bytes_split_anywhere_give_the_same(data: bytes, cuts: list[int]) -> None:
    assert split(data, cuts) == split(data)
    assert sum(map(len, split(data))) == len(data)
