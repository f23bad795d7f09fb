"""Questions for what a preset or Edit needs, killed as soon as they are known: replies count."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sandbox.telegram.faults import When
from tests.features.presets.test_presets import FILE, QUESTION
from tests.features.prompts.test_photo_questions import WHICH, ages
from tests.kill.test_jobs import pictures_charged
from tests.support.conversation import PICTURE, image
from tests.support.process import Killable, running
from tests.support.waiting import patient

LIST = "What shall I make?*"
FOR_A_PHOTO = "*please send the photo*"
WHAT = "What shall I change? Reply to this message."


async def known(bot: Killable, message_id: int) -> None:
    """Wait until a message is known to be the bot's own, looked at as often as the disk allows."""
    async with patient():
        while True:
            ours = await bot.store.read(lambda tx: tx.messages.known(bot.alice.id, 0, message_id))
            if message_id in ours:
                return
            await asyncio.sleep(0)


@pytest.mark.parametrize("again", [False, True])
async def test_a_presets_question_is_known_with_what_it_asks_for(
    tmp_path: Path, *, again: bool
) -> None:
    async with running(tmp_path) as bot:
        (listed,) = await bot.row(bot.alice, "/presets", LIST)
        bot.alice.press_only(bot.alice, listed["message_id"], "🧸 Figurine")
        question = await bot.said_last(bot.alice, FOR_A_PHOTO)
        if again:
            await known(bot, question["message_id"])
            bot.alice.send(text="my cat", reply_to=question["message_id"])
            question = await bot.said_last(bot.alice, "I need the photo for this.*")
        await known(bot, question["message_id"])
        await bot.revive()
        bot.alice.send(photo=image(), reply_to=question["message_id"])
        await bot.said_last(bot.alice, PICTURE)
        assert "figurine" in bot.last_call.prompt
        assert len(bot.last_call.inputs) == 1
        assert len(bot.gateway.calls) == 1


async def test_the_question_of_edit_is_known_with_its_picture(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        (drawn,) = await bot.row(bot.alice, "a red fox", PICTURE)
        await bot.quiet()
        bot.alice.press_only(bot.alice, drawn["message_id"], "Edit")
        question = await bot.said_last(bot.alice, WHAT)
        await known(bot, question["message_id"])
        await bot.revive()
        bot.alice.send(text="make it blue", reply_to=question["message_id"])
        await bot.said_last(bot.alice, PICTURE)
        assert len(bot.last_call.inputs) == 1


async def test_an_album_that_replies_outlives_a_kill(tmp_path: Path) -> None:
    async with running(tmp_path, ALBUM_SETTLE_SECONDS="3") as bot:
        (listed,) = await bot.row(bot.alice, "/presets", LIST)
        bot.alice.press_only(bot.alice, listed["message_id"], "🧸 Figurine")
        question = await bot.said_last(bot.alice, FOR_A_PHOTO)
        await known(bot, question["message_id"])
        bot.alice.send(album=[image(), image(color=(1, 2, 3))], reply_to=question["message_id"])
        await bot.telegram.until(lambda: not bot.telegram.pending_updates)
        await bot.revive()
        await bot.said_last(bot.alice, PICTURE)
        assert len(bot.last_call.inputs) == 2
        assert "figurine" in bot.last_call.prompt


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("button", ["This picture", "A new picture"])
async def test_killed_while_it_is_asked_which_picture_is_meant(
    tmp_path: Path, button: str, when: When
) -> None:
    """It is asked once more at most, and the words are drawn and charged once."""
    async with running(tmp_path) as bot:
        await bot.row(bot.alice, None, QUESTION, document=FILE)
        await ages(bot, minutes=11)
        with bot.telegram.hold("sendMessage", when) as gate:
            bot.alice.send(text="a red fox")
            await gate.reached()
            await bot.kill()
        bot.telegram.redeliver(1)
        await bot.begin()
        which = await bot.said_last(bot.alice, WHICH)
        bot.alice.press_only(bot.alice, which["message_id"], button)
        await bot.sees(bot.alice, QUESTION, f"✓ {button}", PICTURE)
        assert len(bot.last_call.inputs) == (button == "This picture")
        assert await pictures_charged(bot, bot.alice.id) == 1
        assert len(bot.gateway.calls) == 1
