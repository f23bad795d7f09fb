"""The heartbeat: red where polling, the dispatcher, the writer or the whole bot stalls, then green."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot import heartbeat
from bot.config import load_settings
from bot.domain import Wake
from bot.healthcheck import PARTS, complaint, find_file
from bot.heartbeat import Heartbeat, heartbeat_file
from bot.jobs.dispatch import LocalDispatch
from bot.storage.engine import Store
from bot.tg import polling
from sandbox.gateway import Gateway
from sandbox.server import serve
from sandbox.telegram import Telegram
from tests.conftest import Start
from tests.support.command import ROOT, ended, running
from tests.support.conversation import KEY, TOKEN, environment
from tests.support.database import migrated
from tests.support.pages import free_address
from tests.support.waiting import patient
from tests.support.wire import Received, Server, reply

SECONDS = 0.05
STALLED = "the whole bot has stalled: no sign of life in {}/bot.db.heartbeat"
STOPPABLE = """
import signal, time
signal.signal(signal.SIGUSR1, lambda *_: time.sleep(3600))
"""


async def healthy() -> None:
    """The writer had its turn."""


async def turns(file: Path, wrong: str | None) -> None:
    """Wait until a healthcheck says this, or that nothing is wrong."""
    async with patient():
        while complaint(file) != wrong:
            await asyncio.sleep(0.02)


@asynccontextmanager
async def beating(file: Path, **parts: object) -> AsyncIterator[Heartbeat]:
    """Write a heartbeat in which everything is alive but what is given."""
    given: Mapping[str, object] = {
        "signs": {},
        "writer": healthy,
        "seconds": SECONDS,
        "file": file,
        **parts,
    }
    alive = {"polling": lambda: True, "dispatcher": lambda: True}
    beat = Heartbeat(**(dict(given) | {"signs": alive | dict(given["signs"])}))  # type: ignore[call-overload]
    async with beat.beating():
        await turns(file, None)
        yield beat


async def test_an_update_that_hangs_turns_polling_red_until_it_is_done(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "TAKE_SECONDS", 0.2)
    monkeypatch.setattr(polling, "SLACK_SECONDS", 0.5)
    monkeypatch.setattr(polling, "FINISH_SECONDS", 0.1)
    file = tmp_path / "bot.db.heartbeat"
    async with start(HEARTBEAT_SECONDS="0.1") as chat:
        group = chat.telegram.group("Home", [chat.alice])
        await turns(file, None)
        with chat.telegram.hold("getChatMember", "before") as gate:
            chat.alice.send(group, "/settings")
            await gate.reached()
            await turns(file, "stalled: polling")
        await turns(file, None)
    assert not file.exists()


async def test_a_job_that_waits_beside_free_room_turns_the_dispatcher_red(tmp_path: Path) -> None:
    async def refill(_limit: int, _after: int) -> list[Wake]:
        return []

    async def perform(_: object) -> None: ...

    dispatch, file = LocalDispatch(1, refill), tmp_path / "heartbeat"
    async with beating(file, signs={"dispatcher": lambda: dispatch.is_alive}):
        dispatch.wake([Wake(1, 1)])
        await turns(file, "stalled: dispatcher")
        dispatch.start(perform)
        await turns(file, None)


async def test_a_write_that_does_not_end_turns_the_writer_red(tmp_path: Path) -> None:
    file, ends = tmp_path / "heartbeat", threading.Event()
    store = await Store.open(await migrated(tmp_path))
    try:
        async with beating(file, writer=store.turn):
            writing = asyncio.create_task(store.write(lambda _tx: ends.wait()))
            await turns(file, "stalled: writer")
            ends.set()
            await writing
            await turns(file, None)
    finally:
        ends.set()
        await store.close()


async def test_a_database_that_answers_with_an_error_is_red(tmp_path: Path) -> None:
    store = await Store.open(await migrated(tmp_path))
    async with beating(file := tmp_path / "heartbeat", writer=store.turn):
        await store.close()
        await turns(file, "stalled: writer")


async def test_a_stopped_process_and_a_blocked_loop_are_red(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(STOPPABLE)
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    address = free_address()
    async with (
        serve(Telegram(TOKEN), Gateway(KEY)) as world,
        httpx.AsyncClient(base_url=f"http://{address}", timeout=0.5) as browser,
    ):
        given = environment(world, tmp_path, HEARTBEAT_SECONDS="0.2", WEB_ADDRESS=address)
        none = await ended(tmp_path, "healthcheck", **given)
        assert none.stderr == f"the bot does not run: there is no {tmp_path}/bot.db.heartbeat\n"
        async with running(tmp_path, "run", **given, PYTHONPATH=path) as bot:
            await bot.says("ready")
            await becomes("", tmp_path, given)
            await answers_well(browser)
            bot.process.send_signal(signal.SIGSTOP)
            assert await becomes(STALLED, tmp_path, given) <= {"", STALLED.format(tmp_path)}
            with pytest.raises(httpx.ReadTimeout):
                await browser.get("/healthz")
            bot.process.send_signal(signal.SIGCONT)
            await becomes("", tmp_path, given)
            await answers_well(browser)
            bot.process.send_signal(signal.SIGUSR1)
            await becomes(STALLED, tmp_path, given)


async def answers_well(browser: httpx.AsyncClient) -> None:
    """Wait until every part says over HTTP that it is well."""
    async with patient():
        while True:
            with suppress(httpx.TransportError):
                if set((await browser.get("/readyz")).json().values()) == {"ok"}:
                    return
            await asyncio.sleep(0.2)


async def becomes(told: str, folder: Path, given: Mapping[str, str]) -> set[str]:
    """Ask for the health until this line is told, or with "" that nothing is wrong; give all lines."""
    lines: set[str] = set()
    async with patient():
        while told.format(folder) not in lines:
            end = await ended(folder, "healthcheck", **given)
            lines.add(end.stderr.rstrip())
            await asyncio.sleep(0.2)
    assert end.code == bool(told)
    return lines


@pytest.mark.parametrize("written", ["", "{}", "[]", '{"polling": "x"}', "\x00" * 512])
def test_what_is_no_heartbeat_is_red(tmp_path: Path, written: str) -> None:
    file = tmp_path / "heartbeat"
    file.write_text(written)
    assert complaint(file) == f"{file} is no heartbeat"


def test_a_moment_far_ahead_is_a_clock_that_was_set_back_and_no_sign_of_life(
    tmp_path: Path,
) -> None:
    file = tmp_path / "heartbeat"
    heartbeat._write(file, dict.fromkeys(PARTS, time.time() + 3600))
    assert "the whole bot has stalled" in str(complaint(file))


@pytest.mark.parametrize(
    ("writer", "others", "told"),
    [
        (-1, 29, "stalled: writer"),
        (-1, 1, "the whole bot has stalled: no sign of life in {}"),  # stopped a moment ago
        (-1, 19, "the whole bot has stalled: no sign of life in {}"),
        (1, 1, None),
    ],
)
def test_a_part_is_named_only_where_others_give_signs_of_life(
    tmp_path: Path, writer: float, others: float, told: str | None
) -> None:
    file, now = tmp_path / "heartbeat", time.time()
    until = {"writer": now + writer, "polling": now + others, "dispatcher": now + others}
    heartbeat._write(file, until | {"every": 5.0})
    assert complaint(file) == (told and told.format(file))


@pytest.mark.parametrize(
    ("url", "media", "file"),
    [
        ("data/bot.db", "pictures", "data/bot.db.heartbeat"),
        ("sqlite:///data/bot.db", "pictures", "data/bot.db.heartbeat"),
        ("sqlite+pysqlite:////var/lib/bot.db", "pictures", "/var/lib/bot.db.heartbeat"),
        ("postgresql://bot@db/bot", "pictures/", "pictures/.heartbeat"),
        ("postgres://bot@db/bot", "file:///my%20pictures", "/my pictures/.heartbeat"),
        ("", "", "data/bot.db.heartbeat"),
    ],
)
def test_the_file_is_beside_the_database_or_with_the_pictures(
    url: str, media: str, file: str
) -> None:
    settings = load_settings({"DATABASE_URL": url, "MEDIA_URL": media}, env_file=None)
    assert heartbeat_file(settings) == Path(file)
    if url:
        assert find_file(url, media) == Path(file)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"DATABASE_URL": "other.db"},
        {"DATABASE_URL_FILE": "url"},
        {"DATABASE_URL": "postgresql://b@d/b"},
        {"DATABASE_URL": "postgresql://b@d/b", "MEDIA_URL": "pictures"},
    ],
)
async def test_a_healthcheck_looks_where_the_bot_writes(
    tmp_path: Path, given: dict[str, str]
) -> None:
    (tmp_path / "url").write_text("sqlite:///of/a/secret.db\n")
    (tmp_path / ".env").write_text("MEDIA_URL=kept\n")
    end = await ended(tmp_path, "healthcheck", **given)
    if "DATABASE_URL_FILE" in given:
        given = {"DATABASE_URL_FILE": str(tmp_path / "url")}
    settings = load_settings(given, env_file=tmp_path / ".env")
    told = f"the bot does not run: there is no {heartbeat_file(settings)}\n"
    assert (end.code, end.stderr) == (1, told)


def test_the_installed_healthcheck_loads_neither_the_bot_nor_its_settings(tmp_path: Path) -> None:
    ask = (
        "import sys; sys.argv = ['picturebot', 'healthcheck']\n"
        "from bot.entry import main\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code, {'bot.config', 'asyncio', 'typer'} & {*sys.modules})"
    )
    end = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", ask],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (end.stdout, end.stderr) == (
        "1 set()\n",
        "the bot does not run: there is no data/bot.db.heartbeat\n",
    )


async def test_a_dead_mans_switch_hears_of_a_bot_only_while_nothing_has_stalled(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "PING_SECONDS", 0.02)
    server.plan(reply(b"ok"), "/s3cret")
    alive = True
    url = SecretStr(f"{server.origin}/s3cret")
    async with beating(
        tmp_path / "heartbeat", signs={"polling": lambda: alive}, ping_url=url
    ) as beat:
        await pings(server, 3)
        alive = False
        async with patient():
            while not beat.stalled:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # what is under way
        before = len(server.requests)
        await asyncio.sleep(0.1)
        assert len(server.requests) == before
        alive = True
        await pings(server, before + 1)


async def test_a_dead_mans_switch_that_does_not_answer_is_told_once_without_its_secret(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "PING_SECONDS", 0.02)
    server.plan(reply(b"no", 503), "/s3cret")
    url = SecretStr(f"{server.origin}/s3cret")
    with capture_logs() as logs:
        async with beating(tmp_path / "heartbeat", ping_url=url):
            await pings(server, 3)
            server.plan(reply(b"ok"), "/s3cret")
            await pings(server, len(server.requests) + 3)
    assert [line["event"] for line in logs] == [
        "HEARTBEAT_URL does not answer",
        "HEARTBEAT_URL answers again",
    ]
    assert logs[0]["reason"] == "HTTP 503"
    assert "s3cret" not in str(logs)


async def test_a_switch_whose_answer_drips_is_told_as_one_that_does_not_answer(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "PING_SECONDS", 0.02)
    monkeypatch.setattr(heartbeat, "PING_PATIENCE", 0.3)

    async def drip(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    server.plan(drip, "/s3cret")
    with capture_logs() as logs:
        url = SecretStr(f"{server.origin}/s3cret")
        async with beating(tmp_path / "heartbeat", ping_url=url):
            await pings(server, 2)
    assert [(line["event"], line["reason"]) for line in logs] == [
        ("HEARTBEAT_URL does not answer", "TimeoutError")
    ]


async def pings(server: Server, number: int) -> None:
    """Wait until the switch was asked so often."""
    async with patient():
        while len(server.requests) < number:
            await asyncio.sleep(0.01)


def test_the_switch_s_address_is_kept_out_of_logs() -> None:
    given = {"HEARTBEAT_URL": "https://hc-ping.com/0e3b-s3cret?rid=1"}
    settings = load_settings(given, env_file=None)
    assert "s3cret" not in repr(settings)
    assert "hc-ping.com/0e3b-s3cret?rid=1" in settings.secrets()
