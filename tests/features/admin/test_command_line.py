"""What the command line writes leaves its row, and a bot that runs learns of it."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.domain.administration import Action, AdminVerb
from bot.features.admin import from_outside
from bot.storage import Store, migrate, schema
from bot.storage.engine import normalised
from tests.conftest import Start
from tests.support.command import Ended, ended
from tests.support.conversation import Conversation
from tests.support.database import migrated
from tests.support.pages import browser, free_address, link, log_in
from tests.support.waiting import patient

OPERATOR = f"cli:{pwd.getpwuid(os.getuid()).pw_name}"


@pytest.fixture
def logs() -> Iterator[list[dict[str, object]]]:
    with capture_logs() as lines:
        yield lines  # type: ignore[misc]


async def actions(url: str) -> list[Action]:
    store = await Store.open(url)
    try:
        return await store.read(lambda tx: tx.actions.latest(50))
    finally:
        await store.close()


async def own(chat: Conversation, logs: list[dict[str, object]]) -> None:
    """Let Alice have opened the link of the bot's log."""
    (opened,) = [str(line["link"]) for line in logs if "link" in line]
    found = re.search("start=([0-9a-f]+)", opened)
    assert found
    await chat.row(chat.alice, f"/start {found[1]}", "You operate this bot now*")


async def disown(chat: Conversation, user_id: int, **more: str) -> Ended:
    where = {"DATABASE_URL": chat.database_url, **more}
    return await ended(chat.folder, "disown", str(user_id), **where)


async def test_a_bot_that_runs_learns_who_operates_it_no_longer(
    start: Start, logs: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(from_outside, "PAUSE", 0.05)
    address = free_address()
    async with start(WEB_ADDRESS=address) as chat, browser(address) as client:
        await own(chat, logs)
        assert (await log_in(client, await link(chat, chat.alice))).status_code == 200
        end = await disown(chat, chat.alice.id)
        assert end.code == 0, end
        told, nobody = end.stdout.splitlines()
        assert told.startswith("1001 operates the bot no longer")
        assert nobody.startswith("nobody operates it now")
        async with patient():
            while (await client.get("/admin")).status_code == 200:
                await asyncio.sleep(0.05)
        await chat.row(chat.alice, f"/disown {chat.bob.id}", "I do not know this command*")
        last = (await chat.store.read(lambda tx: tx.actions.latest(1)))[0]
        assert (last.actor, last.verb, last.target) == (OPERATOR, AdminVerb.DISOWN, "account:1001")
        assert (last.before, last.after) == ({"owner": True}, {"owner": False})


async def test_who_operates_the_bot_by_a_setting_or_not_at_all_is_not_disowned(
    chat: Conversation,
) -> None:
    for given, told in (
        ({"ADMIN_IDS": "1001"}, "1001 is in ADMIN_IDS: take it out there and restart the bot\n"),
        ({}, "1001 does not operate the bot by its link\n"),
    ):
        end = await disown(chat, chat.alice.id, **given)
        assert (end.code, end.stdout, end.stderr) == (1, "", told)
    assert await chat.store.read(lambda tx: tx.actions.latest(1)) == []


async def test_nothing_is_made_where_there_is_no_database(tmp_path: Path) -> None:
    end = await ended(tmp_path, "disown", "1001", DATABASE_URL=f"sqlite:///{tmp_path}/bot.db")
    assert end.code == 2
    assert "there is no database of the bot's at" in end.stderr
    assert not (tmp_path / "bot.db").exists()


async def test_a_migration_leaves_its_row_and_a_new_database_has_none(empty_url: str) -> None:
    with schema.connected(normalised(empty_url)) as sql:
        schema.upgrade(sql, "0010")
    for _ in range(2):
        await migrate(empty_url)
    (row,) = await actions(empty_url)
    assert (row.actor, row.verb, row.target) == (OPERATOR, AdminVerb.MIGRATE, "bot")
    assert (row.before, row.after) == ({"schema": "0010"}, {"schema": schema.REVISION})


async def test_a_restore_leaves_its_row_in_what_it_restored(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    await migrated(here)
    for command, folder in (("backup", here), ("restore", there)):
        place = {"DATABASE_URL": f"sqlite:///{folder}/bot.db", "MEDIA_URL": f"{folder}/media"}
        of = tmp_path / "kept" if command == "backup" else next((tmp_path / "kept").iterdir())
        end = await ended(tmp_path, command, str(of), **place)
        assert end.code == 0, end
    assert await actions(f"sqlite:///{here}/bot.db") == []
    (row,) = await actions(f"sqlite:///{there}/bot.db")
    assert (row.actor, row.verb, row.target) == (OPERATOR, AdminVerb.RESTORE, "bot")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", str(row.after["backup"]))
    assert {file.name for file in there.iterdir()} == {"bot.db", "bot.db.lock"}
