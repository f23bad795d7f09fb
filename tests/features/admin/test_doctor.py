"""The doctor and `config`, by the commands themselves: what is wrong is found, and nothing is changed."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.config import Settings
from bot.features.admin.findings import Finding, Level
from bot.features.admin.version import program_version
from bot.storage import migrate
from sandbox.gateway import Gateway
from sandbox.server import Sandbox, serve
from sandbox.telegram import Telegram
from tests.conftest import Start
from tests.support import process
from tests.support.command import ROOT, ended, running
from tests.support.conversation import KEY, PICTURE, TOKEN, Conversation, environment
from tests.support.database import migrated
from tests.support.waiting import within

SECRETS = (TOKEN, TOKEN.partition(":")[2], KEY, "s3cret")
NOWHERE = "http://127.0.0.1:9"  # discard: nobody listens there
STRANGE = """
extends = false
[[model]]
id = "strange"
label = "Strange"
[[model]]
id = "gemini-2.5-flash-image"
label = "Good"
[[model]]
id = "other"
label = "Other"
"""
RETIRED = STRANGE.replace('label = "Strange"', 'label = "Strange"\nretires = 2025-10-31')


@asynccontextmanager
async def sandbox() -> AsyncIterator[Sandbox]:
    async with serve(Telegram(TOKEN), Gateway(KEY)) as world:
        yield world


async def examined(folder: Path, world: Sandbox, **more: str) -> tuple[int, dict[str, list[str]]]:
    """Give the status, and what was found of each subject: its level and its words."""
    given = environment(world, folder, **more)
    end = await ended(folder, "doctor", "--json", **given)
    assert end.stderr == ""
    for secret in SECRETS:
        assert secret not in end.stdout
    told = json.loads(end.stdout)
    assert told["version"] == program_version()
    assert told["well"] is (end.code == 0)
    found: dict[str, list[str]] = {}
    for one in told["findings"]:
        found.setdefault(one["subject"], []).append(f"{one['level']}: {one['text']}")
    return end.code, found


async def seen_beside(chat: Conversation, **more: str) -> tuple[int, dict[str, list[str]]]:
    """Examine what a conversation's bot has, beside it."""
    return await examined(chat.folder, chat.world, DATABASE_URL=chat.database_url, **more)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def wrong(found: dict[str, list[str]]) -> list[str]:
    return [line for lines in found.values() for line in lines if line.startswith("wrong: ")]


async def test_beside_a_bot_that_runs_all_is_well_and_stays_as_it_was(tmp_path: Path) -> None:
    async with process.running(tmp_path) as bot:
        await bot.row(bot.alice, "a red fox", PICTURE)
        await bot.quiet()
        calls = len(bot.gateway.calls)
        code, found = await examined(tmp_path, bot.world)
        assert (code, wrong(found)) == (0, [])
        assert found["Telegram"][0] == "ok: the token is that of @sandbox_bot"
        assert found["clock"] == ["ok: it goes right"]
        assert found["gateway"][0].startswith("ok: main answers and accepts the key, ")
        assert found["bot"] == ["ok: it runs, and nothing has stalled"]
        assert found["database"][0].endswith("whole, the books agree")
        assert found["media"] == ["ok: every picture of the database is there"]
        assert len(bot.gateway.calls) == calls  # nothing was paid for
        await bot.row(bot.alice, "a blue fox", PICTURE)


async def test_what_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    async with sandbox() as world:
        code, found = await examined(tmp_path, world)
    assert (code, wrong(found)) == (0, [])
    assert found["bot"] == ["note: it does not run here"]
    assert found["database"][0].startswith("note: there is none at ")
    assert found["media"][0].startswith("note: there is no ")
    assert names(tmp_path) == []


async def test_a_database_is_read_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    await migrated(tmp_path)
    before = (tmp_path / "bot.db").read_bytes()
    async with sandbox() as world:
        assert (await examined(tmp_path, world))[0] == 0
    assert (tmp_path / "bot.db").read_bytes() == before
    assert names(tmp_path) == ["bot.db"]


def give_rights(folder: Path, mode: int) -> None:
    folder.chmod(0o755)
    (folder / "bot.db").chmod(mode)


