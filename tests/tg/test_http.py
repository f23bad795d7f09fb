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
from telegram.error import BadRequest, NetworkError, RetryAfter, TimedOut
from telegram.request import RequestData

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
