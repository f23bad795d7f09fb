"""Metrics over the wire: each one moves with what it tells of, and tells of nobody."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.domain import TextCall, TextCallKind, now
from bot.gateway import circuit_breaker
from bot.jobs.dispatch import LocalDispatch
from bot.storage import migrate
from bot.tg import polling
from bot.web import health, metrics, scrape
from bot.web.metrics import BotMetrics
from sandbox.gateway import Failure, Gateway, Reply
from sandbox.server import serve
from sandbox.telegram import Flood, ServerError, Telegram
from tests.conftest import SMALL, Start
from tests.support.command import ended, running
from tests.support.conversation import KEY, PICTURE, TOKEN, Conversation, environment
from tests.support.pages import free_address
from tests.support.waiting import patient

MODEL = "gemini-2.5-flash-image"


@pytest.fixture(autouse=True)
def _reads_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrape, "TRUSTED", 0)
    monkeypatch.setattr(health, "TRUSTED", 0)
    monkeypatch.setattr(health, "PATIENCE", 0.3)
    monkeypatch.setattr(metrics, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(metrics, "WEIGH_SECONDS", 0.1)


class Board:
    """What Prometheus would read."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.browser = httpx.AsyncClient(base_url=f"http://{address}")
        self.text = ""

    async def read(self) -> dict[str, float]:
        """Ask once: the values by name and labels, as they are written."""
        self.text = (await self.browser.get("/metrics")).raise_for_status().text
        return {
            one.name + "".join(f" {key}={value}" for key, value in sorted(one.labels.items())): (
                one.value
            )
            for family in text_string_to_metric_families(self.text)
            for one in family.samples
        }

    async def value(self, name: str) -> float:
        return (await self.read())[f"picturebot_{name}"]

    async def shows(self, lamp: str, *, dark: set[str]) -> None:
        """Wait until exactly these parts of a metric are 0, and all others 1."""
        async with patient():
            while {
                name.rpartition("=")[2]
                for name, value in (await self.read()).items()
                if name.startswith(f"picturebot_{lamp} ") and not value
            } != dark:
                await asyncio.sleep(0.05)

    async def until(self, name: str, holds: Callable[[float], bool]) -> float:
        """Wait until a value is as it should be; 0 where there is none."""
        async with patient():
            while not holds(value := (await self.read()).get(f"picturebot_{name}", 0)):
                await asyncio.sleep(0.05)
        return value


@asynccontextmanager
async def watched(start: Start, **changes: str) -> AsyncIterator[tuple[Conversation, Board]]:
    address = free_address()
    async with start(WEB_ADDRESS=address, **changes) as chat:
        board = Board(address)
        try:
            yield chat, board
        finally:
            await board.browser.aclose()


def more_than(least: float) -> Callable[[float], bool]:
    return lambda value: value > least


def exactly(number: float) -> Callable[[float], bool]:
    return lambda value: value == number


async def test_a_picture_moves_what_is_counted_on_its_way(start: Start) -> None:
    async with watched(start) as (chat, board):
        before = await board.read()
        await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.quiet()
        for name, at_least in {
            f"jobs_ended_total model={MODEL} outcome=drawn state=delivered": 1,
            "picture_seconds_count phase=waiting": 1,
            "picture_seconds_count phase=gateway": 1,
            "picture_seconds_count phase=delivery": 1,
            "picture_seconds_count phase=total": 1,
            f"gateway_calls_total kind=image model={MODEL} outcome=drawn": 1,
            "gateway_call_seconds_count kind=image": 1,
            "telegram_calls_total method=sendMessage result=200": 1,
            "telegram_calls_total method=editMessageMedia result=200": 1,
            "telegram_call_seconds_count method=editMessageMedia": 1,
            "update_lag_seconds_count": 1,
        }.items():
            assert f"picturebot_{name}" not in before or not before[f"picturebot_{name}"], name
            assert await board.until(name, more_than(at_least - 1)) == at_least, name
        after = await board.read()
        for name in ("database_write_wait_seconds_count", "database_commit_seconds_count"):
            assert after[f"picturebot_{name}"] - before[f"picturebot_{name}"] >= 4, name
        await board.until(
            "loop_lag_seconds_count", more_than(before["picturebot_loop_lag_seconds_count"])
        )
        (picture,) = (chat.folder / "media").glob("[0-9a-f][0-9a-f]/*")
        await board.until("media_bytes", exactly(picture.stat().st_size))
        free = shutil.disk_usage(chat.folder).free
        assert await board.until("disk_free_bytes", more_than(0)) == pytest.approx(free, rel=0.1)
        assert await board.until("telegram_silence_seconds", lambda value: value < 90) >= 0


