"""Transcription over the wire: what is sent, and what becomes of each answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.domain import CostSource, OutcomeKind
from bot.gateway.request import InputImage
from bot.gateway.text import (
    LARGEST,
    TRANSCRIPT_CHARACTERS,
    TextClient,
    TextResult,
    transcription_body,
)
from bot.gateway.transport import Endpoint
from bot.media.store import MediaStore
from tests.support.wire import Play, Server, chunked, reply, serving

KEY = "sk-0123456789abcdefghij"
PATH = "/v1/audio/transcriptions"
OGG = b"OggS" + bytes(300_000)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


async def heard(
    server: Server, folder: Path, play: Play, voice: bytes = OGG, minute: str = "0"
) -> TextResult:
    server.plan(play, PATH)
    media = MediaStore.open(folder)
    stored = await media.put(voice)
    endpoint = Endpoint(f"{server.origin}/v1", SecretStr(KEY), media, timeout=3)
    async with aclosing(endpoint):
        client = TextClient(endpoint, "whisper-1", Decimal(minute))
        return await client.transcribe(stored.sha256, stored.size, 30)


def told(fields: object, status: int = 200, cost: str = "none") -> Play:
    body = json.dumps(fields).encode()
    return reply(body, status, piece=65_536, short=0, x_litellm_response_cost=cost)


@pytest.mark.parametrize(
    ("beginning", "name", "mime"),
    [
        (b"OggS", "voice.ogg", "audio/ogg"),
        (b"ID3", "voice.mp3", "audio/mpeg"),
        (b"\0\0\0 ftypM4A ", "voice.m4a", "audio/mp4"),
        (b"RIFF", "voice.wav", "audio/wav"),
        (b"", "voice.ogg", "audio/ogg"),
    ],
)
async def test_the_voice_is_sent_as_a_form(
    server: Server, tmp_path: Path, beginning: bytes, name: str, mime: str
) -> None:
    voice = beginning + bytes(500_000)
    came = await heard(server, tmp_path, told({"text": " a red fox "}), voice)
    assert came.words == "a red fox"
    (sent,) = server.requests
    assert sent.line.startswith(f"POST {PATH} ")
    assert sent.headers["authorization"] == f"bearer {KEY}"  # the wire lowers it
    assert int(sent.headers["content-length"]) == len(sent.body)
    boundary = sent.headers["content-type"].partition("boundary=")[2].encode()
    parts = sent.body.split(b"--" + boundary)
    assert b'name="model"\r\n\r\nwhisper-1\r\n' in parts[1]
    assert b'name="response_format"\r\n\r\njson\r\n' in parts[2]
    assert f'name="file"; filename="{name}"\r\nContent-Type: {mime}'.encode() in parts[3]
    assert parts[3].endswith(b"\r\n\r\n" + voice + b"\r\n")
    assert parts[4] == b"--\r\n"


@pytest.mark.parametrize(
    "play",
    [
        reply(b'{"text": "a red fox"}', short=5),
        chunked(b'{"text": "a red fox"}', 7, cut=True),
        reply(b'{"text": "a red fox"}{"error": {"message": "client gone"}}'),
    ],
)
async def test_words_are_heard_however_their_answer_ends(
    play: Play, server: Server, tmp_path: Path
) -> None:
    assert (await heard(server, tmp_path, play)).words == "a red fox"


async def test_the_thoughts_of_a_model_are_no_prompt(server: Server, tmp_path: Path) -> None:
    content = "<think>\nHe wants a fox.\n</think>\n\nA red fox in snow"
    server.plan(told({"choices": [{"message": {"content": content}}]}))
    endpoint = Endpoint(f"{server.origin}/v1", SecretStr(KEY), MediaStore.open(tmp_path), timeout=3)
    async with aclosing(endpoint):
        came = await TextClient(endpoint, "writer-1").enhance("a fox")
    assert came.words == "A red fox in snow"


@pytest.mark.parametrize(
    ("play", "kind", "repeatable"),
    [
        (told({"error": {"message": "no", "code": "invalid_api_key"}}, 401), "bad_key", False),
        (told({"error": {"message": "wait"}}, 429), "rate_limited", True),
        (told({"error": {"message": "later"}}, 503), "unavailable", True),
        (told({"error": {"message": "odd"}}), "gateway_error", False),
        (reply(b"<html><title>502 Bad Gateway</title></html>", 502), "unavailable", True),
        (reply(b"<html>Welcome</html>"), "unreadable", False),
        (reply(b"[" * 100_000), "unreadable", False),
        (reply(b""), "unreadable", False),
        (told({"words": "a red fox"}), "unreadable", False),
        (told({"text": 7}), "unreadable", False),
        (reply(b'{"text": "', short=5), "cut_off", False),
        (chunked(b" " * (LARGEST + 1), 65_536), "unreadable", False),
    ],
)
async def test_every_failure_is_told_by_its_kind(
    server: Server, tmp_path: Path, play: Play, kind: str, *, repeatable: bool
) -> None:
    came = await heard(server, tmp_path, play)
    assert came.words is None
    assert (came.report.kind, came.report.repeatable) == (OutcomeKind(kind), repeatable)


async def test_a_gateway_that_is_not_there_sold_nothing(tmp_path: Path) -> None:
    came = await heard(Server("http://127.0.0.1:9"), tmp_path, told({}))
    assert (came.report.kind, came.report.repeatable) == (OutcomeKind.UNAVAILABLE, True)


async def test_the_key_is_in_no_report(server: Server, tmp_path: Path) -> None:
    came = await heard(server, tmp_path, told({"error": {"message": f"bad key {KEY}"}}, 401))
    assert KEY not in repr(came)


@pytest.mark.parametrize("words", [f"bad key {KEY}", f"a fox{KEY}, \x07{KEY[:9]}\x07{KEY[9:]}"])
async def test_the_key_is_in_no_words(server: Server, tmp_path: Path, words: str) -> None:
    came = await heard(server, tmp_path, told({"text": words}))
    assert came.words
    assert KEY not in repr(came)
    message = {"choices": [{"message": {"content": words}}]}
    server.plan(told(message), "/v1/chat/completions")
    media = MediaStore.open(tmp_path)
    endpoint = Endpoint(f"{server.origin}/v1", SecretStr(KEY), media, timeout=3)
    async with aclosing(endpoint):
        better = await TextClient(endpoint, "gpt-4.1-mini").enhance("a fox")
    assert better.words
    assert KEY not in repr(better)


async def test_words_are_plain_and_no_longer_than_a_message(server: Server, tmp_path: Path) -> None:
    came = await heard(server, tmp_path, told({"text": "\x07fox \u202e" * 2000}))
    assert came.words is not None
    assert len(came.words) <= TRANSCRIPT_CHARACTERS
    assert "\x07" not in came.words
    assert "\u202e" not in came.words


async def test_the_cost_is_the_headers_or_the_operators(server: Server, tmp_path: Path) -> None:
    usage = {"type": "tokens", "input_tokens": 40, "output_tokens": 5}
    said = {"text": "a red fox", "usage": usage}
    came = await heard(server, tmp_path, told(said), minute="0.006")
    assert (came.report.usage.tokens_in, came.report.usage.tokens_out) == (40, 5)
    assert came.report.usage.cost.micros == 3000
    told_cost = told(said, cost="0.01")
    came = await heard(server, tmp_path, told_cost, minute="0.006")
    assert came.report.usage.cost.micros == 10_000
    came = await heard(server, tmp_path, told({"text": "a", "usage": {"input_tokens": True}}))
    assert came.report.usage.cost.source is CostSource.UNKNOWN
    assert came.report.usage.tokens_in is None


@given(st.text(min_size=1, max_size=40), st.integers(0, 10**9))
def test_the_forms_length_is_known_before(model: str, size: int) -> None:
    model = model.encode(errors="replace").decode()
    body = transcription_body(
        model, InputImage("a" * 64, "audio/ogg", size), "voice.ogg", "boundary"
    )
    texts = [part for part in body.parts if isinstance(part, bytes)]
    assert body.length == size + sum(map(len, texts))
