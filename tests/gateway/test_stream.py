"""A streamed answer: however it is cut it means the same, and without its end it is no success."""

from __future__ import annotations

import json
import tracemalloc
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import OutcomeKind
from bot.gateway.errors import CallFailed
from bot.gateway.image_locations import ExtractedImage
from bot.gateway.receive import ResponseReader
from bot.gateway.response import ParsedResponse, classify_failure
from tests.gateway.pictures import base64, picture
from tests.gateway.streams import DONE, Taken, delta, event, pieces, taken
from tests.gateway.test_answers import FILES, Recorded
from tests.gateway.test_response import documents

PNG, JPEG, WEBP = picture("PNG"), picture("JPEG"), picture("WEBP")
END = delta("", "stop")
KEEP_ALIVE = b": PING\n\n"


def whole(content: str) -> bytes:
    return json.dumps(
        {"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}
    ).encode()


def drawn(one: Taken) -> tuple[str, list[bytes]]:
    """Give an answer's text and its pictures, in the order of their places."""
    reading = one.reader.response(200)
    found = [
        one.pictures[cut.index or 0] for cut in reading.images if isinstance(cut, ExtractedImage)
    ]
    return reading.text, found


def kind(stream: bytes, cuts: list[int] | None = None) -> OutcomeKind:
    """Give what an answer is taken for if no picture in it can be kept."""
    try:
        reading = taken(pieces(stream, cuts or [])).reader.response(200)
    except CallFailed as failed:
        return failed.kind
    whole = reading.images and not reading.error
    return OutcomeKind.DRAWN if whole else classify_failure(reading).kind


words = st.text(st.characters(codec="utf-8", exclude_characters="\ue000\ue001"), max_size=30)
urls = st.sampled_from([PNG, JPEG, WEBP]).map(
    lambda data: f"![image](data:image/png;base64,{base64(data)})"
)
contents = st.lists(words | urls, max_size=5).map("".join) | st.sampled_from([PNG, JPEG]).map(
    base64
)


@given(
    content=contents,
    deltas=st.lists(st.integers(0, 1 << 16), max_size=12),
    chunks=st.lists(st.integers(0, 1 << 16), max_size=12),
    end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    between=st.sampled_from([b"", KEEP_ALIVE, b": a\n", b"event: message\n", b"\n\n"]),
    close=st.sampled_from([END, END + DONE, DONE]),
)
def test_a_content_cut_anywhere_is_the_same_text_with_the_same_pictures(
    content: str, deltas: list[int], chunks: list[int], end: bytes, between: bytes, close: bytes
) -> None:
    edges = [0, *sorted(cut % (len(content) + 1) for cut in deltas), len(content)]
    parts = [content[start:stop] for start, stop in pairwise(edges)]
    stream = b"".join(between + delta(part) for part in parts) + close
    streamed = taken(pieces(stream.replace(b"\n", end), chunks))
    assert drawn(streamed) == drawn(taken([whole(content)]))


def test_base64_may_be_cut_before_any_of_its_characters() -> None:
    content = f"A ![image](data:image/png;base64,{base64(PNG[:100])}) cat"
    expected = drawn(taken([whole(content)]))
    assert expected == ("A  cat", [PNG[:100]])
    for at in range(len(content)):
        stream = delta(content[:at]) + KEEP_ALIVE + delta(content[at:]) + END
        assert drawn(taken([stream])) == expected
    assert drawn(taken([b"".join(map(delta, content)) + END])) == expected


def said(index: int, content: str, *, last: bool) -> bytes:
    number, delta_ = {"index": index}, {"delta": {"content": content}}
    return event({"choices": [delta_ | number if last else number | delta_]})


@given(
    texts=st.lists(contents, min_size=2, max_size=3),
    turns=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 300)), max_size=20),
    chunks=st.lists(st.integers(0, 1 << 16), max_size=12),
    last=st.booleans(),
)
def test_choices_by_turns_are_kept_apart(
    texts: list[str], turns: list[tuple[int, int]], chunks: list[int], *, last: bool
) -> None:
    left, stream = list(texts), b""
    for turn, size in [*turns, *((index, 1 << 20) for index in range(len(texts)))]:
        index = turn % len(texts)
        stream += said(index, left[index][:size], last=last)
        left[index] = left[index][size:]
    messages = [{"message": {"content": text}} for text in texts]
    expected = drawn(taken([json.dumps({"choices": messages}).encode()]))
    assert drawn(taken(pieces(stream + END, chunks))) == expected


