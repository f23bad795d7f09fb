"""Requests to the Bot API over the wire: whole, in pieces, and silent about the token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python_multipart.multipart import parse_form
from telegram import Bot, InputFile
from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter, TimedOut
from telegram.request import RequestData

from bot.tg.errors import Rejected, Uncertain, UnreadableAnswer, translated
from bot.tg.http import BotRequest
from tests.support.conversation import TOKEN
from tests.support.wire import Received, Server, reply, serving

SENT = {"message_id": 7, "date": 1, "chat": {"id": 1, "type": "private"}}


def path(method: str) -> str:
    return f"/bot{TOKEN}/{method}"


def answer(result: object) -> bytes:
    return json.dumps({"ok": True, "result": result}).encode()


@asynccontextmanager
async def telegram(server: Server) -> AsyncIterator[Bot]:
    request = BotRequest(4)
    try:
        yield Bot(TOKEN, base_url=f"{server.origin}/bot", request=request)
    finally:
        await request.shutdown()


def fields(received: Received) -> tuple[dict[str, str], dict[str, bytes]]:
    """Read a form back with a library that did not write it."""
    values: dict[str, str] = {}
    files: dict[str, bytes] = {}

    def on_field(field: object) -> None:
        name, value = field.field_name, field.value  # type: ignore[attr-defined]
        values[name.decode()] = (value or b"").decode()

    def on_file(file: object) -> None:
        file.file_object.seek(0)  # type: ignore[attr-defined]
        files[file.field_name.decode()] = file.file_object.read()  # type: ignore[attr-defined]
        file.close()  # type: ignore[attr-defined]

    from io import BytesIO

    headers = {"Content-Type": received.headers["content-type"].encode()}
    parse_form(headers, BytesIO(received.body), on_field, on_file)
    return values, files


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
async def test_any_text_arrives_as_it_was(text: str) -> None:
    from urllib.parse import parse_qs

    async with serving() as server, telegram(server) as bot:
        server.plan(reply(answer(SENT)), path("sendMessage"))
        await bot.send_message(1, text)
        (received,) = server.requests
        sent = parse_qs(received.body.decode(), strict_parsing=True, keep_blank_values=True)
        assert sent["text"] == [text]


async def test_a_file_is_sent_whole_and_again_from_its_beginning(
    server: Server, tmp_path: Path
) -> None:
    data = bytes(range(256)) * 4_000
    file = tmp_path / "picture"
    file.write_bytes(data)
    async with telegram(server) as bot:
        server.plan(reply(answer(SENT)), path("sendDocument"))
        with file.open("rb") as handle:
            upload = InputFile(handle, "picture-1.png", read_file_handle=False)
            for _ in range(2):
                await bot.send_document(1, upload, caption="ä\r\n--x")
    for received in server.requests:
        assert int(received.headers["content-length"]) == len(received.body)
        values, files = fields(received)
        assert files == {"document": data}
        assert values["caption"] == "ä\r\n--x"


async def test_telegrams_errors_keep_their_meaning(server: Server) -> None:
    flood = {"ok": False, "description": "Too Many", "parameters": {"retry_after": 3}}
    wrong = {"ok": False, "error_code": 400, "description": "Bad Request: chat not found"}
    async with telegram(server) as bot:
        server.plan(reply(json.dumps(flood).encode(), 429), path("sendMessage"))
        with pytest.raises(RetryAfter):
            await bot.send_message(1, "x")
        server.plan(reply(json.dumps(wrong).encode(), 400), path("sendMessage"))
        with pytest.raises(BadRequest):
            await bot.send_message(1, "x")


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 409, 500, 502, 503])
@pytest.mark.parametrize(
    "page", [b"<html>", b"", b"[]", b'"no"', b'{"error":"no such route"}', b"\xff"]
)
async def test_what_others_answer_is_a_failure_of_the_network(
    server: Server, status: int, page: bytes
) -> None:
    server.plan(reply(page, status), path("sendMessage"))
    async with telegram(server) as bot:
        with pytest.raises(Uncertain), translated():
            await bot.send_message(1, "x")


async def test_what_is_too_large_for_a_proxy_is_refused_for_good(server: Server) -> None:
    server.plan(reply(b"<html>", 413), path("sendMessage"))
    async with telegram(server) as bot:
        with pytest.raises(Rejected), translated():
            await bot.send_message(1, "x")


@pytest.mark.parametrize("status", [200, 400, 502])
async def test_telegrams_word_counts_and_not_the_status_of_who_hands_it_on(
    server: Server, status: int
) -> None:
    refused = {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked"}
    server.plan(reply(json.dumps(refused).encode(), status), path("sendMessage"))
    async with telegram(server) as bot:
        with pytest.raises(Forbidden):
            await bot.send_message(1, "x")


@pytest.mark.parametrize(
    "result", [True, 7, None, "sent", [], [1], {}, {"message_id": 7, "chat": {}, "photo": 7}]
)
async def test_an_answer_that_cannot_be_read_is_an_error_of_our_own(
    server: Server, result: object
) -> None:
    server.plan(reply(answer(result)), path("sendMessage"))
    async with telegram(server) as bot:
        with pytest.raises(UnreadableAnswer), translated():
            _ = (await bot.send_message(1, "x")).message_id


async def test_what_a_newer_api_adds_to_a_message_is_not_in_the_way(server: Server) -> None:
    odd = {"reply_to_message": {"id": 1}, "from": 7, "entities": [7], "rich_message": {"b": []}}
    server.plan(reply(answer(SENT | odd)), path("sendMessage"))
    async with telegram(server) as bot:
        assert (await bot.send_message(1, "x")).message_id == 7


@pytest.mark.parametrize("how", ["nobody listens", "cut before", "cut within"])
async def test_a_broken_connection_is_told_without_the_token(how: str, server: Server) -> None:
    async def cut(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server.plan(cut if how == "cut before" else reply(b"{", short=9), path("getMe"))
    if how == "nobody listens":
        server.origin = "http://127.0.0.1:9"
    async with telegram(server) as bot:
        with pytest.raises(NetworkError) as caught:
            await bot.get_me()
    told = repr(caught.value) + repr(caught.value.__cause__) + repr(caught.value.__context__)
    assert TOKEN not in told
    assert TOKEN.partition(":")[2] not in told


async def test_an_answer_that_does_not_come_is_timed_out(server: Server) -> None:
    async def silent(_: Received, _writer: asyncio.StreamWriter) -> None:
        await server.gone.wait()

    server.plan(silent, path("getMe"))
    async with telegram(server) as bot:
        with pytest.raises(TimedOut):
            await bot.get_me(read_timeout=0.5)


async def test_proxies_come_from_the_environment(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.origin)
    monkeypatch.setenv("no_proxy", "")
    address = f"http://telegram.invalid{path('getMe')}"
    server.plan(reply(answer(SENT)), address)
    request = BotRequest(1)
    assert await request.post(address, RequestData()) == SENT
    await request.shutdown()
