"""The kill matrix of `/enhance`: the words come, and a press makes one picture, whatever the moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain import JobState
from sandbox.telegram.faults import When
from tests.kill.test_jobs import pictures_charged
from tests.support.conversation import PICTURE
from tests.support.process import running

BETTER = "a fox, in soft morning light, full of detail"
SHOWN = f"How about this?  {BETTER} {{Draw this|Draw my words|Another wording|Cancel}}"


async def test_killed_while_the_words_are_looked_for(tmp_path: Path) -> None:
    async with running(tmp_path, ENHANCE_MODEL="gpt-4.1-mini") as bot:
        gate = bot.gateway.hold()
        bot.alice.send(text="/enhance a fox")
        await bot.gateway.until(lambda: gate.waiting)
        await bot.kill()
        gate.release()
        await bot.begin()
        await bot.sees(bot.alice, SHOWN)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_while_the_words_are_shown_and_drawn(tmp_path: Path, when: When) -> None:
    async with running(tmp_path, ENHANCE_MODEL="gpt-4.1-mini") as bot:
        with bot.telegram.hold("sendMessage", when) as gate:
            bot.alice.send(text="/enhance a fox")
            await gate.reached()
            await bot.kill()
        await bot.begin()
        (shown,) = await bot.sees(bot.alice, SHOWN)
        assert len(bot.gateway.calls) == 1
        bot.alice.press_only(bot.alice, shown["message_id"], "Draw this")
        await bot.reaches(JobState.RUNNING)
        await bot.revive()
        await bot.said_last(bot.alice, PICTURE)
        assert await bot.states() == [JobState.DELIVERED]
        assert await pictures_charged(bot, bot.alice.id) == 1
