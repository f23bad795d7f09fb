"""The bot's own pages over real HTTP: where they are served, and a browser without a window."""

from __future__ import annotations

import random
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import httpx
from sqlalchemy import delete

from bot.domain import Period, now
from bot.storage import Transaction
from bot.storage.tables import DAILY_FIGURES
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


async def have_history(chat: Conversation) -> None:
    """Let the bot have had a month: days that are over, as it would have counted them."""
    today = now().replace(hour=0)
    dice = random.Random(7)

    def keep(tx: Transaction) -> None:
        tx.reports._sql.execute(delete(DAILY_FIGURES))  # it has counted that nothing was
        for back in range(1, 30):
            drawn = dice.randint(60, 90) + 3 * (30 - back)
            figures = {
                "jobs": drawn + 14,
                "pictures": drawn,
                "users": drawn // 6,
                "outcome:drawn": drawn,
                "outcome:refused": dice.randint(1, 6),
                "outcome:timeout": dice.randint(0, 4),
                "outcome:text_only": dice.randint(0, 3),
                "cost:USD": drawn * 38_702,
                "median_ms": dice.randint(8_000, 12_000),
                "p95_ms": dice.randint(20_000, 34_000),
            }
            tx.reports.keep(Period.DAY.key(today - timedelta(days=back)), figures)

    await chat.store.write(keep)
