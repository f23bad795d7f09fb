"""The command line: what it refuses in one line, how it starts, and how it ends."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import sqlite3
from pathlib import Path

import httpx
import pytest

from bot.domain import JobState
from bot.storage import schema
from sandbox.gateway import Gateway
from sandbox.server import serve
from sandbox.telegram import Telegram
from tests.support import process
from tests.support.command import ROOT, ended, running
from tests.support.conversation import KEY, PICTURE, TOKEN, environment, image
from tests.support.pages import free_address
from tests.support.waiting import within
from tests.support.wire import listening

REAL = {"TELEGRAM_BOT_TOKEN": TOKEN, "GATEWAY_API_KEY": KEY}
OLD_MODELS = """
[[model]]
id = "old"
label = "An old Aunt"
aliases = ["aunt"]
retires = 2020-01-01
fallbacks = ["gemini-3.1-flash-image"]
"""
NOWHERE = "http://127.0.0.1:9"  # discard: nobody listens there


async def refusal(folder: Path, *words: str, **variables: str) -> str:
    """Give the one line with which a command refuses, after looking for what must not be in it."""
    end = await ended(folder, *(words or ("run",)), **variables)
    assert end.code == 2, end
    (line,) = end.stderr.splitlines()
    assert "Traceback" not in line
    for secret in (TOKEN, TOKEN.partition(":")[2], KEY, "s3cret"):
        assert secret not in end.stdout + end.stderr
    return line


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"USER_CONCURRENCY": "many"}, "USER_CONCURRENCY must be a whole number"),
        ({"METRICS_NETWORKS": "1.2.3"}, "METRICS_NETWORKS must be networks, for example"),
        ({"SANDBOX_PORT": "99999"}, "SANDBOX_PORT must be at most 65535"),
        ({"TELEGRAM_BOT_TOKEN": "s3cret"}, "TELEGRAM_BOT_TOKEN is not a bot token"),
        ({"TELEGRAM_BOT_TOKEN": TOKEN}, "GATEWAY_API_KEY is missing"),
        ({"GATEWAY_URL": "https://u:s3cret@h/v1"}, "GATEWAY_URL must not hold"),
        ({"DATABASE_URL": "mysql://u:s3cret@h/b"}, "DATABASE_URL must be"),
        ({**REAL, "DEFAULT_MODEL": "da-vinci"}, "DEFAULT_MODEL is not in the catalogue"),
        (
            {**REAL, "MENU_MODELS": "flux,da-vinci"},
            "MENU_MODELS: da-vinci is not in the catalogue; there are: ",
        ),
        (
            {"GATEWAY_URL": "https://gw.example/v1/chat/completions"},
            "leave /chat/completions out, for example GATEWAY_URL=https://gw.example/v1",
        ),
        (
            {"GATEWAY_URL": "http://gw.example/v1"},
            "the key goes there, for example GATEWAY_URL=https://gw.example/v1",
        ),
        ({**REAL, "MEDIA_URL": "/proc/media"}, "MEDIA_URL cannot be used"),
        ({**REAL, "DATABASE_URL": "/proc/bot/bot.db"}, "DATABASE_URL cannot be used"),
        ({**REAL, "DATABASE_URL": "/proc"}, "DATABASE_URL cannot be used"),
        (
            {**REAL, "DATABASE_URL": "postgresql://bot:s3cret@127.0.0.1:9/bot"},
            "DATABASE_URL cannot be used",
        ),
    ],
)
async def test_what_cannot_work_is_refused_in_one_line(
    tmp_path: Path, variables: dict[str, str], told: str
) -> None:
    assert told in await refusal(tmp_path, **variables)


@pytest.mark.parametrize("word", ["run", "audit", "backup"])
async def test_what_a_driver_repeats_of_a_password_is_blanked(tmp_path: Path, word: str) -> None:
    """It tells the name of a file, a host and a user that are wrong."""
    url = "postgresql://s3cret@s3cret.invalid/bot?password=s3cret"
    end = await ended(tmp_path, word, **REAL, DATABASE_URL=url)
    assert end.code
    assert "<secret>" in end.stderr
    assert "s3cret" not in end.stdout + end.stderr


@pytest.mark.parametrize("word", ["run", "migrate", "audit"])
async def test_postgres_without_its_driver_is_refused(tmp_path: Path, word: str) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['psycopg'] = None\n")
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    given = {**REAL, "DATABASE_URL": "postgresql://bot:s3cret@127.0.0.1:9/bot"}
    async with running(tmp_path, word, **given, PYTHONPATH=path) as command:
        assert await within(command.process.wait()) == 2
    assert command.said == ["DATABASE_URL cannot be used: its driver needs picturebot[postgres]"]


async def test_each_wrong_setting_has_its_line(tmp_path: Path) -> None:
    end = await ended(tmp_path, "run", LOG_LEVEL="LOUD", MAX_CONCURRENCY="0")
    assert end.code == 2
    names = [line.partition(" ")[0] for line in end.stderr.splitlines()]
    assert sorted(names) == ["LOG_LEVEL", "MAX_CONCURRENCY"]


async def test_too_few_file_descriptors_are_refused(tmp_path: Path) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    jobs = min(10_000, most)  # three times as many as there are
    if 3 * jobs + 128 <= most:
        pytest.skip("this system gives whatever is asked for")
    line = await refusal(tmp_path, **REAL, MAX_CONCURRENCY=str(jobs))
    assert line.startswith(f"MAX_CONCURRENCY={jobs} needs {3 * jobs + 128} file descriptors")


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bot.db"
    file.write_text("these are not the pages of a database\n" * 100)
    assert "DATABASE_URL" in await refusal(tmp_path, **REAL, DATABASE_URL=str(file))
    assert file.read_text().startswith("these are not")


@pytest.mark.parametrize("word", ["run", "migrate"])
async def test_a_database_from_the_future_is_refused(tmp_path: Path, word: str) -> None:
    file = tmp_path / "bot.db"
    await schema.migrate(f"sqlite:///{file}")
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    told = await refusal(tmp_path, word, **REAL, DATABASE_URL=str(file))
    assert "newer than this version" in told


async def test_a_second_bot_on_the_same_database_is_refused(tmp_path: Path) -> None:
    async with serve(Telegram(TOKEN), Gateway(KEY)) as world:
        given = environment(world, tmp_path)
        async with running(tmp_path, "run", **given) as first:
            await first.says("ready")
            assert "DATABASE_URL is in use" in await refusal(tmp_path, **given)
            end = await ended(tmp_path, "audit", **given)
            assert (end.code, end.stdout) == (0, "the books agree\n")
            await first.end(signal.SIGKILL)
        async with running(tmp_path, "run", **given) as second:
            await second.says("ready")


async def test_what_is_not_ready_is_said_at_the_start_also_where_nobody_operates_it(
    tmp_path: Path,
) -> None:
    async with serve(Telegram(TOKEN), Gateway(KEY)) as world:
        given = environment(world, tmp_path, GATEWAY_URL=NOWHERE, MIN_FREE_MB="1000000000")
        async with running(tmp_path, "run", **given) as bot:
            await bot.says(r"the gateway is not ready .*cannot connect")
            await bot.says(r"needs an operator .*The disk is filling up: \d+ MB are left")
            assert await bot.end() == 0


async def test_a_token_that_telegram_does_not_know_is_refused(tmp_path: Path) -> None:
    async with serve(Telegram(TOKEN), Gateway(KEY)) as world:
        other = environment(world, tmp_path, TELEGRAM_BOT_TOKEN="987654:s3cret")
        told = await refusal(tmp_path, **other)
    assert told == "TELEGRAM_BOT_TOKEN is not accepted by Telegram"


async def test_a_taken_port_is_refused_and_the_sandbox_that_has_it_keeps_its_data(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "data" / "sandbox" / "bot.db"
    kept.parent.mkdir(parents=True)
    kept.write_text("in use")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        told = await refusal(tmp_path, SANDBOX_PORT=port)
    assert told.startswith("SANDBOX_PORT: cannot listen on")
    assert "another" in told
    assert kept.read_text() == "in use"


async def test_migrate_makes_a_sqlite_database_and_says_so(tmp_path: Path) -> None:
    for _ in range(2):
        end = await ended(tmp_path, "migrate", DATABASE_URL="data/deep/bot.db")
        assert (end.code, end.stdout) == (0, "the database is up to date\n")
    with sqlite3.connect(tmp_path / "data" / "deep" / "bot.db") as connection:
        revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    connection.close()
    assert revision == (schema.REVISION,)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    async with running(tmp_path, "run", SANDBOX_PORT="0") as bot:
        await bot.says("ready")
        assert await bot.end(number) == 0
    assert [line.split()[3] for line in bot.said[-2:]] == ["stopping", "stopped"]


async def test_the_sandbox_names_the_address_of_the_dashboard_that_is_set(tmp_path: Path) -> None:
    address = free_address()
    async with running(tmp_path, "run", SANDBOX_PORT="0", WEB_ADDRESS=address) as bot:
        await bot.says(f"WEB_ADDRESS={address} /admin")


async def test_a_signal_during_a_call_hands_the_job_on(tmp_path: Path) -> None:
    async with serve(Telegram(TOKEN), Gateway(KEY)) as world:
        alice = world.telegram.person("Alice")
        given = environment(world, tmp_path, SHUTDOWN_SECONDS="0.2")
        with world.gateway.hold() as gate:
            async with running(tmp_path, "run", **given) as bot:
                alice.send(text="a red fox")
                await world.gateway.until(lambda: gate.waiting)
                assert await bot.end() == 0
        async with running(tmp_path, "run", **given) as bot:
            await world.telegram.until(lambda: "photo" in world.telegram.messages(alice)[-1])
            assert await bot.end() == 0
        assert len(world.telegram.messages(alice)) == 2
    assert "Traceback" not in "\n".join(bot.said)


async def test_each_start_of_the_sandbox_begins_anew(tmp_path: Path) -> None:
    for _ in range(2):
        async with running(tmp_path, "run", SANDBOX_PORT="0") as bot:
            url = (await bot.says(r"Open (\S+) in a browser"))[1]
            await bot.says("ready")
            assert await drawn_pictures(url, "a red fox") == 1
            assert await bot.end() == 0
    assert {path.name for path in (tmp_path / "data").iterdir()} == {"sandbox"}


async def drawn_pictures(url: str, text: str) -> int:
    """Say something as the sandbox's first person and count the pictures that then stand there."""
    async with httpx.AsyncClient(base_url=f"{url}sandbox/api/", timeout=30) as http:
        world = (await http.get("world")).json()
        me = world["persons"][0]["id"]
        sent = await http.post("send", data={"person": me, "chat": me, "text": text})
        assert sent.status_code == 200, sent.text
        version = -1
        while True:
            shown = (await http.get(f"chat/{me}", params={"since": version})).json()
            version = shown["version"]
            if any("photo" in message for message in shown["messages"]):
                return sum("photo" in message for message in shown["messages"])


