"""The kill matrix of voice messages: whatever the moment, one picture and one charge."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain import JobState
from sandbox.telegram.faults import When
from tests.kill.test_jobs import pictures_charged
from tests.support.conversation import PICTURE
from tests.support.process import running

OGG = b"OggS" + bytes(4000)
HEARD = "I heard: A red fox in the snow."


async def test_killed_while_a_voice_is_written_down(tmp_path: Path) -> None:
    async with running(tmp_path, TRANSCRIPTION_MODEL="whisper-1") as bot:
        gate = bot.gateway.hold()
        bot.alice.send(voice=OGG)
        await bot.gateway.until(lambda: gate.waiting)
        await bot.kill()
        gate.release()
        await bot.begin()
        await bot.sees(bot.alice, HEARD, PICTURE)
        assert await bot.states() == [JobState.DELIVERED]
        assert await pictures_charged(bot, bot.alice.id) == 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("method", "transcribed"),
    [("getFile", 1), ("download", 1), ("sendChatAction", 1), ("sendMessage", 1)],
)
async def test_killed_during_a_call_to_telegram(
    tmp_path: Path, method: str, when: When, transcribed: int
) -> None:
    async with running(tmp_path, TRANSCRIPTION_MODEL="whisper-1") as bot:
        with bot.telegram.hold(method, when) as gate:
            bot.alice.send(voice=OGG)
            await gate.reached()
            await bot.kill()
        await bot.begin()
        await bot.sees(bot.alice, HEARD, PICTURE)
        assert await bot.states() == [JobState.DELIVERED]
        assert await pictures_charged(bot, bot.alice.id) == 1
        assert len(bot.gateway.voices) == transcribed  # what was heard is not bought again


async def test_killed_while_a_voice_is_drawn(tmp_path: Path) -> None:
    async with running(tmp_path, TRANSCRIPTION_MODEL="whisper-1") as bot:
        bot.alice.send(voice=OGG)
        await bot.reaches(JobState.RUNNING)
        await bot.revive()
        await bot.sees(bot.alice, HEARD, PICTURE)
        assert len(bot.gateway.voices) == 1
        assert await pictures_charged(bot, bot.alice.id) == 1
