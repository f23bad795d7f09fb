"""A stream's payloads: the same however its lines end and however its bytes were split."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.gateway.events import EventParser
from tests.gateway.streams import pieces


def payloads(data: bytes, cuts: list[int] | None = None) -> tuple[bytes, bool]:
    events = EventParser()
    out = [events.feed(piece) for piece in pieces(data, cuts or [])]
    return b"".join([*out, events.feed(b"", final=True)]), events.done


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: {}\n\n", b"{}\n"),
        (b"data:{}\n\n", b"{}\n"),
        (b"data:  {}\n\n", b" {}\n"),
        (b'data: {\ndata: "a": 1}\n\n', b'{ "a": 1}\n'),
        (b": PING\n\ndata: {}\n\n: PING\n\n", b"{}\n"),
        (b"event: x\nid: 1\nretry: 5\ndata: {}\n\n", b"{}\n"),
        (b"data: {}\n: between\ndata: []\n\n", b"{} []\n"),
        (b'{"error": 1}\n\n', b'{"error": 1}\n'),
        (b"data: {}", b"{}"),
        (b"data: {}\n\n\n\ndata: []\n\n", b"{}\n[]\n"),
        (b"database: {}\n\n", b""),
        (b"data\n\n", b""),
        (b"", b""),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_event_is_its_data(stream: bytes, expected: bytes, end: bytes) -> None:
    stream = stream.replace(b"\n", end)
    assert payloads(stream) == (expected, False)
    assert payloads(stream, list(range(len(stream)))) == (expected, False)


def test_nothing_counts_behind_done() -> None:
    assert payloads(b"data: {}\n\ndata: [DONE]\n\ndata: []\n\n") == (b"{}\n", True)
    assert payloads(b"data:[DONE]") == (b"", True)


alphabet = st.sampled_from(
    [
        b"data: ",
        b"data:",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b": x",
        b"{",
        b"}",
        b"[DONE]",
        b"event: a",
    ]
)


@given(
    data=st.lists(alphabet | st.binary(max_size=3)).map(b"".join),
    cuts=st.lists(st.integers(0, 1 << 16), max_size=12),
)
def test_any_bytes_split_anywhere_give_the_same(data: bytes, cuts: list[int]) -> None:
    assert payloads(data, cuts) == payloads(data)


def test_a_line_of_any_length_is_never_held() -> None:
    events, chunk = EventParser(), b"A" * (256 * 1024)
    events.feed(b'data: {"a": "')
    tracemalloc.start()
    try:
        total = sum(len(events.feed(chunk)) for _ in range(100))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 100 * len(chunk)
    assert peak < 2 << 20
