"""A gateway over real HTTP, and a person with a key to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.gateway import Gateway
from sandbox.server import serve
from sandbox.telegram import Telegram
from tests.sandbox.client import KEY, Client


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    gateway = Gateway(KEY)
    async with (
        serve(Telegram("123456:sandbox-token"), gateway) as world,
        httpx.AsyncClient(
            base_url=world.gateway_url, headers={"Authorization": f"Bearer {KEY}"}, timeout=20
        ) as http,
    ):
        yield Client(http, gateway, world.gateway_url)