@given(
    content=contents,
    deltas=st.lists(st.integers(0, 1 << 16), max_size=6),
    chunks=st.lists(st.integers(0, 1 << 16), max_size=12),
    beside=st.booleans(),
)
def test_a_message_that_repeats_the_content_changes_nothing(
    content: str, deltas: list[int], chunks: list[int], *, beside: bool
) -> None:
    edges = [0, *sorted(cut % (len(content) + 1) for cut in deltas), len(content)]
    parts = b"".join(delta(content[start:stop]) for start, stop in pairwise(edges))
    message = {"message": {"content": content}, "finish_reason": "stop"}
    end = event({"choices": [{"delta": {}} | message if beside else message]})
    expected = drawn(taken([whole(content)]))
    assert drawn(taken(pieces(parts + end + DONE, chunks))) == expected


STREAMS = {
    "content": delta("A cat ") + delta(f"![i](data:image/png;base64,{base64(PNG[:100])})") + END,
    "images": event({"choices": [{"delta": {"images": [base64(PNG[:100])]}}]}) + KEEP_ALIVE + END,
    "images route": b"event: image_generation.completed\n"
    + event({"type": "image_generation.completed", "b64_json": base64(PNG[:100])}),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_is_cut_before_its_end_is_broken(name: str) -> None:
    stream = STREAMS[name]
    end = stream.rindex(b"}") + 1
    assert kind(b"") is OutcomeKind.EMPTY
    for at in range(len(b"event:"), end):
        assert kind(stream[:at]) is OutcomeKind.CUT_OFF
        assert kind(stream[:at] + b"\n\n") in {OutcomeKind.CUT_OFF, OutcomeKind.UNREADABLE}
    for at in range(end, len(stream)):
        assert kind((stream + DONE)[:at]) is OutcomeKind.DRAWN


BODIES = [
    Recorded.read(path, "https://a.example").body for path in FILES if "deep" not in path.stem
]


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """Draw a recorded answer with bytes left out, put in or exchanged."""
    body = bytearray(draw(st.sampled_from(BODIES)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(body)))
        length = draw(st.integers(0, 4) | st.integers(0, 3000))
        body[at : at + length] = draw(st.binary(max_size=4) | st.sampled_from([b"\n", b'"', b"{"]))
    return bytes(body)


@settings(max_examples=300)
@given(
    body=mutations() | st.binary(max_size=300) | st.binary(max_size=300).map(b"data: ".__add__),
    cuts=st.lists(st.integers(0, 1 << 16), max_size=6),
    status=st.sampled_from([200, 200, 201, 400, 429, 503]),
)
def test_any_bytes_are_read_or_fail_in_a_typed_way(
    body: bytes, cuts: list[int], status: int
) -> None:
    heard: list[str] = []
    reader = ResponseReader(limit=1 << 20, images=16, on_text=heard.append, record=4096)
    with suppress(CallFailed):
        reading = taken(pieces(body, cuts), reader).reader.response(status)
        assert isinstance(reading, ParsedResponse)
        assert isinstance(classify_failure(reading).kind, OutcomeKind)
        assert isinstance(reader.recorded, bytes)


TYPES = st.sampled_from(["error", "response.completed", "a.partial_image", "image_edit.completed"])


@given(
    events=st.lists(
        documents | st.fixed_dictionaries({"type": TYPES, "response": documents}), max_size=6
    ),
    status=st.sampled_from([200, 429]),
)
def test_any_events_are_read_or_fail_in_a_typed_way(events: list[object], status: int) -> None:
    stream = b"".join(map(event, events)) + DONE
    with suppress(CallFailed):
        assert isinstance(taken([stream]).reader.response(status), ParsedResponse)


def test_many_small_events_are_not_held() -> None:
    reader = ResponseReader(limit=30_000, images=16)
    stream = [delta("a ") for _ in range(10_000)] + [END]
    assert len(taken(stream, reader).reader.response(200).text) == 19_999


@pytest.mark.parametrize(
    "one",
    [
        delta("words " * 10),
        event({"choices": [{"delta": {"images": ["https://a.example/1"]}}]}),
        event({"data": [{"url": "https://a.example/1"}]}),
        event({"choices": [{"delta": {"refusal": "never " * 10}}]}),
        event({"candidates": [{"content": {"parts": [{"text": "words " * 10}]}}]}),
        b"data: " + b"x" * 200,
    ],
)
def test_what_is_held_of_a_stream_is_bounded(one: bytes) -> None:
    reader = ResponseReader(limit=20_000, images=16)
    tracemalloc.start()
    try:
        taken([one] * 10_000, reader)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert reader.is_full
    assert held < 1 << 20


@pytest.mark.parametrize("size", [65_536, 3000])
def test_memory_stays_flat_over_200_mb(size: int) -> None:
    block = delta(base64(b"\x00" * (size * 3 // 4)))
    count = (200 << 20) // 65_536 if size == 65_536 else 5000
    reader = ResponseReader(limit=10_000, images=4)
    total = sum(len(piece.data) for piece in reader.feed(delta("data:;base64," + base64(PNG[:48]))))
    tracemalloc.start()
    try:
        for _ in range(count):
            total += sum(len(piece.data) for piece in reader.feed(block))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    total += sum(len(piece.data) for piece in [*reader.feed(END), *reader.finish()])
    assert total == 48 + count * (size * 3 // 4)
    assert peak < 2 << 20
    assert len(reader.response(200).images) == 1


def heard(chunks: list[bytes]) -> list[str]:
    texts: list[str] = []
    taken(chunks, ResponseReader(limit=1 << 20, images=16, on_text=texts.append))
    return texts


def test_the_words_are_heard_as_they_come() -> None:
    chunks = [delta("Here"), KEEP_ALIVE, delta(" is \\ a "), delta("cat\n"), delta(""), END]
    assert heard(chunks) == ["Here is \\ a", "Here is \\ a cat"]


def test_nothing_of_a_picture_is_ever_heard() -> None:
    content = f"One\n![the image](data:image/png;base64,{base64(PNG)})\n\ntwo data:image/jpeg;base64,{base64(JPEG)}"
    texts = heard([delta(part) for part in content] + [END])
    assert texts[-1] == "One\n\ntwo"
    assert all("One\n\ntwo".startswith(text) for text in texts)


def test_a_content_of_raw_base64_is_not_heard() -> None:
    assert heard([delta(part) for part in base64(PNG)] + [END]) == []


def test_a_whole_document_is_not_heard() -> None:
    assert heard([whole("Hello there")]) == []


def test_a_long_text_is_heard_ever_more_seldom_and_only_its_beginning() -> None:
    texts = heard([delta(f"word {at} ") for at in range(20_000)] + [END])
    assert 50 < len(texts) < 500
    assert max(map(len, texts)) <= 20_000


def test_half_an_escape_is_not_heard() -> None:
    stream = b'data: {"choices":[{"delta":{"content":"It is \\u00e9 \\ud83d\\ude3a so"}}]}\n\n'
    texts = heard([bytes([byte]) for byte in stream] + [END])
    assert texts[-1] == "It is \u00e9 \U0001f63a so"
    assert all("\\" not in text for text in texts)


def test_an_error_behind_an_event_that_cannot_be_read_is_not_taken_for_free() -> None:
    error = event({"type": "error", "error": {"code": 429, "message": "Slow down"}})
    free = taken([KEEP_ALIVE + error]).reader.response(200).error
    unknown = taken([b'data: {"b64_json":"' + base64(PNG).encode() + b"\n\n" + error])
    paid = unknown.reader.response(200).error
    assert free is not None
    assert free.repeatable
    assert paid is not None
    assert not paid.repeatable
