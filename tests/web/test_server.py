"""The server of the bot's pages: where it listens, and that it comes and goes with the bot."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from bot.config import ConfigError, load_settings
from bot.domain import StartError
from bot.web import connections, server, visits
from tests.conftest import Start
from tests.support.pages import free_address
from tests.support.process import running
from tests.support.waiting import within


async def test_what_is_not_there_is_answered_and_the_bot_goes_on(start: Start) -> None:
    address = free_address()
    async with start(WEB_ADDRESS=address) as chat, httpx.AsyncClient() as browser:
        assert (await browser.get(f"http://{address}/no/such/page")).status_code == 404
        await chat.row(chat.alice, "a red fox", "[photo]*")
        await chat.quiet()
        await chat.end()
        with pytest.raises(httpx.ConnectError):
            await browser.get(f"http://{address}/")


async def test_pages_are_compiled_before_anybody_asks_for_one(start: Start) -> None:
    kept = visits._ENV.cache
    assert kept is not None
    kept.clear()
    async with start(WEB_ADDRESS=free_address()):
        assert len(kept) == len(visits._ENV.list_templates())


def test_a_bot_that_serves_no_pages_does_not_load_what_would() -> None:
    ask = (
        "import sys, bot.app; print({'starlette', 'uvicorn', 'jinja2', 'bot.web'} & {*sys.modules})"
    )
    loaded = subprocess.check_output([sys.executable, "-c", ask], text=True)  # noqa: S603 - our words
    assert loaded == "set()\n"


async def test_who_connects_and_asks_for_nothing_keeps_nobody_out(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "SILENCE", 0.2)
    address = free_address()
    host, port = address.split(":")
    async with start(WEB_ADDRESS=address), httpx.AsyncClient() as browser:
        silent = [
            await asyncio.open_connection(host, int(port)) for _ in range(connections.CONNECTIONS)
        ]
        for number, (_, writer) in enumerate(silent):
            if number % 2:  # others begin to ask, and never end
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
        for reader, _ in silent:
            await within(reader.read())
        assert (await browser.get(f"http://{address}/healthz")).status_code == 200
        for _, writer in silent:
            writer.close()


@pytest.mark.parametrize("path", ["/admin/static/pages.css", "/healthz"])
async def test_who_asks_and_never_reads_the_answers_is_hung_up_on(
    start: Start, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(connections, "UNREAD", 0.3)
    monkeypatch.setattr(server, "SILENCE", 0.3)
    address = free_address()
    host, port = address.split(":")
    asked = f"GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    async with start(WEB_ADDRESS=address):
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)  # noqa: FBT003 - its only parameter
            await loop.sock_connect(deaf, (host, int(port)))

            async def ask_again_and_again() -> None:
                while True:
                    await loop.sock_sendall(deaf, asked * 100)

            with pytest.raises(ConnectionError):
                await within(ask_again_and_again())


async def test_no_address_holds_all_places(start: Start) -> None:
    address = free_address()
    host, port = address.split(":")
    async with start(WEB_ADDRESS=address):
        held = [
            await asyncio.open_connection(host, int(port), local_addr=("127.0.0.2", 0))
            for _ in range(connections.SHARE)
        ]
        reader, writer = await asyncio.open_connection(host, int(port), local_addr=("127.0.0.2", 0))
        assert (await within(reader.read())).startswith(b"HTTP/1.1 503 ")
        async with httpx.AsyncClient() as browser:
            assert (await browser.get(f"http://{address}/healthz")).status_code == 200
        for _, each in [*held, (reader, writer)]:
            each.close()


async def test_an_answer_that_is_read_slowly_arrives_whole(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "UNREAD", 20.0)
    address = free_address()
    host, port = address.split(":")
    asked = f"GET /admin/static/pages.css HTTP/1.1\r\nHost: {address}\r\n\r\n".encode()
    async with start(WEB_ADDRESS=address), httpx.AsyncClient() as browser:
        page = await browser.get(f"http://{address}/admin/static/pages.css")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        writer.write(asked * 99 + asked.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert (await within(reader.read())).count(page.content) == 100
        writer.close()


@pytest.mark.parametrize(
    "path", [f"/admin/jobs/{'9' * 5000}", "/admin/people?q=%00", "/admin/people/%00", "/admin/x%00"]
)
async def test_what_no_page_can_take_is_refused_without_a_traceback(
    start: Start, capfd: pytest.CaptureFixture[str], path: str
) -> None:
    address = free_address()
    async with start(WEB_ADDRESS=address), httpx.AsyncClient() as browser:
        for method in ("GET", "POST"):
            answer = await browser.request(method, f"http://{address}{path}")
            assert answer.status_code in {400, 401, 404, 405}
    assert "Traceback" not in "".join(capfd.readouterr())


async def test_pages_answer_to_their_own_names_alone(start: Start) -> None:
    address = free_address()
    port = address.rpartition(":")[2]
    ours = ("127.0.0.1", "localhost", "LOCALHOST", "[::1]", "bot", "bot.example.org", "192.0.2.1")
    foreign = ("evil.example", "127.0.0.1.evil.example", "bot.example.org.evil.example", "[")
    given = {"WEB_ADDRESS": address, "WEB_URL": "https://bot.example.org"}
    async with start(**given) as _, httpx.AsyncClient(base_url=f"http://{address}") as browser:
        for name in ours:
            for host in (name, f"{name}:{port}"):
                assert (await browser.get("/metrics", headers={"Host": host})).status_code == 200
        for name in foreign:
            for path in ("/metrics", "/admin/", "/admin/static/pages.css", "/readyz"):
                answer = await browser.get(path, headers={"Host": name})
                assert answer.status_code in {400, 421}
                assert "location" not in answer.headers


async def test_redirects_name_no_host(start: Start) -> None:
    address = free_address()
    async with start(WEB_ADDRESS=address), httpx.AsyncClient() as browser:
        for path in ("/admin/", "/admin/jobs/", "/", "/metrics/"):
            answer = await browser.get(
                f"http://{address}{path}", headers={"X-Forwarded-Proto": "javascript"}
            )
            assert answer.status_code == 307
            assert answer.headers["location"] == (path.rstrip("/") or "/admin")


async def test_a_port_that_is_taken_stops_the_start_with_one_line(start: Start) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        async with start() as chat:
            await chat.end()
            with pytest.raises(
                StartError, match=f"WEB_ADDRESS {address}: Address already in use; "
            ):
                await chat.begin(WEB_ADDRESS=address)
            await chat.begin()


async def test_a_bot_that_serves_pages_stops_at_the_first_signal(tmp_path: Path) -> None:
    address = free_address()
    async with running(tmp_path, WEB_ADDRESS=address) as bot, httpx.AsyncClient() as browser:
        assert (await browser.get(f"http://{address}/")).status_code == 307  # and stays connected
        assert bot.process
        bot.process.send_signal(signal.SIGTERM)
        assert await within(bot.process.wait()) == 0
        assert "ERROR" not in bot.log.read_text()
        assert "error" not in bot.log.read_text()


@pytest.mark.parametrize("address", ["8090", "localhost", "a:b", "127.0.0.1:0", "1.2.3.4:99999"])
def test_what_is_no_address_is_told(address: str) -> None:
    with pytest.raises(ConfigError, match=r"WEB_ADDRESS (must be a host and a port|is not a URL)"):
        load_settings({"WEB_ADDRESS": address}, env_file=None)


@pytest.mark.parametrize("address", ["127.0.0.1:8090", "[::1]:8090", "0.0.0.0:80", "bot.lan:8090"])
def test_addresses_have_many_forms(address: str) -> None:
    assert load_settings({"WEB_ADDRESS": address}, env_file=None).web_address == address


def test_pages_are_opened_by_https_outside_ones_own_network() -> None:
    for url in ("https://bot.example.org", "http://localhost:8090", "http://192.168.1.2"):
        assert load_settings({"WEB_URL": url}, env_file=None).web_url == url
    with pytest.raises(ConfigError, match=r"for example WEB_URL=https://bot\.example\.org"):
        load_settings({"WEB_URL": "http://bot.example.org"}, env_file=None)
    with pytest.raises(ConfigError, match=r"for example WEB_URL=https://example\.org"):
        load_settings({"WEB_URL": "https://example.org/bot"}, env_file=None)
