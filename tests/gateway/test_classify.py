"""The report of a call: whether it may be repeated, and when."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import suppress

import pytest
from pydantic import SecretStr

from bot.catalogue.profiles import Profile
from bot.domain import CallReport, OutcomeKind
from bot.gateway.client import GatewayClient
from bot.gateway.request import ImageRequest
from bot.gateway.transport import Endpoint
from bot.media.store import MediaStore
from tests.gateway.conftest import KEY
from tests.gateway.pictures import base64, picture
from tests.gateway.streams import DONE, delta
from tests.support.wire import Play, Received, Server, chunked, reply

HALF = f"![i](data:image/png;base64,{base64(picture())[:300]}"
URL = f"![i](data:image/png;base64,{base64(picture())})"


async def report(gateway: GatewayClient, profile: Profile) -> CallReport:
    return (await gateway.generate(ImageRequest("A cat", profile))).report


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("0.5", 0.5), ("soon", None), ("-1", None), ("", None)]
)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_crowded_gateway_says_when_to_come_again(
    header: str,
    seconds: float | None,
    status: int,
    server: Server,
    gateway: GatewayClient,
    profile: Profile,
) -> None:
    server.plan(reply(b'{"error":{"message":"busy"}}', status, retry_after=header))
    found = await report(gateway, profile)
    assert (found.repeatable, found.retry_after) == (True, seconds)


async def test_a_date_to_come_again_is_so_many_seconds_away(
    server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    server.plan(reply(b"", 429, retry_after="Fri, 01 Jan 2100 00:00:00 GMT"))
    found = await report(gateway, profile)
    assert found.retry_after is not None
    assert found.retry_after > 3600


async def hang_up(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.mark.parametrize(
    "play",
    [
        hang_up,
        reply(b"", 500),
        reply(b"", 504),
        reply(b"", 520),
        reply(b"<html>", 524),
        reply(b'{"choices":[]}', short=9),
        chunked(delta(HALF), 99, cut=True),
        chunked(delta(HALF), 99),
        reply(b'{"error":{"message":"no","code":"model_not_found"}}', 503),
        reply(b'{"error":{"message":"no","code":"content_filter"}}', 429),
        reply(delta("Hello", "stop") + DONE),
    ],
)
async def test_what_may_have_been_bought_is_not_repeatable(
    play: Play, server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    server.plan(play)
    found = await report(gateway, profile)
    assert found.kind is not OutcomeKind.DRAWN
    assert not found.repeatable
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind", "repeatable"),
    [
        (429, OutcomeKind.RATE_LIMITED, True),
        (503, OutcomeKind.UNAVAILABLE, True),
        (524, OutcomeKind.TIMEOUT, False),
        (200, OutcomeKind.EMPTY, False),
    ],
)
async def test_a_compressed_body_that_is_cut_says_nothing_but_its_status(
    status: int,
    kind: OutcomeKind,
    server: Server,
    gateway: GatewayClient,
    profile: Profile,
    *,
    repeatable: bool,
) -> None:
    server.plan(reply(b"\x1f\x8b", status, content_encoding="gzip", retry_after="7"))
    found = await report(gateway, profile)
    assert (found.kind, found.repeatable, found.retry_after) == (kind, repeatable, 7)


async def test_our_key_stands_nowhere_in_a_report_nor_in_words_however_they_are_cut(
    server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    heard: list[str] = []
    request, long = ImageRequest("A cat", profile), f"{'b ' * 95}{KEY}"
    document = {
        "id": long,
        "model": long,
        "choices": [
            {
                "message": {"content": "b " * 9990 + KEY},
                "finish_reason": long,
                "native_finish_reason": long,
            }
        ],
    }
    for play in (
        reply(json.dumps(document).encode(), x_request_id=long),
        reply(
            json.dumps({"error": {"message": "b " * 490 + KEY}}).encode(), 500, x_request_id=long
        ),
        chunked(b"".join(delta(char) for char in f"It is {KEY}") + delta("", "stop"), 99),
        reply(delta(f"![i](data:image/png;base64,{base64(picture())})" + KEY, "stop") + DONE),
    ):
        server.plan(play)
        told = repr(await gateway.generate(request, heard.append))
        assert KEY[:6] not in told
        assert "<secret>" in told or "b b" in told
    assert heard
    assert not any(words.endswith(KEY[:at]) for words in heard for at in range(1, len(KEY)))


async def test_a_timeout_is_not_repeatable(
    server: Server, media: MediaStore, profile: Profile
) -> None:
    async def hang(_: Received, __: asyncio.StreamWriter) -> None:
        await server.gone.wait()

    server.plan(hang)
    gateway = GatewayClient(Endpoint(f"{server.origin}/v1", SecretStr(KEY), media, timeout=1))
    found = await report(gateway, profile)
    await gateway.aclose()
    assert (found.kind, found.repeatable) == (OutcomeKind.TIMEOUT, False)


async def test_a_gateway_that_nobody_answers_at_may_be_asked_again_and_is_left_alone_then(
    media: MediaStore, profile: Profile
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        gateway = GatewayClient(Endpoint(url, SecretStr(KEY), media, timeout=20))
        for _ in range(5):
            assert gateway.open_for() == 0
            found = await report(gateway, profile)
            assert (found.kind, found.repeatable) == (OutcomeKind.UNAVAILABLE, True)
        assert gateway.open_for() > 0
        await gateway.aclose()


async def test_behind_a_rest_one_call_tries_and_the_others_are_refused_unasked(
    server: Server,
    media: MediaStore,
    profile: Profile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.gateway.circuit_breaker.REST", 0.0)
    asked = asyncio.Event()

    async def hang(_: Received, __: asyncio.StreamWriter) -> None:
        asked.set()
        await server.gone.wait()

    gateway = GatewayClient(Endpoint(f"{server.origin}/v1", SecretStr(KEY), media, timeout=20))
    for _ in range(5):
        server.plan(reply(b"", 503))
        await report(gateway, profile)
    server.plan(hang)
    trial = asyncio.create_task(report(gateway, profile))
    await asked.wait()
    refused = await asyncio.gather(*(report(gateway, profile) for _ in range(9)))
    assert {(one.kind, one.repeatable, one.http_status) for one in refused} == {
        (OutcomeKind.UNAVAILABLE, True, None)
    }
    assert len(server.requests) == 6
    trial.cancel()
    with suppress(asyncio.CancelledError):
        await trial
    server.plan(reply(delta(URL, "stop")))
    assert (await report(gateway, profile)).kind is OutcomeKind.DRAWN
    await gateway.aclose()


async def test_a_kept_connection_that_is_closed_by_the_gateway_is_not_asked_again(
    server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    server.plan(reply(delta(URL, "stop")))
    assert (await report(gateway, profile)).kind is OutcomeKind.DRAWN
    server.plan(hang_up)
    found = await report(gateway, profile)
    assert (found.kind, found.repeatable) == (OutcomeKind.CUT_OFF, False)
    assert len(server.requests) == 2
