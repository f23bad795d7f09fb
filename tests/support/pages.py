"""The bot's own pages over real HTTP: where they are served, and a browser without a window."""

from __future__ import annotations

import random
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx

from sandbox.telegram import Person
from tests.support.conversation import Conversation

PORTS = range(12_000, 30_000)  # below those that the system gives to whoever connects


def free_address() -> str:
    """Find an address that a bot can be told to serve at."""
    while True:
        port = random.choice(PORTS)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return f"127.0.0.1:{port}"


def picked(html: str, pattern: str) -> str:
    """Find the one group of a pattern in a page."""
    found = re.search(pattern, html)
    assert found, html
    return found[1]


def token(html: str) -> str:
    """Find what a page's forms send along."""
    return picked(html, r'name="csrf" value="([^"]+)"')


async def link(chat: Conversation, person: Person) -> str:
    """Have the bot send a login link."""
    (message,) = await chat.row(person, "/admin", "*http://*/admin/login/*")
    return picked(message["text"], r"(http://\S+)")


@asynccontextmanager
async def browser(address: str, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{address}", headers=headers) as client:
        yield client


async def log_in(client: httpx.AsyncClient, opened: str) -> httpx.Response:
    """Open a link and press its button; gives the first page."""
    page = await client.get(opened)
    assert page.status_code == 200
    sent = await client.post(opened, data={"csrf": token(page.text)})
    assert sent.status_code == 303
    return await client.get(sent.headers["location"])


@asynccontextmanager
async def logged_in(chat: Conversation, address: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser whose person, Alice, is logged in."""
    async with browser(address) as client:
        assert (await log_in(client, await link(chat, chat.alice))).status_code == 200
        yield client