async def test_what_calls_cost_is_counted_by_currency_and_what_nobody_tells_by_itself(
    start: Start,
) -> None:
    async with watched(start) as (chat, board):
        chat.gateway.script(Reply(noise=1200, headers=(("x-litellm-response-cost", "0.25"),)))
        await chat.row(chat.alice, "a red fox", PICTURE)
        cost = await board.until(f"cost_total currency=USD model={MODEL}", more_than(0))
        chat.gateway.script(Reply(failure=Failure.BLOCKED))
        unpriced = await board.until("calls_unpriced_total", lambda _: True)
        chat.alice.send(text="a blue fox")
        await board.until("calls_unpriced_total", more_than(unpriced))
        assert await board.until(f"cost_total currency=USD model={MODEL}", exactly(cost)) == cost


async def test_jobs_that_wait_are_seen_and_those_that_run(start: Start) -> None:
    async with watched(start, USER_CONCURRENCY="1") as (chat, board):
        with chat.gateway.hold():
            chat.alice.send(text="a red fox")
            await board.until("jobs state=running", exactly(1))
            assert (await board.read())["picturebot_calls_unknown"] == 0  # it is under way
            chat.alice.send(text="a blue fox")
            await board.until("queue_jobs", exactly(1))
            await board.until("jobs state=accepted", exactly(1))
            await board.until("queue_oldest_seconds", more_than(0.2))
        await chat.sees(chat.alice, PICTURE, PICTURE)
        for name in ("jobs state=running", "jobs state=accepted", "queue_jobs"):
            await board.until(name, exactly(0))
        await board.until("queue_oldest_seconds", exactly(0))


async def test_a_job_that_is_cancelled_before_it_began_is_counted_too(start: Start) -> None:
    async with watched(start, USER_CONCURRENCY="1") as (chat, board):
        with chat.gateway.hold():
            chat.alice.send(text="a red fox")
            chat.alice.send(text="a blue fox")
            await board.until("queue_jobs", exactly(1))
            chat.alice.send(text="/cancel")
            name = f"jobs_ended_total model={MODEL} outcome=cancelled state=cancelled"
            await board.until(name, exactly(2))
        cut = f"gateway_calls_total kind=image model={MODEL} outcome=cancelled"
        await board.until(cut, exactly(1))


async def test_a_call_whose_end_nobody_saw_is_unknown(start: Start) -> None:
    async with watched(start) as (chat, board):
        assert (await board.read())["picturebot_calls_unknown"] == 0
        call = TextCall(TextCallKind.REWRITE, 1, 1, 1, "gpt", "host")
        await chat.store.write(lambda tx: tx.calls.start_text(call, now() - timedelta(hours=2)))
        await board.until("calls_unknown", exactly(1))


async def test_a_gateway_that_fails_has_its_class_and_its_open_circuit(
    start: Start, alone: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit_breaker, "FAILURES", 1)
    monkeypatch.setattr(circuit_breaker, "REST", 0.2)
    async with watched(start, **alone) as (chat, board):
        await board.until("circuit_open gateway=main model=", exactly(0))
        chat.gateway.script(Reply(failure=Failure.BAD_GATEWAY))
        chat.alice.send(text="a red fox")
        open_model = f"circuit_open gateway=main model={MODEL}"
        await board.until(open_model, exactly(1))
        calls = [name for name in await board.read() if "gateway_calls_total" in name]
        assert [re.search(r"outcome=(\w+)", name)[1] for name in calls] != ["drawn"]  # type: ignore[index]
        await asyncio.sleep(2 * circuit_breaker.REST)
        assert await board.value(open_model) == 1  # rested, not mended
        chat.alice.send(text="a blue fox")
        await board.shows("circuit_open", dark={""})


