"""The kill matrix of inline messages: SIGKILL at every state and call, then a new start.

Whatever the moment: one picture in the message, one in the storage chat, one charge.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.domain import JobState
from bot.domain.jobs import GUEST
from sandbox.gateway import Reply
from sandbox.telegram import Room
from sandbox.telegram.faults import When
from tests.kill.test_jobs import pictures_charged
from tests.support.inline import DRAWN, draws, sees_inline, storage
from tests.support.process import Killable, running
from tests.support.waiting import patient

FOX = DRAWN.format("a red fox")


async def furnished(bot: Killable) -> tuple[Room, Room]:
    """Give the bot a storage channel, and a group that it is no member of."""
    channel = storage(bot)
    away = bot.telegram.group("Away", [bot.alice])
    away.remove_bot()
    await bot.kill()
    await bot.begin(STORAGE_CHAT_ID=str(channel.id))
    return channel, away


async def answer_is_known(bot: Killable) -> None:
    """Wait until the number of the answer to a guest is committed."""
    async with patient():
        while str((await bot.jobs())[0].inline_message_id).startswith(GUEST):
            await asyncio.sleep(0.01)


async def stands_once(bot: Killable, channel: Room, away: Room) -> None:
    await sees_inline(bot, away, FOX)
    assert await bot.states() == [JobState.DELIVERED]
    await sees_inline(bot, away, FOX)
    await bot.sees(channel, "[photo]")
    assert await pictures_charged(bot, bot.alice.id) == 1


@pytest.mark.parametrize("state", [JobState.ACCEPTED, JobState.RUNNING, JobState.RENDERED])
async def test_killed_right_after_a_state_was_committed(tmp_path: Path, state: JobState) -> None:
    async with running(tmp_path) as bot:
        channel, away = await furnished(bot)
        await draws(bot.alice, away, "a red fox")
        await bot.reaches(state)
        await bot.revive()
        await stands_once(bot, channel, away)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("method", "nth"), [("sendMessage", 1), ("editMessageMedia", 1)])
async def test_killed_while_storing_the_picture(
    tmp_path: Path, method: str, nth: int, when: When
) -> None:
    async with running(tmp_path) as bot:
        channel, away = await furnished(bot)
        with bot.telegram.hold(method, when) as gate:
            await draws(bot.alice, away, "a red fox")
            await gate.reached()
            await bot.kill()
        await bot.begin()
        await stands_once(bot, channel, away)
        assert len(bot.gateway.calls) == nth


@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_while_putting_the_picture_into_the_message(
    tmp_path: Path, when: When
) -> None:
    async with running(tmp_path) as bot:
        channel, away = await furnished(bot)
        first = bot.telegram.hold("editMessageMedia", "after")
        await draws(bot.alice, away, "a red fox")
        await first.reached()
        second = bot.telegram.hold("editMessageMedia", when)
        first.release()
        await second.reached()
        await bot.kill()
        second.release()
        await bot.begin()
        await stands_once(bot, channel, away)
        assert len(bot.gateway.calls) == 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_while_answering_a_query(tmp_path: Path, when: When) -> None:
    async with running(tmp_path) as bot:
        channel, away = await furnished(bot)
        with bot.telegram.hold("answerInlineQuery", when) as gate:
            bot.alice.ask_inline("a red fox")
            await gate.reached()
            await bot.kill()
        await bot.begin()
        await draws(bot.alice, away, "a red fox")
        await stands_once(bot, channel, away)


async def test_killed_before_a_guest_was_answered(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        channel, away = await furnished(bot)
        with bot.telegram.hold("answerGuestQuery", "before") as gate:
            bot.alice.send(away, "@sandbox_bot a red fox")
            await gate.reached()
            await bot.kill()
            gate.drop()  # it never arrived: the question is still open
        await bot.begin()
        await stands_once(bot, channel, away)


async def test_killed_with_the_number_of_the_answer_to_a_guest_nothing_is_charged(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as bot:
        channel, away = await furnished(bot)
        bot.gateway.default = Reply(delay=2)
        with bot.telegram.hold("answerGuestQuery", "after") as gate:
            bot.alice.send(away, "@sandbox_bot a red fox")
            await gate.reached()
            await bot.kill()
        await bot.begin()
        (job,) = await bot.quiet()
        assert job.state in (JobState.CANCELLED, JobState.FAILED)
        await sees_inline(bot, away, "Drawing: a red fox {Cancel}")
        await bot.sees(channel)
        assert await pictures_charged(bot, bot.alice.id) == 0


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.RENDERED])
async def test_killed_while_drawing_for_a_guest(tmp_path: Path, state: JobState) -> None:
    async with running(tmp_path) as bot:
        channel, away = await furnished(bot)
        gate = bot.gateway.hold()
        bot.alice.send(away, "@sandbox_bot a red fox")
        await bot.gateway.until(lambda: gate.waiting)
        await answer_is_known(bot)
        if state is JobState.RENDERED:
            gate.release()
            await bot.reaches(state)
        await bot.revive()
        gate.release()
        await stands_once(bot, channel, away)


@pytest.mark.parametrize("waits", [False, True])
async def test_killed_between_the_choice_and_the_call(tmp_path: Path, *, waits: bool) -> None:
    """The choice comes while nobody is there, or the gateway is at work on it."""
    async with running(tmp_path) as bot:
        channel, away = await furnished(bot)
        query_id, _ = await bot.alice.inline("a red fox")
        if waits:
            await bot.kill()
            bot.alice.choose(away, query_id, "draw")
            await sees_inline(bot, away, "Drawing: a red fox {Cancel}")
            await bot.begin()
        else:
            gate = bot.gateway.hold()
            bot.alice.choose(away, query_id, "draw")
            await bot.gateway.until(lambda: gate.waiting)
            await bot.revive()
            gate.release()
        await stands_once(bot, channel, away)


async def test_killed_while_a_job_is_told_to_wait(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        channel, away = await furnished(bot)
        await bot.kill()
        await bot.begin(USER_CONCURRENCY="1")
        held = bot.gateway.hold()
        await draws(bot.alice, away, "a red fox")
        await bot.gateway.until(lambda: held.waiting)
        with bot.telegram.hold("editMessageText", "before") as gate:
            await draws(bot.alice, away, "a blue fox")
            await gate.reached()
            await bot.kill()
        held.release()
        await bot.begin()
        await sees_inline(bot, away, FOX, DRAWN.format("a blue fox"))
        assert await bot.states() == [JobState.DELIVERED] * 2
        assert await pictures_charged(bot, bot.alice.id) == 2
        await bot.sees(channel, "[photo]", "[photo]")


@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_while_the_storage_chat_is_cleared(tmp_path: Path, when: When) -> None:
    async with running(tmp_path) as bot:
        channel, away = await furnished(bot)
        for prompt in ("a red fox", "a red fox"):
            await draws(bot.alice, away, prompt)
        await sees_inline(bot, away, FOX, FOX)
        await bot.quiet()
        (question,) = await bot.row(bot.alice, "/forget", "*{Erase everything|*}")
        with bot.telegram.hold("deleteMessage", when) as gate:
            button = question["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
            bot.alice.press_only(bot.alice, question["message_id"], button)
            await gate.reached()
            await bot.kill()
        await bot.begin()
        await bot.sees(channel)
        await sees_inline(bot, away, FOX, FOX)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("nth", [1, 2])
async def test_killed_around_the_storing_for_a_message_that_was_deleted(
    tmp_path: Path, nth: int, when: When
) -> None:
    """The picture is stored and offered again: it is charged, once; the second edit is in vain."""
    async with running(tmp_path) as bot:
        channel, away = await furnished(bot)
        drawing = bot.gateway.hold()
        message = await draws(bot.alice, away, "a red fox")
        await bot.gateway.until(lambda: drawing.waiting)
        bot.alice.delete(away, message["message_id"])
        gate = bot.telegram.hold("editMessageMedia", when if nth == 1 else "after")
        drawing.release()
        await gate.reached()
        if nth == 2:
            second = bot.telegram.hold("editMessageMedia", when)
            gate.release()
            gate = second
            await gate.reached()
        await bot.kill()
        gate.release()
        await bot.begin()
        await bot.sees(channel, "[photo]")
        assert await bot.states() == [JobState.DELIVERED]
        assert await pictures_charged(bot, bot.alice.id) == 1
        assert len(bot.gateway.calls) == 1
        assert await bot.store.read(lambda tx: tx.ledger.audit()) == []