@pytest.mark.parametrize(("mode", "warned"), [(0o644, True), (0o600, False)])
async def test_a_database_that_everybody_can_read_is_a_warning(
    tmp_path: Path, mode: int, *, warned: bool
) -> None:
    await migrated(tmp_path)
    give_rights(tmp_path, mode)
    async with sandbox() as world:
        code, found = await examined(tmp_path, world)
    told = [line for line in found["database"] if "everybody on this machine can read" in line]
    assert (code, len(told)) == (0, warned)


def left_webhook(world: Sandbox) -> None:
    world.telegram.world.updates.webhook = {"url": "https://elsewhere.example/s3cret"}


HOOK = {"WEB_ADDRESS": "127.0.0.1:9", "WEBHOOK_URL": "https://bot.example/telegram"}


def own_webhook(world: Sandbox) -> None:
    world.telegram.world.updates.webhook = {"url": HOOK["WEBHOOK_URL"]}


def failing_webhook(world: Sandbox) -> None:
    own_webhook(world)
    world.telegram.world.updates.webhook_error = "Connection refused"


@pytest.mark.parametrize(
    ("happens", "told"),
    [
        (None, "note: WEBHOOK_URL is not told to Telegram yet"),
        (own_webhook, ""),
        (failing_webhook, "warning: Telegram could not deliver to WEBHOOK_URL at"),
    ],
)
async def test_ones_own_webhook_is_looked_at(
    tmp_path: Path, happens: Callable[[Sandbox], None] | None, told: str
) -> None:
    async with sandbox() as world:
        if happens:
            happens(world)
        code, found = await examined(tmp_path, world, **HOOK)
    assert code == 0
    lines = [line for line in found["Telegram"] if "WEBHOOK" in line]
    assert [line.startswith(told) for line in lines] == [True] * bool(told)


def slow_clock(world: Sandbox) -> None:
    world.telegram.clock_ahead = 3600.0


@pytest.mark.parametrize(
    ("happens", "more", "told"),
    [
        (left_webhook, {}, "a webhook of another program is left at elsewhere.example"),
        (slow_clock, {}, "seconds slow: let NTP set it"),
        (None, {"GATEWAY_API_KEY": "sk-a-wrong-key-s3cret"}, " does not accept the key: "),
        (
            None,
            {"GATEWAY_URL": NOWHERE},
            "main: 127.0.0.1:9 does not answer (ConnectError): is that ",
        ),
        (None, {"TELEGRAM_API_URL": NOWHERE}, "127.0.0.1 does not answer: is there a way to it"),
        (None, {"TELEGRAM_BOT_TOKEN": "987:s3cret"}, "TELEGRAM_BOT_TOKEN is not accepted"),
        (None, {"STORAGE_CHAT_ID": "-1009999999999"}, "STORAGE_CHAT_ID cannot be used: "),
        (None, {"MIN_FREE_MB": "999999999"}, "less than MIN_FREE_MB, 999999999"),
        (
            None,
            {"DATABASE_URL": "postgresql://bot:s3cret@127.0.0.1:9/bot"},
            "connection to server at",
        ),
    ],
)
async def test_what_is_wrong_is_found(
    tmp_path: Path,
    happens: Callable[[Sandbox], None] | None,
    more: dict[str, str],
    told: str,
) -> None:
    async with sandbox() as world:
        if happens:
            happens(world)
        code, found = await examined(tmp_path, world, **more)
    assert code == 1
    lines = wrong(found)
    assert lines
    assert all(told in line for line in lines), lines


@pytest.mark.parametrize(
    ("variables", "subject", "told"),
    [
        ({"DEFAULT_MODEL": "nonsense"}, "settings", "DEFAULT_MODEL is not in the catalogue"),
        ({"MENU_MODELS": "nonsense"}, "settings", "MENU_MODELS: nonsense is not in the catalogue"),
        (
            {"ENHANCE_MODEL": "one", "ENHANCE_GATEWAY": "nowhere"},
            "settings",
            "ENHANCE_GATEWAY nowhere is not there; there are: main",
        ),
        ({"PRESETS_FILE": "presets.toml"}, "settings", "PRESETS_FILE: "),
        ({"MODELS_FILE": "presets.toml"}, "settings", "MODELS_FILE: "),
        ({"DATABASE_URL": "/proc/x/bot.db"}, "database", "DATABASE_URL cannot be used: "),
        ({"DATABASE_URL": "media.txt/bot.db"}, "database", "DATABASE_URL cannot be used: "),
        ({"MEDIA_URL": "/proc/x/media"}, "media", "MEDIA_URL cannot be used: "),
        ({"MEDIA_URL": "media.txt"}, "media", "MEDIA_URL cannot be used: "),
    ],
)
async def test_what_a_start_refuses_is_wrong_once_and_of_what_it_is_said(
    tmp_path: Path, variables: dict[str, str], subject: str, told: str
) -> None:
    (tmp_path / "presets.toml").write_text("rot = ")
    (tmp_path / "media.txt").write_text("no folder")
    async with sandbox() as world:
        code, found = await examined(tmp_path, world, **variables)
        end = await ended(tmp_path, "run", **environment(world, tmp_path, **variables))
    assert (code, end.code) == (1, 2)
    (line,) = wrong(found)
    assert line in found[subject]
    assert line.startswith(f"wrong: {told}")
    assert told in end.stderr


