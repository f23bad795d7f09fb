"""Proxies towards Telegram, over the wire: what the environment names is used, or refused in a line."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import StartError
from bot.tg.proxy import find_proxy
from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation, image
from tests.support.wire import listening

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@dataclass
class Socks:
    """A SOCKS5 proxy (RFC 1928, 1929) that wants a password if it has one."""

    password: bytes = b""
    led: list[bytes] = field(default_factory=list)  # where it led to

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        await reader.readexactly(count)
        writer.write(b"\x05\x02" if self.password else b"\x05\x00")
        if self.password:
            _, length = await reader.readexactly(2)
            user = await reader.readexactly(length)
            given = await reader.readexactly((await reader.readexactly(1))[0])
            right = (user, given) == (b"me", self.password)
            writer.write(b"\x01\x00" if right else b"\x01\x01")
            if not right:
                return
        *_, kind = await reader.readexactly(4)
        length = 4 if kind == 1 else (await reader.readexactly(1))[0]
        host = await reader.readexactly(length)
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.led.append(host)
        there = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        # The sandbox speaks only to who calls it by its own name.
        writer.write(re.sub(rb"(?i)host: telegram\.example", b"Host: 127.0.0.1", data))
        await writer.drain()
    writer.close()


@asynccontextmanager
async def socks(password: bytes = b"") -> AsyncIterator[tuple[Socks, str]]:
    server = Socks(password)
    async with listening(server.serve) as origin:
        yield server, origin.removeprefix("http://")


def abroad(chat: Conversation) -> dict[str, str]:
    """Name the sandbox's Telegram by what only the proxy can look up."""
    return {"TELEGRAM_API_URL": chat.world.telegram_url.replace("127.0.0.1", "telegram.example")}


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize("variable", ["ALL_PROXY", "http_proxy"])
async def test_telegram_is_reached_through_socks(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch, scheme: str, variable: str
) -> None:
    async with socks(b"s3cret") as (proxy, address):
        monkeypatch.setenv(variable, f"{scheme}://me:s3cret@{address}")
        await chat.restart(**abroad(chat))
        await chat.row(chat.alice, None, PICTURE, photo=image(), caption="make it blue")
        assert len(chat.last_call.inputs) == 1
        await chat.end()
    assert len(proxy.led) >= 3  # polls, calls and downloads
    assert set(proxy.led) == {b"telegram.example"}


async def test_ones_own_network_and_what_no_proxy_names_are_reached_without(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    async with start() as chat:
        await chat.row(chat.alice, "a red fox", PICTURE)
    assert find_proxy("http://bot-api:8081") is None
    assert find_proxy("https://api.telegram.org") is not None
    monkeypatch.setenv("NO_PROXY", "telegram.org")
    assert find_proxy("https://api.telegram.org") is None


async def test_a_proxy_that_is_away_is_waited_for(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.tg.polling.START_PAUSE", 0.01)
    await chat.end()
    async with socks() as (_, address):
        pass
    monkeypatch.setenv("ALL_PROXY", f"socks5://{address}")
    beginning = asyncio.create_task(chat.begin(**abroad(chat)))
    await asyncio.sleep(0.1)
    assert not beginning.done()
    async with listening(Socks().serve, int(address.rpartition(":")[2])):
        await beginning
        await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.end()


@pytest.mark.parametrize(
    "url",
    ["https://proxy.example:8080", "ftp://x", "socks5://", "socks5://x:port", "http://x:99999"],
)
async def test_a_proxy_that_cannot_be_used_stops_the_start_with_one_line(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    await chat.end()
    monkeypatch.setenv("ALL_PROXY", url.replace("://", "://me:s3cret@"))
    with pytest.raises(StartError, match=r"^ALL_PROXY cannot be used: must") as refused:
        await chat.begin(**abroad(chat))
    chat.task = None
    assert "s3cret" not in str(refused.value)


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=60))
def test_whatever_is_named_is_a_proxy_or_refused(named: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALL_PROXY", named)
        try:
            found = find_proxy("https://api.telegram.org")
        except StartError:
            return
        assert found is None or found.url.hostname
