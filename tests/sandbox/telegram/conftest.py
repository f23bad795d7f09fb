"""The sandbox's Telegram served on a loopback port, with two independent clients."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import telegram as ptb
import uvicorn
from telegram.request import HTTPXRequest

from sandbox.telegram import Telegram

TOKEN = "4242:made-up"
Decoded = Any  # whatever JSON holds: tests look into it, and fail where it is another
FileTypes = tuple[str | None, bytes | str] | tuple[str, bytes, str]


@dataclass(frozen=True, slots=True)
class Wire:
    """The Bot API as a bot without a library speaks it."""

    url: str
    http: httpx.AsyncClient

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        """Call a method with a JSON body and give the whole answer."""
        answer = await self.http.post(f"{self.url}/bot{TOKEN}/{method}", json=params)
        body: dict[str, Any] = answer.json()
        return body

    async def result(self, method: str, **params: object) -> Decoded:
        """Call a method that must succeed."""
        body = await self.call(method, **params)
        assert body["ok"], body
        return body["result"]

    async def refusal(self, method: str, **params: object) -> str:
        """Call a method that must be refused and give the description."""
        body = await self.call(method, **params)
        assert not body["ok"], body
        return str(body["description"])

    async def form(self, method: str, data: dict[str, str], **files: FileTypes) -> dict[str, Any]:
        """Call a method with a multipart body."""
        url = f"{self.url}/bot{TOKEN}/{method}"
        answer = await self.http.post(url, data=data, files=files)
        body: dict[str, Any] = answer.json()
        return body


class _Server(uvicorn.Server):
    """A server that stops the moment it is told to and leaves signals alone."""

    async def main_loop(self) -> None:
        self.stopped = asyncio.Event()
        await self.stopped.wait()

    def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]
        return contextlib.nullcontext()


@contextlib.asynccontextmanager
async def served(telegram: Telegram) -> AsyncIterator[str]:
    """Serve a Telegram while the block runs and give its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        telegram.app, http="h11", ws="none", lifespan="off", log_config=None, access_log=False
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    try:
        while not server.started:
            await asyncio.sleep(0)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        telegram.close()
        server.force_exit = True
        server.stopped.set()
        await serving
        listener.close()


@pytest.fixture
def telegram() -> Telegram:
    return Telegram(TOKEN)


@pytest.fixture
async def url(telegram: Telegram) -> AsyncIterator[str]:
    async with served(telegram) as address:
        yield address


@pytest.fixture
async def wire(url: str) -> AsyncIterator[Wire]:
    async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
        yield Wire(url, http)


@pytest.fixture
async def bot(url: str) -> AsyncIterator[ptb.Bot]:
    plain = {"trust_env": False, "verify": False}  # loopback; certificates are slow to load
    request = HTTPXRequest(httpx_kwargs=plain)
    polling = HTTPXRequest(httpx_kwargs=plain)
    address = f"{url}/bot"
    async with ptb.Bot(
        TOKEN,
        base_url=address,
        base_file_url=f"{url}/file/bot",
        request=request,
        get_updates_request=polling,
    ) as client:
        yield client