async def test_postgres_without_its_driver_is_wrong_once(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['psycopg'] = None\n")
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    url = "postgresql://bot:s3cret@127.0.0.1:9/bot"
    async with sandbox() as world:
        given = environment(world, tmp_path, DATABASE_URL=url) | {"PYTHONPATH": path}
        async with running(tmp_path, "doctor", "--json", **given) as command:
            assert await within(command.process.wait()) == 1
    found = [Finding(**one) for one in json.loads("\n".join(command.said))["findings"]]
    (line,) = [one for one in found if one.level == Level.WRONG]
    assert (line.subject, line.text) == ("database", "its driver needs picturebot[postgres]")


async def test_backups_that_are_not_made_are_wrong_where_the_bot_runs(tmp_path: Path) -> None:
    async with process.running(tmp_path, BACKUP_DIR=str(tmp_path / "kept")) as bot:
        more = {"BACKUP_EVERY": "1", "BACKUP_DIR": str(tmp_path / "kept")}
        code, beside = await examined(tmp_path, bot.world, **more)
        assert code == 1
        await bot.end()
        code, alone = await examined(tmp_path, bot.world, **more)
        assert code == 0
    assert beside["backups"] == [f"wrong: there is none in {tmp_path}/kept: the log says why"]
    (line,) = alone["backups"]
    assert line.endswith("kept: the bot makes them, and runs not here")


async def test_it_is_told_how_many_operate_the_bot_and_not_who(start: Start) -> None:
    async with start() as chat:
        _, found = await seen_beside(chat)
        assert found["operators"][0].startswith("note: nobody hears of what is wrong: ")
        await chat.store.write(lambda tx: tx.decisions.decide(1002, owner=True))
        for more, count in (({}, 1), ({"ADMIN_IDS": "1001"}, 2)):
            _, found = await seen_beside(chat, **more)
            assert found["operators"] == [f"ok: they are {count}"]


async def test_a_place_for_backups_that_cannot_be_written_in_is_named(tmp_path: Path) -> None:
    async with sandbox() as world:
        _, found = await examined(tmp_path, world, BACKUP_DIR="/proc/x", BACKUP_EVERY="24")
    assert any("BACKUP_DIR cannot be used: /proc cannot be " in line for line in wrong(found))
    assert not any("backups" in line for line in found["disk"])


async def test_a_default_model_that_is_no_longer_offered_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(RETIRED)
    async with sandbox() as world:
        more = {"MODELS_FILE": "models.toml", "DEFAULT_MODEL": "strange"}
        _, found = await examined(tmp_path, world, **more)
    assert found["settings"][1:] == [
        "warning: DEFAULT_MODEL, strange, is no longer offered; try gemini-2.5-flash-image"
    ]


async def test_too_few_file_descriptors_are_found(tmp_path: Path) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    jobs = min(10_000, most)
    if 3 * jobs + 128 <= most:
        pytest.skip("this system gives whatever is asked for")
    async with sandbox() as world:
        code, found = await examined(tmp_path, world, MAX_CONCURRENCY=str(jobs))
    assert code == 1
    assert wrong(found)[0].startswith(f"wrong: MAX_CONCURRENCY={jobs} needs ")


async def test_models_that_a_gateway_does_not_list_are_named(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(STRANGE)
    async with sandbox() as world:
        more = {"MODELS_FILE": "models.toml", "DEFAULT_MODEL": "strange"}
        code, found = await examined(tmp_path, world, **more)
    assert code == 1
    assert found["gateway"] == [
        "ok: main answers and accepts the key, 1 of 3 models of the catalogue are listed",
        "wrong: main does not list DEFAULT_MODEL, strange",
        "warning: main does not list other (`models` tells all)",
    ]


async def test_a_damaged_page_is_found(tmp_path: Path) -> None:
    await migrated(tmp_path)
    with (tmp_path / "bot.db").open("r+b") as file:
        file.seek(8192)
        file.write(bytes(8192))
    async with sandbox() as world:
        code, found = await examined(tmp_path, world)
    assert code == 1
    assert [line for line in found["database"] if line.startswith("wrong: ")]


async def test_where_nothing_works_each_thing_is_told(tmp_path: Path) -> None:
    await migrated(tmp_path)
    (tmp_path / "bot.db").write_bytes(b"rot" + (tmp_path / "bot.db").read_bytes()[3:])
    (tmp_path / "media").mkdir()
    (tmp_path / "bot.db.heartbeat").write_text("rot")
    async with sandbox() as world:
        nowhere = {"GATEWAY_URL": NOWHERE, "TELEGRAM_API_URL": NOWHERE}
        code, found = await examined(tmp_path, world, **nowhere, MIN_FREE_MB="999999999")
    assert code == 1
    subjects = {name for name, lines in found.items() if wrong({name: lines})}
    assert subjects == {"Telegram", "gateway", "database", "disk", "bot"}
    assert found["media"] == ["note: not compared with the database, which cannot be read"]


async def test_a_disk_that_fills_up_is_told_before_nothing_is_drawn(tmp_path: Path) -> None:
    await migrated(tmp_path)
    (tmp_path / "media").mkdir()
    least = (shutil.disk_usage(tmp_path).free >> 20) * 3 // 4
    async with sandbox() as world:
        _, found = await examined(tmp_path, world, MIN_FREE_MB=str(least))
    (told,) = {line.partition("MB are ")[2] for line in found["disk"] if "pictures" in line}
    assert told == f"free for pictures, less than twice MIN_FREE_MB, {least}"


async def test_a_folder_that_is_gone_with_its_pictures_is_no_first_start(
    chat: Conversation,
) -> None:
    await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.quiet()
    code, found = await seen_beside(chat, MEDIA_URL="nowhere", MEDIA_RETENTION_DAYS="0")
    lost = (
        "wrong: there is no nowhere, in which the database has pictures: is its disk mounted, and"
        " MEDIA_URL right?"
    )
    assert (code, wrong(found)) == (1, [lost])


async def test_a_missing_picture_is_named_unless_it_was_too_old_to_be_kept(
    chat: Conversation,
) -> None:
    await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.quiet()
    (file,) = (chat.folder / "media").glob("??/*")
    file.unlink()
    code, found = await seen_beside(chat)
    assert code == 1
    assert wrong(found) == [f"wrong: pictures are missing in {chat.folder}/media: {file.name}"]
    await chat.execute("UPDATE jobs SET created_at = '2026-01-01 00:00:00.000000'")
    assert (await seen_beside(chat))[0] == 1
    code, found = await seen_beside(chat, MEDIA_RETENTION_DAYS="1")
    assert (code, wrong(found)) == (0, [])


@pytest.mark.parametrize(
    ("revision", "level"), [("0009", "note: it has schema 0009"), ("9999", "wrong: the database")]
)
async def test_another_schema_is_named(tmp_path: Path, revision: str, level: str) -> None:
    await migrated(tmp_path)
    with sqlite3.connect(tmp_path / "bot.db") as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    database.close()
    async with sandbox() as world:
        _, found = await examined(tmp_path, world)
    assert found["database"][0].startswith(level)


async def test_a_postgres_is_looked_at_before_and_after_its_tables_are_made(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    async with sandbox() as world:
        code, found = await examined(tmp_path, world, DATABASE_URL=empty_postgres_url)
        assert (code, found["database"]) == (1, ["wrong: it has no tables: run `migrate`"])
        await migrate(empty_postgres_url)
        code, found = await examined(tmp_path, world, DATABASE_URL=empty_postgres_url)
    (line,) = found["database"]
    assert code == 0
    assert re.fullmatch(r"ok: Postgres [\d.]+, schema \d{4}, whole, the books agree", line)


async def test_old_files_that_are_no_pictures_are_counted(chat: Conversation) -> None:
    await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.quiet()
    (file,) = (chat.folder / "media").glob("??/*")
    stray = chat.folder / "media" / "ab" / f"ab{'0' * 62}"
    stray.write_bytes(b"what somebody sent")
    for one in (file, stray):
        os.utime(one, (0, 0))
    code, found = await seen_beside(chat)
    assert (code, found["media"][-1]) == (
        0,
        "note: old files that are no picture's: 1 (a bot that runs deletes them)",
    )


async def test_books_that_do_not_agree_are_wrong(chat: Conversation) -> None:
    await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.quiet()
    await chat.execute("UPDATE counters SET settled = settled + 1")
    code, found = await seen_beside(chat)
    await chat.execute("UPDATE counters SET settled = settled - 1")
    assert code == 1
    assert all("the books do not agree: account " in line for line in wrong(found))


async def test_people_read_lines_and_wrong_settings_end_with_2(tmp_path: Path) -> None:
    async with sandbox() as world:
        end = await ended(tmp_path, "doctor", **environment(world, tmp_path))
        assert end.code == 0
        lines = [line.split(maxsplit=2) for line in end.stdout.splitlines()]
        assert end.stdout == "".join(f"{line.rstrip()}\n" for line in end.stdout.splitlines())
        assert lines[0][:2] == ["picturebot", f"{program_version()},"]
        assert ["ok", "clock", "it goes right"] in [
            [word.strip() for word in line] for line in lines
        ]
    end = await ended(tmp_path, "doctor", USER_CONCURRENCY="many", MAX_COUNT="99")
    assert end.code == 2
    assert end.stdout.count("wrong") == 2
    assert "USER_CONCURRENCY must be a whole number" in end.stdout
    end = await ended(tmp_path, "doctor", "--json", USER_CONCURRENCY="many")
    assert (end.code, json.loads(end.stdout)["well"]) == (2, False)


async def told(folder: Path, **variables: str) -> dict[str, tuple[str, str]]:
    end = await ended(folder, "config", **variables)
    assert end.code == 0, end
    for secret in SECRETS:
        assert secret not in end.stdout + end.stderr
    lines: Any = (line.partition("  # ") for line in end.stdout.splitlines())
    named = [(setting.partition("="), origin) for setting, _, origin in lines]
    return {name: (value, origin) for (name, _, value), origin in named}


async def test_config_tells_what_holds_and_where_it_is_from(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("USER_QUEUE=7\nMAX_COUNT=3\nADMIN_IDS='2, 1'\n")
    (tmp_path / "key").write_text(KEY)
    found = await told(
        tmp_path,
        MAX_COUNT="2",
        TELEGRAM_BOT_TOKEN=TOKEN,
        GATEWAY_API_KEY_FILE=f"{tmp_path}/key",
        DATABASE_URL="postgresql://bot:s3cret@db.example/bot?password=s3cret",
        HEARTBEAT_URL="https://hc.example/s3cret",
    )
    assert list(found)[: len(Settings.model_fields)] == [*map(str.upper, Settings.model_fields)]
    assert found["USER_QUEUE"] == ("7", ".env")
    assert found["MAX_COUNT"] == ("2", "the environment")
    assert found["ADMIN_IDS"] == ("1,2", ".env")
    assert found["TELEGRAM_BOT_TOKEN"] == ("***", "the environment")
    assert found["GATEWAY_API_KEY"] == ("***", "the environment, GATEWAY_API_KEY_FILE")
    assert found["DATABASE_URL"] == ("postgresql://***@db.example/bot", "the environment")
    assert found["HEARTBEAT_URL"] == ("***", "the environment")
    assert found["GENERATION_TIMEOUT"] == ("300", "the default")
    assert found["TELEGRAM_DELETE_WEBHOOK"] == ("true", "the default")


async def test_what_config_prints_may_be_a_file_of_settings(tmp_path: Path) -> None:
    end = await ended(tmp_path, "config", MENU_MODELS="flux,gemini-2.5-flash-image")
    (tmp_path / ".env").write_text(end.stdout)
    again = await ended(tmp_path, "config")
    assert again.code == 0, again

    def values(text: str) -> list[str]:
        return [line.partition("  # ")[0] for line in text.splitlines()]

    assert values(again.stdout) == values(end.stdout)