async def test_without_a_network_it_says_so_and_keeps_trying(tmp_path: Path) -> None:
    async with running(tmp_path, "run", **REAL, TELEGRAM_API_URL=NOWHERE) as bot:
        await bot.says("Telegram does not answer yet")
        assert await bot.end() == 0
    assert [line for line in bot.said if "[error" in line or "Traceback" in line] == []


async def test_a_telegram_that_hangs_does_not_hold_up_the_end(tmp_path: Path) -> None:
    calls = 0

    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += bool(await reader.readuntil(b"\r\n\r\n"))
        await bot.end()

    async with (
        listening(hang) as url,
        running(tmp_path, "run", **REAL, TELEGRAM_API_URL=url) as bot,
    ):
        assert await within(bot.process.wait()) == 0
    assert (calls, bot.said) == (1, [])


async def test_on_postgres_an_empty_schema_is_refused_until_it_is_migrated(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    given = {**REAL, "DATABASE_URL": empty_postgres_url, "TELEGRAM_API_URL": NOWHERE}
    assert "`python -m bot migrate`" in await refusal(tmp_path, **given)
    assert (await ended(tmp_path, "migrate", **given)).code == 0
    async with running(tmp_path, "run", **given) as bot:
        await bot.says("Telegram does not answer yet")
        assert await bot.end() == 0


async def test_on_postgres_a_second_bot_stands_by_until_the_first_ends(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    await schema.migrate(empty_postgres_url)
    async with serve(Telegram(TOKEN), Gateway(KEY)) as world:
        given = environment(world, tmp_path, DATABASE_URL=empty_postgres_url, SHUTDOWN_SECONDS="0")
        async with running(tmp_path, "run", **given) as first:
            await first.says("ready")
            async with running(tmp_path, "run", **given) as second:
                await second.says("standing by: another process leads")
                assert await first.end() == 0
                await second.says("leading")
                assert await second.end() == 0


async def test_on_postgres_the_main_job_survives_a_kill(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    async with process.running(tmp_path, DATABASE_URL=empty_postgres_url) as bot:
        await bot.row(bot.alice, "a red fox", PICTURE)
        await bot.row(bot.alice, None, PICTURE, photo=image(), caption="in blue")
        with bot.gateway.hold() as gate:
            bot.alice.send(text="a third one")
            await bot.gateway.until(lambda: gate.waiting)
            await bot.kill()
        await bot.begin()
        await bot.sees(bot.alice, PICTURE, PICTURE, PICTURE)
        assert await bot.states() == [JobState.DELIVERED] * 3
    assert "Traceback" not in bot.log.read_text()
    assert not (tmp_path / "bot.db").exists()


async def test_the_audit_tells_whether_the_books_agree(tmp_path: Path) -> None:
    file = tmp_path / "bot.db"
    url = f"sqlite:///{file}"
    await schema.migrate(url)
    agreed = await ended(tmp_path, "audit", DATABASE_URL=url)
    assert (agreed.code, agreed.stdout) == (0, "the books agree\n")
    with sqlite3.connect(file) as connection:
        connection.execute(
            "INSERT INTO counters (account_id, period, reserved, settled, tokens_in, tokens_out,"
            " unpriced_calls) VALUES (1, 'all', 0, 3, 0, 0, 0)"
        )
    connection.close()
    cooked = await ended(tmp_path, "audit", DATABASE_URL=url)
    assert cooked.code == 2
    assert "1" in cooked.stdout
    assert cooked.stderr == "the books do not agree, see above\n"


async def test_the_audit_of_no_database_creates_none_and_says_so(tmp_path: Path) -> None:
    told = await refusal(tmp_path, "audit", DATABASE_URL="data/none.db")
    assert told == "DATABASE_URL: there is no database of the bot's at data/none.db"
    assert "data" not in {entry.name for entry in os.scandir(tmp_path)}
    (tmp_path / "empty.db").touch()
    assert "there is no database" in await refusal(tmp_path, "audit", DATABASE_URL="empty.db")


async def test_the_audit_of_an_old_database_leaves_it_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "bot.db"
    await schema.migrate(f"sqlite:///{file}")
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()
    assert "`python -m bot migrate`" in await refusal(tmp_path, "audit", DATABASE_URL=str(file))


async def test_names_in_the_env_file_that_are_nearly_settings_are_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MAX_CONCURENCY=3\nOTHER_API_KEY=x\nEDITOR=vi\n")
    async with running(tmp_path, "run", SANDBOX_PORT="0") as bot:
        await bot.says("ready")
        assert await bot.end() == 0
    (line,) = [line for line in bot.said if "not a setting" in line]
    assert "MAX_CONCURENCY" in line
    assert "did_you_mean=MAX_CONCURRENCY" in line


async def test_quotes_round_values_of_the_environment_are_taken_off_and_told(
    tmp_path: Path,
) -> None:
    given = {"SANDBOX_PORT": '"0"', "LOG_LEVEL": "'info'", "EDITOR": '"vi"'}
    async with running(tmp_path, "run", **given) as bot:
        await bot.says("ready")
        assert await bot.end() == 0
    told = [line for line in bot.said if "quotes taken off" in line]
    assert ["LOG_LEVEL" in told[0], "SANDBOX_PORT" in told[1]] == [True, True]
    assert len(told) == 2


@pytest.mark.parametrize(
    ("word", "warned"),
    [("banana-2", False), ("old", True), ("AUNT", True), ("an  old aunt", True)],
)
async def test_the_default_model_goes_by_its_alias_and_one_that_has_retired_is_told(
    tmp_path: Path, word: str, *, warned: bool
) -> None:
    (tmp_path / "models.toml").write_text(OLD_MODELS)
    async with serve(Telegram(TOKEN), Gateway(KEY)) as world:
        given = environment(world, tmp_path, DEFAULT_MODEL=word, MODELS_FILE="models.toml")
        async with running(tmp_path, "run", **given) as bot:
            model = (await bot.says(r"ready.*model=(\S+)"))[1]
            assert await bot.end() == 0
    assert model == ("old" if warned else "gemini-3.1-flash-image")
    told = [line for line in bot.said if "DEFAULT_MODEL is no longer offered" in line]
    assert [("model=old" in line, "gemini-3.1-flash-image" in line) for line in told] == [
        (True, True)
    ] * warned


async def test_two_sandboxes_in_one_folder_keep_their_data_apart(tmp_path: Path) -> None:
    async with (
        running(tmp_path, "run", SANDBOX_PORT="0") as first,
        running(tmp_path, "run", SANDBOX_PORT="0") as second,
    ):
        for bot in (first, second, first):
            await bot.says("ready")
            url = (await bot.says(r"Open (\S+) in a browser"))[1]
            assert await drawn_pictures(url, "a red fox") >= 1
        assert len(list((tmp_path / "data" / "sandbox").iterdir())) == 2
        assert await second.end() == 0
        assert await first.end() == 0
