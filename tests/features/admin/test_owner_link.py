"""The owner's link: it makes one operator, once, for a while, and tells nobody else anything."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.features.admin import owner_link
from tests.conftest import Start
from tests.support import process
from tests.support.conversation import Conversation

OWNER = "You operate this bot now*"
GREETING = "*"
DENIED = "This bot is private.*"


@pytest.fixture
def logs() -> Iterator[list[dict[str, object]]]:
    with capture_logs() as lines:
        yield lines  # type: ignore[misc]


def links(logs: list[dict[str, object]]) -> list[str]:
    return [str(line["link"]) for line in logs if "link" in line]


def code_of(logs: list[dict[str, object]]) -> str:
    (link,) = links(logs)
    found = re.fullmatch(r"https://t\.me/sandbox_bot\?start=([0-9a-f]{32})", link)
    assert found
    return found[1]


async def actions(chat: Conversation) -> list[tuple[str, str, str]]:
    found = await chat.store.read(lambda tx: tx.actions.latest(50))
    return [(one.actor, one.verb.value, one.target) for one in reversed(found)]


async def test_who_opens_the_link_operates_the_bot_and_the_next_one_does_not(
    start: Start, logs: list[dict[str, object]]
) -> None:
    async with start(ACCESS="allowlist") as chat:
        code = code_of(logs)
        await chat.row(chat.bob, "/start", DENIED)
        await chat.row(chat.alice, f"/start {code}", OWNER)
        await chat.row(chat.bob, f"/start {code}", DENIED)
        await chat.row(chat.alice, "/maintenance off", "*")
        assert (await actions(chat))[0] == ("telegram:1001", "own", "account:1001")
        await chat.restart(ACCESS="allowlist")
        assert len(links(logs)) == 1  # it is known who operates it
        await chat.row(chat.alice, "a red fox", "[photo]*")
        told = [line for line in logs if code in str(line)]
        assert len(told) == 1


async def test_who_wrote_before_there_was_an_operator_is_announced_to_the_first_one_once(
    start: Start, logs: list[dict[str, object]]
) -> None:
    async with start(ACCESS="allowlist") as chat:
        await chat.row(chat.alice, "hello", DENIED)
        await chat.row(chat.bob, "hello", DENIED)
        chat.alice.write(f"/start {code_of(logs)}")
        knock = "Bob (1002) has written to this bot and may not ask for pictures yet. {Let in}"
        told = await chat.sees(chat.alice, DENIED, OWNER, knock)
        await chat.row(chat.bob, "hello again", DENIED)
        await chat.quiet()
        await chat.sees(chat.alice, DENIED, OWNER, knock)
        assert await chat.press(chat.alice, told[-1], "Let in") == ""
        await chat.row(chat.bob, "a red fox", "[photo]*")


async def test_who_wrote_before_a_restart_is_announced_when_he_writes_again(
    start: Start, logs: list[dict[str, object]]
) -> None:
    async with start(ACCESS="allowlist") as chat:
        await chat.row(chat.bob, "hello", DENIED)
        await chat.restart(ACCESS="allowlist")
        code = re.fullmatch(r".*start=([0-9a-f]{32})", links(logs)[-1])
        assert code
        await chat.row(chat.alice, f"/start {code[1]}", OWNER)
        await chat.row(chat.bob, "hello", DENIED)
        await chat.sees(chat.alice, OWNER, "Bob (1002) has written to this bot*{Let in}")


async def test_the_operator_s_menu_has_his_commands_at_once(
    start: Start, logs: list[dict[str, object]]
) -> None:
    async with start() as chat:
        code = code_of(logs)

        def menus() -> list[dict[str, Any]]:
            return [one.params for one in list(chat.telegram.calls) if "Commands" in one.method]

        await chat.telegram.until(lambda: len(menus()) > 2)
        before = len(menus())
        await chat.row(chat.alice, f"/start {code}", OWNER)
        await chat.telegram.until(
            lambda: any(one["scope"].get("chat_id") == chat.alice.id for one in menus())
        )
        assert len(menus()) < before + 10  # not behind everybody's, in each language
        mine, *_ = [one for one in menus() if one["scope"].get("chat_id") == chat.alice.id]
        assert {"admin", "stats", "ban"} <= {one["command"] for one in mine["commands"]}


async def test_a_new_owner_is_helped_as_one(start: Start, logs: list[dict[str, object]]) -> None:
    async with start() as chat:
        (before,) = await chat.row(chat.alice, "/help", "*")
        assert "/stats" not in before["text"]
        await chat.row(chat.alice, f"/start {code_of(logs)}", OWNER)
        (page,) = await chat.row(chat.alice, "/help", "*You run this bot*/admin*/broadcast*")
        assert await chat.press(chat.alice, page, "More ▸") == ""
        home = chat.telegram.group("Home", [chat.alice])
        (shown,) = await chat.row(chat.alice, "/help@sandbox_bot", "*", chat=home)
        assert "/stats" not in shown["text"]


async def test_a_new_owner_hears_of_a_wrong_key(
    start: Start, logs: list[dict[str, object]]
) -> None:
    async with start(GATEWAY_API_KEY="sk-wrong") as chat:
        code = code_of(logs)
        chat.alice.send(chat.alice, f"/start {code}")
        await chat.sees(chat.alice, OWNER, "The picture service does not accept this bot's key*")


async def test_the_last_operator_stays_and_another_one_can_be_taken_back(
    start: Start, logs: list[dict[str, object]]
) -> None:
    async with start() as chat:
        await chat.row(chat.alice, f"/start {code_of(logs)}", OWNER)
        await chat.row(chat.alice, f"/disown {chat.alice.id}", "*is the only operator: nobody*")
        await chat.row(chat.alice, "/disown", "Write it like this: /disown 123456789")
        await chat.restart(ADMIN_IDS=str(chat.bob.id))
        await chat.row(chat.alice, f"/disown {chat.bob.id}", "*by ADMIN_IDS: take*")
        await chat.row(chat.bob, f"/disown {chat.alice.id}", "*1001*: Done.")
        await chat.row(chat.alice, f"/disown {chat.bob.id}", "I do not know this command*")
        assert (await actions(chat))[1:] == [("telegram:1002", "disown", "account:1001")]
        await chat.restart(ADMIN_IDS=str(chat.bob.id))
        await chat.row(chat.alice, "/jobs", "I do not know this command*")


async def test_with_admin_ids_there_is_no_link(start: Start, logs: list[dict[str, object]]) -> None:
    async with start(ADMIN_IDS="1002"):
        assert links(logs) == []


async def test_a_wrong_code_is_answered_as_none_is_and_only_so_many_are_looked_at(
    start: Start, logs: list[dict[str, object]]
) -> None:
    async with start() as chat:
        (plain,) = await chat.row(chat.alice, "/start", GREETING)
        for number in range(owner_link.TRIES):
            (answer,) = await chat.row(chat.alice, f"/start {number:032x}", GREETING)
            assert answer["text"] == plain["text"]
        (answer,) = await chat.row(chat.alice, f"/start {code_of(logs)}", GREETING)
        assert answer["text"] == plain["text"]  # right, and too late for her
        await chat.row(chat.bob, f"/start {code_of(logs)}", OWNER)


async def test_a_link_that_is_too_old_is_void(
    start: Start, logs: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner_link, "SECONDS", 0.0)
    async with start(ACCESS="allowlist") as chat:
        await chat.row(chat.alice, f"/start {code_of(logs)}", DENIED)
        assert await actions(chat) == []


async def test_a_code_in_a_group_is_no_code(start: Start, logs: list[dict[str, object]]) -> None:
    async with start() as chat:
        group = chat.telegram.group("Home", [chat.alice])
        await chat.row(chat.alice, f"/start@sandbox_bot {code_of(logs)}", GREETING, chat=group)
        assert await actions(chat) == []


async def test_two_who_open_it_at_once_are_not_both_operators(
    start: Start, logs: list[dict[str, object]]
) -> None:
    async with start(ACCESS="allowlist") as chat:
        for person in (chat.alice, chat.bob):
            person.send(text=f"/start {code_of(logs)}")
        async with asyncio.timeout(60):
            while not (chat.lines(chat.alice) and chat.lines(chat.bob)):
                await asyncio.sleep(0.05)
        assert [verb for _, verb, _ in await actions(chat)] == ["own"]


async def test_the_code_is_in_the_log_once_and_nowhere_else(tmp_path: Path) -> None:
    async with process.running(tmp_path) as bot:
        async with asyncio.timeout(60):
            while not (found := re.search(r"start=([0-9a-f]{32})", bot.log.read_text())):
                await asyncio.sleep(0.1)
        code = found[1]
        await bot.row(bot.alice, f"/start {code}", OWNER)
        await bot.end()
        assert bot.log.read_text().count(code) == 1
        with sqlite3.connect(tmp_path / "bot.db") as database:
            assert code not in "\n".join(database.iterdump())
        database.close()


async def test_a_restart_within_its_time_shows_a_link_and_the_one_before_is_void(
    start: Start, logs: list[dict[str, object]]
) -> None:
    async with start(ACCESS="allowlist") as chat:
        before = code_of(logs)
        await chat.restart(ACCESS="allowlist")
        _, after = links(logs)
        await chat.row(chat.alice, f"/start {before}", DENIED)
        await chat.row(chat.alice, f"/start {after.rpartition('=')[2]}", OWNER)
