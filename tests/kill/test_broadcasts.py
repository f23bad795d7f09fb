"""The kill matrix of broadcasts: whatever the moment, each hears it once at most, and the rest do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.storage import Transaction
from sandbox.telegram.faults import When
from tests.features.admin.test_broadcasts import HELLO, know
from tests.support.process import running
from tests.support.waiting import patient

BOB = "1002"


@pytest.mark.parametrize(
    ("method", "when", "heard"),
    [
        ("sendMessage", "before", (1, 1, 1)),  # it was on its way
        ("sendMessage", "after", (1, 1, 1)),
        ("editMessageText", "before", (0, 1, 1)),  # nobody knows that it was not said: left out
    ],
)
async def test_killed_while_it_is_sent(
    tmp_path: Path, method: str, when: When, heard: tuple[int, ...]
) -> None:
    async with running(tmp_path, ADMIN_IDS=BOB) as bot:
        people = [bot.alice, bot.telegram.person("Carol"), bot.telegram.person("Eve")]
        await know(bot, *people)
        (draft,) = await bot.row(bot.bob, f"/broadcast {HELLO}", "*This goes to 3 people*")
        with bot.telegram.hold(method, when) as gate:
            bot.bob.press_only(bot.bob, draft["message_id"], "Send")
            await gate.reached()
            await bot.kill()
        await bot.begin()
        await bot.said_last(bot.bob, f"{HELLO}*Sent: 2 of 3. Not reached: 0 *Unknown: 1.")
        assert tuple(len(bot.lines(person)) for person in people) == heard


async def test_killed_before_its_end_is_told(tmp_path: Path) -> None:
    async with running(tmp_path, ADMIN_IDS=BOB) as bot:
        await know(bot, bot.alice)
        (draft,) = await bot.row(bot.bob, f"/broadcast {HELLO}", "*This goes to 1 person, once.*")
        bot.bob.press_only(bot.bob, draft["message_id"], "Send")
        await bot.sees(bot.alice, HELLO)
        await bot.revive()
        await bot.said_last(bot.bob, f"{HELLO}*Sent: * of 1. Not reached: 0 *")
        await bot.sees(bot.alice, HELLO)

        def untold(tx: Transaction) -> int:
            return len(tx.broadcasts.open())

        async with patient():
            while await bot.store.read(untold):
                await asyncio.sleep(0.02)
