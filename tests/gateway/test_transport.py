"""The way out: through a proxy if one is set, and only then."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import SecretStr

from bot.catalogue.profiles import Profile
from bot.domain import OutcomeKind
from bot.gateway.client import GatewayClient
from bot.gateway.request import ImageRequest
from bot.gateway.transport import Endpoint
from bot.media.store import MediaStore
from tests.gateway.conftest import KEY
from tests.gateway.pictures import base64, picture
from tests.gateway.streams import event
from tests.support.wire import Server, listening, reply

ANSWER = event({"data": [{"b64_json": base64(picture())}], "choices": [{"finish_reason": "stop"}]})


async def proxied(seen: list[str], reader: asyncio.StreamReader, body: bytes) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    seen.append(head)
    await reader.readexactly(int(head.lower().partition("content-length: ")[2].partition("\r")[0]))
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body


async def test_a_proxy_is_asked_for_the_whole_url_with_its_own_name_and_password(
    media: MediaStore, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    seen: list[str] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await proxied(seen, reader, ANSWER))
        writer.close()

    async with listening(proxy) as url:
        gateway = GatewayClient(
            Endpoint(
                "http://gateway.invalid/v1",
                SecretStr(KEY),
                media,
                timeout=20,
                proxy=url.replace("://", "://user:a-password@"),
            )
        )
        answer = await gateway.generate(ImageRequest("A cat", profile))
        kept = vars(gateway) | vars(gateway._endpoint)
        assert "a-password" not in repr(kept) + repr(answer)
        await gateway.aclose()
    assert answer.report.kind is OutcomeKind.DRAWN
    assert seen[0].startswith("POST http://gateway.invalid/v1/chat/completions HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic dXNlcjphLXBhc3N3b3Jk" in seen[0]


async def test_the_environments_proxy_is_not_asked(
    server: Server, gateway: GatewayClient, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with listening(never) as url:
        monkeypatch.setenv("HTTP_PROXY", url)
        monkeypatch.setenv("ALL_PROXY", url)
        server.plan(reply(ANSWER))
        await gateway.generate(ImageRequest("A cat", profile))
    assert len(server.requests) == 1


async def test_a_proxy_that_does_not_lead_on_means_that_nothing_was_sent(
    media: MediaStore, profile: Profile
) -> None:
    heads: list[str] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with listening(refuse) as url:
        gateway = GatewayClient(
            Endpoint(
                "https://gateway.invalid/v1",
                SecretStr(KEY),
                media,
                timeout=20,
                proxy=url.replace("://", "://user:a-password@"),
            )
        )
        report = (await gateway.generate(ImageRequest("A cat", profile))).report
        await gateway.aclose()
    assert (report.kind, report.repeatable) == (OutcomeKind.UNAVAILABLE, True)
    assert heads[0].startswith("CONNECT gateway.invalid:443 ")
    assert "Proxy-Authorization: Basic dXNlcjphLXBhc3N3b3Jk" in heads[0]
    assert KEY not in heads[0]
