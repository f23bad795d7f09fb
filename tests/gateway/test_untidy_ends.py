"""Untidy ends: what stands behind a whole picture, or is missing there, takes nothing away."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.catalogue.profiles import Profile
from bot.domain import Answer, Drawn, OutcomeKind
from bot.gateway import client
from bot.gateway.client import GatewayClient
from bot.gateway.errors import CallFailed
from bot.gateway.image_locations import ExtractedImage
from bot.gateway.json import CUT, parse_cut
from bot.gateway.request import ImageRequest
from bot.gateway.response import classify_failure
from bot.gateway.transport import Endpoint
from bot.media.store import MediaStore
from tests.gateway.conftest import KEY
from tests.gateway.pictures import base64, picture
from tests.gateway.streams import DONE, Taken, delta, event, pieces, taken
from tests.support.media import file_of
from tests.support.wire import Play, Received, Server, chunked, reply

PNG = picture()
B64 = base64(PNG)
LARGE = picture(side=500)
USAGE = {"prompt_tokens": 9, "completion_tokens": 1290, "note": 'a "quoted\\ word ü 🦊'}


def document(message: dict[str, object]) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps({"id": "a", "choices": [choice], "usage": USAGE}).encode()


def said(data: bytes = PNG) -> bytes:
    return document({"content": f"Here: ![i](data:image/png;base64,{base64(data)}) and so on"})


DOCUMENTS = {
    "content": said(),
    "images": document(
        {"content": None, "images": [{"image_url": {"url": f"data:;base64,{B64}"}}]}
    ),
    "parts": document({"content": [{"inlineData": {"mimeType": "image/png", "data": B64}}]}),
    "data": json.dumps({"data": [{"b64_json": B64}], "usage": USAGE}).encode(),
    "native": json.dumps(
        {"candidates": [{"content": {"parts": [{"inlineData": {"data": B64}}]}}], "usage": USAGE}
    ).encode(),
}
END = delta("", "stop") + event({"choices": [], "usage": USAGE})
STREAMS = {
    "content": delta("Here: ") + delta(f"![i](data:image/png;base64,{B64}) and so on") + END,
    "images": event({"choices": [{"delta": {"images": [{"url": f"data:;base64,{B64}"}]}}]}) + END,
    "edits": event({"type": "image_edit.completed", "b64_json": B64, "usage": USAGE}),
}
WHOLE = DOCUMENTS | STREAMS
BEHIND = [
    b'{"error":{"message":"client gone","type":"new_api_error"}}',
    b'\n{"code": 500, "msg": "late"}\n',
    b"\n\ndata: [DONE]\n\n",
    b"data: {}\n\n",
    b"\n{}\n[]\n",
    b"<html>502</html>",
    b'{"choices":[{"message":{"conte',
    b"\x00\xff",
    b"}",
]


def drawn(one: Taken, broken: CallFailed | None = None) -> list[bytes]:
    found = one.reader.response(200, broken).images
    indices = [cut.index for cut in found if isinstance(cut, ExtractedImage)]
    return [one.pictures[index] for index in indices if index is not None]


@given(
    name=st.sampled_from(sorted(WHOLE)),
    back=st.integers(0, 1 << 16),
    cuts=st.lists(st.integers(0, 1 << 16), max_size=4),
)
def test_a_cut_anywhere_behind_a_picture_leaves_it_whole(
    name: str, back: int, cuts: list[int]
) -> None:
    body = WHOLE[name]
    end = body.rindex(B64.encode()) + len(B64)
    at = len(body) - back % (len(body) - end + 1)
    assert drawn(taken(pieces(body[:at], cuts))) == [PNG]


@given(name=st.sampled_from(sorted(WHOLE)), at=st.integers(0, 1 << 16))
def test_a_cut_before_the_end_of_a_picture_is_told_as_a_cut(name: str, at: int) -> None:
    body = WHOLE[name]
    at = 6 + at % (body.index(B64.encode()) + len(B64) - 40)
    broken = CallFailed(OutcomeKind.CUT_OFF, "the connection broke")
    one = taken([body[:at]])
    assert PNG not in one.pictures.values()
    try:
        response = one.reader.response(200, broken)
    except CallFailed as error:
        failed = error
    else:
        failed = classify_failure(response)
        assert CUT not in response.text
    assert failed.kind is OutcomeKind.CUT_OFF


@given(
    name=st.sampled_from(sorted(DOCUMENTS)),
    behind=st.lists(st.sampled_from(BEHIND), min_size=1, max_size=3),
    cuts=st.lists(st.integers(0, 1 << 16), max_size=4),
)
def test_what_stands_behind_a_whole_document_changes_nothing(
    name: str, behind: list[bytes], cuts: list[int]
) -> None:
    one = taken(pieces(DOCUMENTS[name] + b"".join(behind), cuts))
    assert drawn(one) == [PNG]
    assert one.reader.response(200).text == taken([DOCUMENTS[name]]).reader.response(200).text


@given(texts=st.lists(st.text(max_size=9), max_size=4), gap=st.sampled_from(["\n", "", "\r\n\n"]))
def test_a_sequence_of_lines_is_read_as_a_stream(texts: list[str], gap: str) -> None:
    lines: list[dict[str, object]] = [
        {"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts
    ]
    lines += [
        {"choices": [{"delta": {"images": [B64]}, "finish_reason": "stop"}]},
        {"usage": USAGE},
    ]
    one = taken([gap.join(map(json.dumps, lines)).encode()])
    stream = taken([b"".join(map(event, lines)) + DONE])
    assert drawn(one) == [PNG]
    assert one.reader.response(200).text == stream.reader.response(200).text
    assert one.reader.response(200).tokens.tokens_out == 1290


@given(
    cuts=st.lists(st.integers(0, 1 << 16), min_size=1, max_size=9),
    pieces_=st.lists(st.integers(0, 1 << 16), max_size=6),
    gap=st.sampled_from([b"\n", b"\r\n", b"\n\n"]),
    last=st.booleans(),
)
def test_a_picture_that_goes_on_in_the_next_line_is_one(
    cuts: list[int], pieces_: list[int], gap: bytes, *, last: bool
) -> None:
    text = f"Here: ![i](data:image/png;base64,{base64(LARGE)}) and so on"
    parts = [part.decode() for part in pieces(text.encode(), cuts)]
    lines: list[dict[str, object]] = [
        {"choices": [{"index": 0, "delta": {"content": part}}]} for part in parts if part
    ]
    lines.append({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": USAGE})
    body = gap.join(json.dumps(line).encode() for line in lines) + gap * last
    one = taken(pieces(body, pieces_))
    assert drawn(one) == [LARGE]
    response = one.reader.response(200)
    assert response.text == "Here:  and so on"
    assert response.tokens.tokens_out == 1290


def test_an_error_alone_in_front_of_nothing_is_an_error() -> None:
    error = b'{"error":{"message":"Busy","code":503}}\n{"error":{"message":"Gone"}}'
    found = taken([error]).reader.response(200).error
    assert found is not None
    assert found.kind is OutcomeKind.UNAVAILABLE


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
)


@given(value=st.lists(json_values) | st.dictionaries(st.text(), json_values), at=st.integers(1))
def test_each_beginning_of_a_document_is_parsed_to_a_beginning_of_it(
    value: object, at: int
) -> None:
    text = json.dumps(value)
    found = parse_cut(text[: 1 + at % (len(text) - 1)])
    assert type(found) is type(value)
    whole = json.dumps(found).replace(json.dumps(CUT)[1:-1], "")
    assert len(whole) <= len(text)


@pytest.mark.parametrize(
    ("link", "cut", "found"),
    [
        ("![i](https://a.example/picture.png)", 0, 1),
        ("![i](https://a.example/picture.png)", 3, 0),
        ("at https://a.example/picture.png now", 0, 1),
        ("at https://a.example/picture.png now", 2, 1),
        ("at https://a.example/picture.png now", 6, 0),
    ],
)
def test_half_a_link_counts_for_none(link: str, cut: int, found: int) -> None:
    text = link[: len(link) - cut]
    for body in (
        json.dumps({"choices": [{"message": {"content": text}}]}).encode().partition(b'"}}')[0],
        delta(text),
    ):
        response = taken([body]).reader.response(200)
        assert len(response.markdown_images + response.links) == found
        assert CUT not in response.text


async def ask(gateway: GatewayClient, profile: Profile) -> Answer:
    return await gateway.generate(ImageRequest("A cat", profile))


def wide(size: int) -> Play:
    return reply(said(), x_policy="a" * size)


@pytest.mark.parametrize(
    ("play", "expected"),
    [
        (reply(said(), short=2), PNG),
        (reply(said()[:-2], short=2), PNG),
        (reply(said(LARGE), short=2), LARGE),
        (chunked(said(), 99, cut=True), PNG),
        (chunked(said(LARGE), 60_000, cut=True), LARGE),
        (chunked(said(LARGE)[:-40], 1 << 20, cut=True), LARGE),
        (reply(said() + b'{"error":{"message":"client gone"}}'), PNG),
        (wide(9_000), PNG),
        (wide(60_000), PNG),
    ],
)
async def test_a_whole_picture_is_drawn_however_its_answer_ends(
    play: Play,
    expected: bytes,
    server: Server,
    gateway: GatewayClient,
    profile: Profile,
    media: MediaStore,
) -> None:
    server.plan(play)
    outcome = (await ask(gateway, profile)).outcome
    assert isinstance(outcome, Drawn)
    assert [file_of(media, one.sha256).read_bytes() for one in outcome.pictures] == [expected]
    assert len(server.requests) == 1


def silent_behind(body: bytes) -> Play:
    """Send a body, and then nothing: no more bytes, no end."""

    async def play(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\nContent-Length: 99999999\r\n\r\n" + body)
        await writer.drain()
        await asyncio.Event().wait()

    return play


@pytest.mark.parametrize("body", [said(), STREAMS["content"], STREAMS["edits"]])
async def test_behind_an_answers_end_silence_is_not_waited_out(
    body: bytes,
    server: Server,
    gateway: GatewayClient,
    profile: Profile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "_SILENCE", 0.05)
    server.plan(silent_behind(body))
    assert isinstance((await ask(gateway, profile)).outcome, Drawn)


async def test_a_picture_that_came_before_the_time_was_up_is_drawn(
    server: Server, media: MediaStore, profile: Profile
) -> None:
    server.plan(silent_behind(delta(f"![i](data:image/png;base64,{B64})")))
    gateway = GatewayClient(Endpoint(f"{server.origin}/v1", SecretStr(KEY), media, timeout=1))
    answer = await ask(gateway, profile)
    server.plan(silent_behind(delta(f"![i](data:image/png;base64,{B64[:300]}")))
    late = await ask(gateway, profile)
    await gateway.aclose()
    assert isinstance(answer.outcome, Drawn)
    assert late.report.kind is OutcomeKind.TIMEOUT