async def test_a_gateway_that_cannot_be_reached_is_open_as_a_whole_until_one_gets_through(
    start: Start, alone: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit_breaker, "FAILURES", 1)
    monkeypatch.setattr(circuit_breaker, "REST", 0.2)
    url = f"http://{(address := free_address())}/gateway/v1"
    async with watched(start, **alone, GATEWAY_URL=url) as (chat, board):
        await board.shows("circuit_open", dark={""})
        await chat.row(chat.alice, "a red fox", "*cannot be reached*")
        await board.shows("circuit_open", dark=set())
        await asyncio.sleep(2 * circuit_breaker.REST)
        assert await board.value("circuit_open gateway=main model=") == 1  # rested, not mended
        ready = (await board.browser.get("/readyz")).json()
        assert set(ready.values()) == {"ok"}  # it is the gateway's lamp alone
        (gateway := Gateway(KEY)).default = SMALL
        async with serve(Telegram(TOKEN), gateway, port=int(address.rpartition(":")[2])):
            await chat.row(chat.alice, "a blue fox", PICTURE)
            await board.shows("circuit_open", dark={""})


async def test_a_flood_and_a_page_instead_of_an_answer_are_told_by_method(start: Start) -> None:
    async with watched(start) as (chat, board):
        chat.telegram.fault("sendMessage", Flood(1))
        chat.telegram.fault("editMessageMedia", ServerError())
        await chat.row(chat.alice, "a red fox", PICTURE)
        await board.until("telegram_calls_total method=sendMessage result=429", exactly(1))
        await board.until("telegram_calls_total method=editMessageMedia result=failed", exactly(1))


