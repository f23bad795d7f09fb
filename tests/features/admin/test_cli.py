"""Inquiries: what operators are told about models and money, by the command itself."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.config import Settings, load_settings
from bot.features.admin.cli import audit
from bot.healthcheck import complaint_here
from bot.heartbeat import heartbeat_file
from bot.storage import sqlite_copy
from sandbox.gateway import Gateway
from sandbox.server import serve
from sandbox.telegram import Telegram
from tests.support.command import Ended, ended
from tests.support.conversation import KEY, Conversation
from tests.support.waiting import patient

MODELS = """
extends = false
[[model]]
id = "gemini-2.5-flash-image"
label = "Good"
[[model]]
id = "gone"
label = "Gone"
model = "no-such-model"
[[model]]
id = "old"
label = "Old"
model = "gpt-image-1"
retires = 2020-01-01
[[model]]
id = "shy"
label = "Shy"
model = "flux"
offered = false
"""


@asynccontextmanager
async def told(
    folder: Path, *words: str, key: str = KEY, columns: str = "160"
) -> AsyncIterator[tuple[Ended, Gateway]]:
    (folder / "models.toml").write_text(MODELS)
    async with serve(Telegram("1:x"), Gateway(KEY)) as world:
        end = await ended(
            folder,
            *words,
            GATEWAY_URL=world.gateway_url,
            GATEWAY_API_KEY=key,
            MODELS_FILE="models.toml",
            DEFAULT_MODEL="good",
            COLUMNS=columns,
        )
        assert KEY not in end.stdout + end.stderr
        assert "Traceback" not in end.stderr
        yield end, world.gateway


async def test_models_marks_what_is_missing_and_what_has_retired(tmp_path: Path) -> None:
    async with told(tmp_path, "models") as (end, _):
        assert end.code == 0, end
        states = {
            re.split(" {2,}", line)[0]: re.split(" {2,}", line)[4]
            for line in end.stdout.splitlines()[2:]
        }
    assert states == {
        "gemini-2.5-flash-image": "listed",
        "gone": "not listed by the gateway",
        "old": "retired on 2020-01-01",
        "shy": "not offered",
    }


@pytest.mark.parametrize(
    ("columns", "heads"),
    [
        ("50", ["model", "state"]),
        ("90", ["model", "route", "edits with", "state"]),
        ("160", ["model", "sent as", "route", "edits with", "state"]),
    ],
)
async def test_models_leaves_columns_out_where_the_terminal_is_narrow(
    columns: str, heads: list[str], tmp_path: Path
) -> None:
    async with told(tmp_path, "models", columns=columns) as (end, _):
        lines = end.stdout.splitlines()
    assert lines[0] == "gateway main"
    assert re.split(" {2,}", lines[1]) == heads
    assert max(map(len, lines)) <= int(columns)


async def test_no_line_of_models_is_broken_or_filled_up(tmp_path: Path) -> None:
    async with told(tmp_path, "models", columns="20") as (end, _):
        lines = end.stdout.splitlines()
    assert "gemini-2.5-flash-image  listed" in lines
    assert lines == [line.rstrip() for line in lines]


async def test_models_says_why_a_gateway_does_not_answer_and_shows_the_catalogue(
    tmp_path: Path,
) -> None:
    async with told(tmp_path, "models", key="sk-a-wrong-key") as (end, _):
        assert end.code == 1, end
        assert end.stderr.startswith("main: 127.0.0.1:")
        assert " does not accept the key: GET /gateway/v1/models: " in end.stderr
        assert end.stderr.count("\n") == 1
        assert "not known" in end.stdout


async def test_balance_tells_what_is_left_and_what_was_used(tmp_path: Path) -> None:
    async with told(tmp_path, "balance") as (end, _):
        assert end.code == 0, end
        lines = end.stdout.splitlines()
    assert any(line.startswith("main: key ") and "USD used" in line for line in lines)
    assert any(line.startswith("main: billing: ") for line in lines)


async def test_balance_refuses_where_nobody_tells(tmp_path: Path) -> None:
    async with told(tmp_path, "balance", key="sk-a-wrong-key") as (end, _):
        assert end.code == 1
        assert end.stderr.startswith("no gateway tells its balance: main: 127.0.0.1:")
        assert "(status 401)" in end.stderr
        assert end.stderr.count("\n") == 1


async def test_without_a_key_nothing_is_asked(tmp_path: Path) -> None:
    end = await ended(tmp_path, "balance")
    assert (end.code, end.stdout) == (2, "")
    assert end.stderr.startswith("GATEWAY_API_KEY is missing")


def settings(chat: Conversation) -> Settings:
    return load_settings(
        {"DATABASE_URL": chat.database_url, "MEDIA_URL": f"{chat.folder}/media"}, env_file=None
    )


async def test_a_call_in_flight_is_under_way_for_the_audit(
    chat: Conversation, capsys: pytest.CaptureFixture[str]
) -> None:
    with chat.gateway.hold() as gate:
        await chat.row(chat.alice, "a fox", "Drawing*")
        await chat.gateway.until(lambda: gate.waiting)
        async with patient():
            while complaint_here(heartbeat_file(settings(chat))):
                await asyncio.sleep(0.02)
        await audit(settings(chat))
    await chat.quiet()
    said = capsys.readouterr().out
    assert "call 1: job 1" in said
    assert "no end yet: under way, or lost with a process that has just been killed\n" in said
    assert "no end is known" not in said


@pytest.mark.about_file
async def test_no_call_is_under_way_where_no_bot_runs(
    chat: Conversation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with chat.gateway.hold() as gate:
        await chat.row(chat.alice, "a fox", "Drawing*")
        await chat.gateway.until(lambda: gate.waiting)
        sqlite_copy.copy(chat.folder / "bot.db", tmp_path / "copied.db")  # as a restored one is
    await chat.quiet()
    await audit(load_settings({"DATABASE_URL": f"{tmp_path}/copied.db"}, env_file=None))
    said = capsys.readouterr().out
    assert "call 1: job 1" in said
    assert "no end is known, it may have been billed" in said
    assert "under way" not in said
