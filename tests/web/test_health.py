"""Health over HTTP: each fault turns exactly its own lamp red, and its end turns it green again."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from bot.domain import Meter
from bot.heartbeat import Heartbeat
from bot.media.folder_files import FolderFiles
from bot.media.store import MediaStore
from bot.storage import migrate
from bot.storage.engine import Store
from bot.tg import polling
from bot.web import health
from bot.web.health import Vitals, health_routes
from sandbox.telegram import ServerError
from tests.conftest import Start
from tests.support.database import migrated
from tests.support.pages import free_address
from tests.support.waiting import patient

LAMPS = ("database", "telegram", "polling", "dispatcher", "disk")


@pytest.fixture(autouse=True)
def _looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "TRUSTED", 0.05)
    monkeypatch.setattr(health, "PATIENCE", 0.3)


def in_folder(folder: Path) -> MediaStore:
    return MediaStore(FolderFiles(folder))


async def shows(browser: httpx.AsyncClient, *failing: str) -> None:
    """Wait until exactly these lamps are red."""
    expected = {part: "failing" if part in failing else "ok" for part in LAMPS}
    whole = "failing" if failing else "ok"
    async with patient():
        while True:
            answer = await browser.get("/readyz")
            if answer.json() == {"status": whole, **expected}:
                break
            await asyncio.sleep(0.05)
    assert answer.status_code == (503 if failing else 200)


@asynccontextmanager
async def asked(vitals: Vitals) -> AsyncIterator[httpx.AsyncClient]:
    """Ask for the health of these vitals."""
    transport = httpx.ASGITransport(Starlette(routes=health_routes(vitals)))
    async with httpx.AsyncClient(transport=transport, base_url="http://bot") as browser:
        yield browser


@pytest.mark.about_file  # on a server there is one lamp more
async def test_a_bot_that_runs_is_alive_ready_and_tells_its_version(start: Start) -> None:
    address = free_address()
    async with (
        start(WEB_ADDRESS=address) as chat,
        httpx.AsyncClient(base_url=f"http://{address}") as browser,
    ):
        await shows(browser)
        assert (await browser.get("/healthz")).text == "ok\n"
        assert (await browser.head("/healthz")).status_code == 200
        assert set((await browser.get("/version")).json()) == {"version"}
        await chat.row(chat.alice, "a red fox", "[photo]*")


@pytest.mark.about_file
async def test_a_dead_telegram_a_locked_database_and_a_full_disk_have_a_lamp_each(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "POLL_SECONDS", 1)
    monkeypatch.setattr(health, "SILENCE", 4.0)
    address = free_address()
    async with (
        start(WEB_ADDRESS=address) as chat,
        httpx.AsyncClient(base_url=f"http://{address}") as browser,
    ):
        await shows(browser)
        chat.telegram.fault("getUpdates", ServerError(), times=3)
        await shows(browser, "telegram")
        assert (await browser.get("/healthz")).text == "ok\n"
        await shows(browser)

        other = sqlite3.connect(tmp_path / "bot.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await shows(browser, "database")
        other.close()
        await shows(browser)

        usage = shutil.disk_usage(tmp_path)
        with monkeypatch.context() as full:
            full.setattr(shutil, "disk_usage", lambda _: usage._replace(free=5 << 20))
            await shows(browser, "disk")
        await shows(browser)
        await chat.row(chat.alice, "a red fox", "[photo]*")


@pytest.mark.parametrize("part", ["polling", "dispatcher"])
async def test_what_has_stalled_has_its_lamp(tmp_path: Path, part: str) -> None:
    alive = {"polling": True, "dispatcher": True}
    store = await Store.open(await migrated(tmp_path))
    signs: Any = {one: lambda one=one: alive[one] for one in alive}
    heartbeat = Heartbeat(tmp_path / "beat", 0.05, signs, store.turn)
    try:
        async with (
            heartbeat.beating(),
            asked(Vitals(store, heartbeat, monotonic, in_folder(tmp_path), 0)) as browser,
        ):
            await shows(browser)
            alive[part] = False
            await shows(browser, part)
            alive[part] = True
            await shows(browser)
    finally:
        await store.close()


async def test_who_does_not_hear_the_others_says_so_and_is_ready_all_the_same(
    tmp_path: Path, empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(empty_postgres_url)
    store = await Store.open(empty_postgres_url)
    heartbeat = Heartbeat(tmp_path / "beat", 5, {}, store.turn)
    async with asked(Vitals(store, heartbeat, monotonic, in_folder(tmp_path), 0)) as browser:
        assert (await browser.get("/readyz")).json()["notices"] == "ok"
        monkeypatch.setattr(health, "AWAY", 0.0)
        async with patient():
            while (answer := await browser.get("/readyz")).json()["notices"] != "failing":
                await asyncio.sleep(0.05)
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    await store.close()


async def test_before_telegram_has_answered_and_after_the_database_is_closed_nobody_is_ready(
    tmp_path: Path,
) -> None:
    store = await Store.open(await migrated(tmp_path))
    heartbeat = Heartbeat(tmp_path / "beat", 5, {}, store.turn)
    async with asked(
        Vitals(store, heartbeat, lambda: float("-inf"), in_folder(tmp_path), 0)
    ) as browser:
        await shows(browser, "telegram")
        await store.close()
        await shows(browser, "telegram", "database")


class Writes(Meter):
    """Counts what is written."""

    number = 0

    def write_waited(self, seconds: float) -> None:  # noqa: ARG002 - how long, nobody asks
        self.number += 1


async def test_many_who_ask_at_once_cause_one_write(tmp_path: Path) -> None:
    writes = Writes()
    store = await Store.open(await migrated(tmp_path), writes)
    heartbeat = Heartbeat(tmp_path / "beat", 5, {}, store.turn)
    async with asked(Vitals(store, heartbeat, monotonic, in_folder(tmp_path), 0)) as browser:
        await asyncio.gather(*(browser.get("/readyz") for _ in range(20)))
    await store.close()
    assert writes.number == 1