@pytest.mark.about_file
async def test_each_part_that_fails_is_not_up_until_it_is_well_and_no_other(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "TAKE_SECONDS", 0.3)
    monkeypatch.setattr(polling, "SLACK_SECONDS", 0.3)
    async with watched(start, HEARTBEAT_SECONDS="0.1") as (chat, board):
        await board.shows("up", dark=set())
        other = sqlite3.connect(tmp_path / "bot.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await board.shows("up", dark={"database"})
        other.close()
        await board.shows("up", dark=set())

        with chat.telegram.hold("getChatMember", "before") as gate:
            chat.alice.send(chat.telegram.group("Home", [chat.alice]), "/settings")
            await gate.reached()
            await board.shows("up", dark={"polling"})
        await board.shows("up", dark=set())

        with monkeypatch.context() as stuck:
            stuck.setattr(LocalDispatch, "is_alive", property(lambda _: False))
            await board.shows("up", dark={"dispatcher"})
        await board.shows("up", dark=set())

        usage = shutil.disk_usage(tmp_path)
        with monkeypatch.context() as full:
            full.setattr(shutil, "disk_usage", lambda _: usage._replace(free=5 << 20))
            await board.shows("up", dark={"disk"})
            assert await board.value("disk_free_bytes") == 5 << 20
        await board.shows("up", dark=set())


async def test_a_silent_telegram_is_not_up_and_its_silence_is_counted_until_it_answers(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "POLL_SECONDS", 1)
    monkeypatch.setattr(health, "SILENCE", 4.0)
    async with watched(start) as (chat, board):
        await board.shows("up", dark=set())
        chat.telegram.fault("getUpdates", ServerError(), times=3)
        await board.shows("up", dark={"telegram"})
        silent = await board.until("telegram_silence_seconds", more_than(4))
        await board.until("telegram_silence_seconds", more_than(silent))
        await board.until("telegram_silence_seconds", lambda seconds: seconds < 4)
        await board.shows("up", dark=set())


@pytest.mark.about_file
async def test_the_newest_backup_is_known_by_its_moment(start: Start, tmp_path: Path) -> None:
    async with watched(start, BACKUP_DIR=str(tmp_path / "backups")) as (chat, board):
        assert (await board.read())["picturebot_backup_timestamp_seconds"] == 0
        begun = int(time.time())
        settings = environment(chat.world, tmp_path, BACKUP_DIR=str(tmp_path / "backups"))
        made = await ended(tmp_path, "backup", **settings)
        assert made.code == 0, made.stderr
        await board.until("backup_timestamp_seconds", lambda at: begun <= at <= time.time())


async def test_on_postgres_who_leads_is_told_by_each_process(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    await migrate(empty_postgres_url)
    boards = [Board(free_address()), Board(free_address())]
    async with serve(Telegram(TOKEN), Gateway(KEY)) as world, AsyncExitStack() as stack:
        processes = []
        for board, leads in zip(boards, (1, 0), strict=True):
            stack.push_async_callback(board.browser.aclose)
            given = {"DATABASE_URL": empty_postgres_url, "WEB_ADDRESS": board.address}
            settings = environment(world, tmp_path, **given)
            one = await stack.enter_async_context(running(tmp_path, "run", **settings))
            processes.append(one)
            await one.says("leading" if leads else "standing by")
            assert await board.value("leader") == leads
        assert await processes[0].end() == 0
        await boards[1].until("leader", exactly(1))


async def test_builds_tell_their_versions(start: Start) -> None:
    async with watched(start) as (_, board):
        (build,) = [name for name in await board.read() if "build_info" in name]
        assert f"sqlite={sqlite3.sqlite_version}" in build


@pytest.mark.parametrize(("version", "faulty"), [((3, 51, 2), 1), ((3, 51, 3), 0)])
async def test_a_sqlite_that_may_lose_writes_is_told(
    start: Start, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], faulty: int
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    async with watched(start) as (_, board):
        assert await board.value("sqlite_wal_reset_fault") == faulty


async def test_no_label_and_no_value_tells_who_asked_or_for_what(start: Start) -> None:
    async with watched(start) as (chat, board):
        await chat.row(chat.alice, "a very secret fox", PICTURE)
        await chat.quiet()
        await board.read()
        labels = " ".join(re.findall(r"\{(.*?)\}", board.text))
        for word in (str(chat.alice.id), "Alice", "secret", chat.folder.name, "110201543"):
            assert word not in labels


@pytest.mark.parametrize(
    ("changes", "header", "status"),
    [
        ({}, "", 200),
        ({"METRICS_NETWORKS": "10.0.0.0/8"}, "", 403),
        ({"METRICS_NETWORKS": "10.0.0.0/8", "METRICS_TOKEN": "s3cret"}, "", 403),
        ({"METRICS_NETWORKS": "10.0.0.0/8", "METRICS_TOKEN": "s3cret"}, "Bearer wrong", 403),
        ({"METRICS_NETWORKS": "10.0.0.0/8", "METRICS_TOKEN": "s3cret"}, "Bearer s3cret", 200),
        ({"METRICS_NETWORKS": "10.0.0.0/8"}, "Basic eDp5", 403),
    ],
)
async def test_only_allowed_networks_and_who_has_the_token_are_told(
    start: Start, changes: dict[str, str], header: str, status: int
) -> None:
    async with watched(start, **changes) as (_, board):
        headers = {"Authorization": header} if header else {}
        assert (await board.browser.get("/metrics", headers=headers)).status_code == status
        forwarded = headers | {"X-Forwarded-For": "10.1.2.3"}  # by a proxy on this machine
        answer = await board.browser.get("/metrics", headers=forwarded)
        assert answer.status_code == (200 if "METRICS_NETWORKS" in changes else 403)


def test_every_metric_is_moved_by_a_test_here() -> None:
    written = Path(__file__).read_text(encoding="utf-8")
    names = {one.name.removeprefix("picturebot_") for one in BotMetrics().declared}
    assert {name for name in names if name not in written} == set()
