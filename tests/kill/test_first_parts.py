"""Prompts in two messages, killed between any two steps: one call in the end, one charge."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain import JobState
from sandbox.telegram.faults import When
from tests.features.albums.test_first_parts import COMMENT, LONG, PHOTOS
from tests.kill.test_jobs import pictures_charged
from tests.support.conversation import PICTURE
from tests.support.process import Killable, running


async def says_first(bot: Killable, kind: str) -> None:
    bot.alice.send(text=LONG[:4096] if kind == "text" else COMMENT)
    await bot.telegram.until(lambda: not bot.telegram.pending_updates)


def says_rest(bot: Killable, kind: str) -> None:
    if kind == "text":
        bot.alice.send(text=LONG[4096:8000].strip())
    else:
        bot.alice.forward(PHOTOS[:1])


async def is_drawn_once(bot: Killable, kind: str) -> None:
    await bot.said_last(bot.alice, PICTURE)
    (job,) = await bot.quiet()
    whole = LONG[:8000] if kind == "text" else COMMENT
    assert (job.state, job.request.prompt.split()) == (JobState.DELIVERED, whole.split())
    assert len(job.request.sources) == (kind == "comment")
    assert await pictures_charged(bot, bot.alice.id) == 1


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("kind", ["text", "comment"])
async def test_killed_between_the_parts(tmp_path: Path, kind: str, *, again: bool) -> None:
    """What was not confirmed comes again: it is known."""
    async with running(tmp_path, ALBUM_SETTLE_SECONDS="60") as bot:
        await says_first(bot, kind)
        await bot.kill()
        if again:
            bot.telegram.redeliver(1)
        says_rest(bot, kind)
        await bot.begin(ALBUM_SETTLE_SECONDS="0.2")
        await is_drawn_once(bot, kind)
        assert len(bot.gateway.calls) == 1


@pytest.mark.parametrize("again", [0, 1, 2])
@pytest.mark.parametrize("kind", ["text", "comment"])
async def test_killed_while_all_parts_wait(tmp_path: Path, kind: str, again: int) -> None:
    async with running(tmp_path, ALBUM_SETTLE_SECONDS="60") as bot:
        await says_first(bot, kind)
        says_rest(bot, kind)
        await bot.telegram.until(lambda: not bot.telegram.pending_updates)
        await bot.kill()
        bot.telegram.redeliver(again)
        await bot.begin(ALBUM_SETTLE_SECONDS="0.2")
        await is_drawn_once(bot, kind)
        assert len(bot.gateway.calls) == 1


@pytest.mark.parametrize("state", [JobState.ACCEPTED, JobState.RUNNING, JobState.RENDERED])
@pytest.mark.parametrize("kind", ["text", "comment"])
async def test_killed_in_a_state_parts_that_come_again_are_known(
    tmp_path: Path, kind: str, state: JobState
) -> None:
    async with running(tmp_path) as bot:
        await says_first(bot, kind)
        says_rest(bot, kind)
        await bot.reaches(state)
        await bot.kill()
        bot.telegram.redeliver(2)
        await bot.begin()
        await is_drawn_once(bot, kind)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_while_words_are_begun_again_with_a_picture(
    tmp_path: Path, when: When
) -> None:
    async with running(tmp_path, ALBUM_SETTLE_SECONDS="1") as bot:
        gate = bot.gateway.hold()
        bot.alice.send(text="a watercolour")
        await bot.gateway.until(lambda: gate.waiting)
        if when == "after":
            bot.alice.forward(PHOTOS[:1])
            await bot.telegram.until(lambda: not bot.telegram.pending_updates)
        await bot.kill()
        gate.release()
        bot.telegram.redeliver(2 if when == "after" else 1)
        await bot.begin()
        await bot.said_last(bot.alice, PICTURE)
        (job,) = await bot.quiet()
        assert len(job.request.sources) == (when == "after")
        assert await pictures_charged(bot, bot.alice.id) == 1
