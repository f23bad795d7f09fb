"""The texts of a stream's choices: put together whole, whatever they hold and however cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.gateway.json import CUT
from bot.gateway.stream import StreamReader
from tests.gateway.pictures import base64, picture
from tests.gateway.streams import DONE, pieces

Texts = dict[tuple[int, str], str]
PNG = picture("PNG", side=60)


def read(data: bytes, cuts: list[int] | None = None, limit: int = 1 << 20) -> StreamReader:
    reader = StreamReader(limit=limit, indices=iter(range(16)))
    for piece in pieces(data, cuts or []):
        reader.feed(piece)
    reader.finish()
    return reader


def texts(data: bytes, cuts: list[int] | None = None, limit: int = 1 << 20) -> Texts:
    """Give what the choices of these events say, by number and kind."""
    reader = read(data, cuts, limit)
    return {(speaker.choice, speaker.name): text for speaker, text in reader._all_texts().items()}


def event(payload: str) -> bytes:
    return f"data: {payload}\n\n".encode()


def choices(*inner: str) -> str:
    return f'{{"choices":[{",".join(f"{{{one}}}" for one in inner)}]}}'


FIRST, SECOND = (0, "delta"), (1, "delta")


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (choices('"delta":{"content":"a"}'), {FIRST: "a"}),
        (choices('"delta" : {"content" :\t"a"}'), {FIRST: "a"}),
        (choices(r'"delta":{"content":"\"\\"}'), {FIRST: '"\\'}),
        (choices('"message":{"content":"a"}'), {(0, "message"): "a"}),
        (choices('"index":1,"delta":{"content":"a"}'), {SECOND: "a"}),
        (choices('"delta":{"content":"a"},"index":1'), {SECOND: "a"}),
        (choices('"index":99,"delta":{"content":"a"}'), {FIRST: "a"}),
        (
            choices('"delta":{"content":"a"}', '"delta":{"content":"b"}'),
            {FIRST: "a", SECOND: "b"},
        ),
        ("[" + choices('"delta":{"content":"a"}') + "]", {FIRST: "a"}),
    ],
)
def test_what_a_choice_says_is_its_text(payload: str, expected: Texts) -> None:
    data = event(payload)
    assert texts(data) == expected
    assert texts(data, list(range(len(data)))) == expected
    thrice = {speaker: 3 * text for speaker, text in expected.items()}
    assert texts(3 * data) == texts(3 * data, list(range(3 * len(data)))) == thrice


@pytest.mark.parametrize(
    "payload",
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
def test_what_is_said_elsewhere_is_not_its_text(payload: str) -> None:
    data = event(payload)
    assert texts(data) == texts(data, list(range(len(data)))) == {}


def test_a_malformed_event_does_not_spoil_the_next() -> None:
    data = b'data: {"choices":[{"delta":{"content":"a\n\n' + event(
        choices('"delta":{"content":"b"}')
    )
    assert texts(data) == texts(data, list(range(len(data)))) == {FIRST: f"a{CUT}b"}


LONG = f'a \\" \\u00e9 \u732b \\ud83d\\ude3a \\n{"b " * 5000}'
NAMES = ['"index":0,"delta"', '"delta"', '"index":1,"delta"', '"index":0,"message"']


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("step", [1, 7, 1000, 1 << 20])
@pytest.mark.parametrize("end", ["", ',"role":"assistant"'])
def test_a_text_longer_than_any_event_that_is_held_is_taken_as_it_comes(
    name: str, step: int, end: str
) -> None:
    data = event(choices(f'{name}:{{"content":"{LONG}"{end}}}'))
    speaker = (int('"index":1' in name), "message" if "message" in name else "delta")
    found = texts(2 * data, list(range(0, 2 * len(data), step)), limit=30_000)
    assert found == {speaker: 2 * json.loads(f'"{LONG}"')}


@pytest.mark.parametrize("step", [7, 1000, 5000])
def test_a_picture_goes_on_from_one_long_text_to_the_next(step: int) -> None:
    content = f"![i](data:image/png;base64,{base64(PNG)})"
    half = len(content) // 2
    data = b"".join(
        event(choices(f'"delta":{{"content":"{part}"}}'))
        for part in (content[:half], content[half:])
    )
    reader = StreamReader(limit=4000, indices=iter(range(4)))
    chunks = [
        chunk for at in range(0, len(data), step) for chunk in reader.feed(data[at : at + step])
    ]
    chunks += reader.feed(DONE) + reader.finish()
    assert b"".join(chunk.data for chunk in chunks) == PNG


@given(
    texts_=st.lists(st.text() | st.sampled_from(['"content":"', "\\", '"', '\\"', "{", "url"])),
    order=st.lists(st.sampled_from(["index", "no index", "index last", "odd"]), min_size=1),
    ascii_only=st.booleans(),
    cuts=st.lists(st.integers(0, 1 << 16), max_size=12),
    limit=st.sampled_from([400, 1 << 20]),
)
def test_any_texts_come_out_as_they_went_in(
    texts_: list[str], order: list[str], *, ascii_only: bool, cuts: list[int], limit: int
) -> None:
    lines, expected = [], ["", ""]
    for at, text in enumerate(texts_):
        kind = order[at % len(order)]
        number = 0 if kind == "no index" else at % 2
        index = {} if kind == "no index" else {"index": number}
        said = {"delta": {"content": text}}
        choice = index | said if kind == "index" else said | index
        document = {"a": text if kind == "odd" else "", "choices": [choice]}
        lines.append(event(json.dumps(document, ensure_ascii=ascii_only)))
        expected[number] += text
    found = texts(b"".join(lines), cuts, limit)
    came = [found.get(FIRST, ""), found.get(SECOND, "")]
    assert read(b"".join(lines), cuts, limit).is_full or came == expected


alphabet = st.sampled_from(
    [
        *(b'"content"', b":", b'"', b"\\", b"\n", b" ", b"{", b"}", b"[", b"]", b",", b'"index":1'),
        *(b'{"choices":[{"delta":{"content":"', b'"}}]}\n', b'"message":{"content":"', b'"index":'),
        *(b'{"choices":[{"index":2,"delta":{"content":"', b'{"choices":[', b'"a":"' + b"b" * 199),
        *(b"data: ", b"\n\n", b'"}}]}\n\ndata: {"choices":[{"delta":{"content":"'),
    ]
)


@given(
    data=st.lists(alphabet | st.binary(max_size=3), max_size=40).map(b"".join),
    cuts=st.lists(st.integers(0, 1 << 16), max_size=12),
)
def test_any_bytes_split_anywhere_give_the_same(data: bytes, cuts: list[int]) -> None:
    assert texts(data, cuts) == texts(data)
    assert texts(data, list(range(len(data)))) == texts(data)
