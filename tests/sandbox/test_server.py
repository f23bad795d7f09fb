"""The sandbox's server: one port for all, taken ports, the end of it."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket

import httpx
import pytest

from sandbox.gateway import Gateway
from sandbox.server import serve
from sandbox.telegram import Telegram
from tests.support.waiting import patient

TOKEN = "123456:sandbox-token"
KEY = "sandbox-key"


async def test_telegram_the_gateway_and_the_page_share_a_port() -> None:
    async with serve(Telegram(TOKEN), Gateway(KEY)) as world, httpx.AsyncClient() as http:
        me = await http.get(f"{world.telegram_url}/bot{TOKEN}/getMe")
        assert me.json()["ok"] is True
        headers = {"Authorization": f"Bearer {KEY}"}
        models = await http.get(f"{world.gateway_url}/models", headers=headers)
        assert models.status_code == 200
        page = await http.get(world.page_url)
        assert "Sandbox: a local Telegram and a local model" in page.text
        for name in ("chat.css", "chat.js", "message.js", "icon.svg"):
            assert (await http.get(f"{world.page_url}page/{name}")).status_code == 200


async def test_the_page_may_load_nothing_from_elsewhere() -> None:
    async with serve(Telegram(TOKEN), Gateway(KEY)) as world, httpx.AsyncClient() as http:
        for path in ("", "page/chat.js"):
            headers = (await http.get(world.page_url + path)).headers
            assert headers["content-security-policy"].startswith("default-src 'self';")
            assert headers["cache-control"] == "no-cache"


async def test_a_taken_port_is_an_error_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with serve(Telegram(TOKEN), Gateway(KEY), port=port):
                pytest.fail("the port was taken")


async def test_the_port_is_free_again_at_the_end() -> None:
    async with serve(Telegram(TOKEN), Gateway(KEY)) as world:
        port = int(world.telegram_url.rpartition(":")[2])
    async with serve(Telegram(TOKEN), Gateway(KEY), port=port) as again:
        assert again.telegram_url == world.telegram_url


async def test_it_ends_at_once_though_calls_are_open(caplog: pytest.LogCaptureFixture) -> None:
    gateway = Gateway(KEY)
    telegram = Telegram(TOKEN)
    telegram.populate()
    async with httpx.AsyncClient(timeout=60, headers={"Authorization": f"Bearer {KEY}"}) as http:
        async with patient(), serve(telegram, gateway) as world:
            body = {"model": "m", "messages": [{"role": "user", "content": "sandbox:hang"}]}
            tasks = [
                asyncio.create_task(http.post(f"{world.gateway_url}/chat/completions", json=body)),
                asyncio.create_task(
                    http.get(f"{world.telegram_url}/bot{TOKEN}/getUpdates?timeout=50")
                ),
            ]
            await gateway.until(lambda: gateway.calls)
            await http.get(f"{world.telegram_url}/bot{TOKEN}/getMe")
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(end, httpx.TransportError) for end in ended)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_signals_stay_with_the_program() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    async with serve(Telegram(TOKEN), Gateway(KEY)):
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


async def test_an_error_inside_the_block_still_ends_the_server() -> None:
    with pytest.raises(ZeroDivisionError):
        async with serve(Telegram(TOKEN), Gateway(KEY)) as world:
            raise ZeroDivisionError
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient() as http:
            await http.get(world.page_url)


async def test_a_client_that_leaves_in_the_middle_of_its_request_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serve(Telegram(TOKEN), Gateway(KEY)) as world:
        port = httpx.URL(world.gateway_url).port
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /gateway/v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            b"Authorization: Bearer " + KEY.encode() + b"\r\nContent-Length: 100\r\n\r\n{"
        )
        await writer.drain()
        await asyncio.sleep(0.1)  # the application is reading
        writer.close()
        await asyncio.sleep(0.1)
    assert caplog.text == ""
