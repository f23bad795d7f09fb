"""Killed while a picture that somebody sent is decoded: once goes on, twice is given up."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.domain import JobState
from bot.media.bounds import LARGE
from tests.kill.test_jobs import pictures_charged
from tests.support.conversation import PICTURE, image
from tests.support.process import Killable, running
from tests.support.waiting import patient, within

SIDE = int(LARGE**0.5) + 1
FILE = ("large.png", image(SIDE, SIDE), "image/png")
GIVEN_UP = "Reading this picture takes too much time or memory.*"


@contextmanager
def endless(bot: Killable) -> Iterator[None]:
    """Let the decoding of a large picture last: it waits for its turn, which another one has."""
    folder = os.open(bot.folder / "media" / "partial", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(folder)


def decoding(bot: Killable) -> list[Path]:
    """List what the processes have noted that they decode."""
    return list((bot.folder / "media" / "partial").glob("decoding-*"))


async def decodes(bot: Killable, times: int) -> None:
    async with patient():
        while [note.stat().st_size for note in decoding(bot)] != [times]:
            await asyncio.sleep(0.02)


async def test_what_was_being_decoded_at_the_end_of_the_process_is_drawn_after_the_start(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as bot:
        with endless(bot):
            bot.alice.send(document=FILE, caption="make it blue")
            await decodes(bot, 1)
            await bot.kill()
        await bot.begin()
        await bot.sees(bot.alice, PICTURE)
        assert await bot.states() == [JobState.DELIVERED]
        assert await pictures_charged(bot, bot.alice.id) == 1
        assert decoding(bot) == []


async def test_what_ends_the_process_twice_while_it_is_decoded_is_given_up(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        with endless(bot):
            bot.alice.send(document=FILE, caption="make it blue")
            await decodes(bot, 1)
            await bot.revive()
            await decodes(bot, 2)
            await bot.revive()
            await bot.sees(bot.alice, GIVEN_UP)
        assert await bot.states() == [JobState.FAILED]
        assert await pictures_charged(bot, bot.alice.id) == 0
        assert bot.gateway.calls == []
        await bot.row(bot.alice, "a red fox", PICTURE)


async def test_a_stop_is_obeyed_whatever_is_being_decoded(tmp_path: Path) -> None:
    async with running(tmp_path, SHUTDOWN_SECONDS="0.2") as bot:
        with endless(bot):
            bot.alice.send(document=FILE, caption="make it blue")
            await decodes(bot, 1)
            assert bot.process
            bot.process.terminate()
            assert await within(bot.process.wait()) == 0
        await bot.begin()
        await bot.sees(bot.alice, PICTURE)
