"""What nobody expected: the user hears of it in words of ours, the bot goes on."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.conversation import PICTURE, Conversation

# Whoever reads the preferences fails at a mistake of his own: a table that is gone would stop the bot.
# Postgres would not make such a view.
BREAK = """
    ALTER TABLE preferences RENAME TO mislaid;
    CREATE VIEW preferences AS
        SELECT mislaid.* FROM (SELECT 1) LEFT JOIN mislaid WHERE json('broken') = 1;
"""
MEND = "DROP VIEW preferences; ALTER TABLE mislaid RENAME TO preferences;"
SORRY = "Something went wrong on my side, and it was noted. Please try again."


@pytest.mark.about_file
async def test_an_unexpected_error_is_apologised_for_and_passes(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    ming = chat.telegram.person("小明", language="zh")
    (menu,) = await chat.row(chat.alice, "/settings", "Your settings*")
    await chat.restart()  # what is remembered needs no database
    await asyncio.to_thread(change, chat.folder, BREAK)
    with capture_logs() as logs:
        await chat.row(chat.alice, "/settings", SORRY)
        await chat.row(chat.alice, "a red fox", SORRY)
        await chat.row(ming, "一只狐狸", "我这边出错了*")
        chat.alice.send(group, "/imagine a red fox")  # no public apologies
        answer = await chat.alice.press(chat.alice, menu["message_id"], "Model")
        assert (answer.text, answer.show_alert) == (SORRY, True)
        await chat.quiet()
    assert [entry["event"] for entry in logs].count("handler failed") == 5
    await asyncio.to_thread(change, chat.folder, MEND)
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert chat.lines(group) == []
    assert len(await chat.quiet()) == 1  # what failed was not kept by half


@pytest.mark.about_file
async def test_an_error_in_a_group_touches_nothing_else(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    others = chat.telegram.group("Others", [chat.alice, chat.bob])
    places = (group, others, chat.bob)
    for place in places:  # what is remembered of Bob needs no database
        await chat.row(chat.bob, "/id", "You: *", chat=place)
    await asyncio.to_thread(change, chat.folder, BREAK)
    with capture_logs() as logs:
        for prompt in ("a red fox", "a green fox"):
            chat.alice.send(group, f"/imagine {prompt}")
        for place in places:
            await chat.row(chat.bob, "/id", "You: *", chat=place)
        await chat.quiet()
    assert [entry["event"] for entry in logs].count("handler failed") == 2
    assert not chat.telegram.pending_updates
    await asyncio.to_thread(change, chat.folder, MEND)
    await chat.row(chat.alice, "/imagine a blue fox", PICTURE, chat=group)
    assert len(await chat.quiet()) == 1


def change(folder: Path, script: str) -> None:
    """Break the database, or mend it."""
    with sqlite3.connect(folder / "bot.db") as database:
        database.executescript(script)
    database.close()
