"""A delivery that keeps failing, over the wire: what comes instead, and what is said meanwhile."""

from __future__ import annotations

import pytest

from bot.domain import JobState
from bot.jobs import worker
from bot.tg.delivery import EDITED
from sandbox.gateway import Failure, Reply
from sandbox.telegram import ResetAfter, ServerError
from tests.conftest import SMALL, Start
from tests.features.prompts.test_flags import charged
from tests.support.conversation import PICTURE, Conversation

DEAD = ServerError(501)
FOR_EVER = 999
REFUSED = Reply(failure=Failure.BLOCKED)
LATER = "It is drawn already, and comes as soon as Telegram takes it."


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SOONEST", 0.2)


async def test_where_no_edit_gets_through_the_picture_comes_in_a_new_message(
    chat: Conversation,
) -> None:
    chat.telegram.fault("editMessageMedia", DEAD, times=FOR_EVER)
    (picture,) = await chat.row(chat.alice, "a red fox", PICTURE)  # and the status is gone
    assert await chat.states() == [JobState.DELIVERED]
    assert await charged(chat, chat.alice.id) == (1, 0)
    await chat.press(chat.alice, picture, "Again")  # its buttons work
    await chat.sees(chat.alice, PICTURE, PICTURE)


async def test_several_pictures_come_so_too_and_no_placeholder_stays(chat: Conversation) -> None:
    chat.telegram.fault("editMessageMedia", DEAD, times=FOR_EVER)
    chat.gateway.script(Reply(pictures=3, noise=SMALL.noise))
    await chat.row(chat.alice, "three foxes", PICTURE, PICTURE, PICTURE)
    assert await chat.states() == [JobState.DELIVERED]


async def test_a_new_message_whose_sending_nobody_saw_the_end_of_is_found(
    chat: Conversation,
) -> None:
    chat.telegram.fault("editMessageMedia", DEAD, times=FOR_EVER)
    chat.telegram.fault("sendPhoto", ResetAfter())
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert await chat.states() == [JobState.DELIVERED]
    await chat.sees(chat.alice, PICTURE)


async def test_an_edit_that_gets_through_after_all_needs_no_new_message(
    chat: Conversation,
) -> None:
    chat.telegram.fault("editMessageMedia", DEAD, times=EDITED)
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert await chat.states() == [JobState.DELIVERED]
    assert "sendPhoto" not in {call.method for call in chat.telegram.calls}


async def test_why_there_is_no_picture_is_said_in_a_new_message(chat: Conversation) -> None:
    chat.gateway.script(REFUSED)
    with chat.gateway.hold() as gate:
        await chat.row(chat.alice, "a red fox", "Drawing*")
        await chat.gateway.until(lambda: gate.waiting)
        chat.telegram.fault("editMessageText", DEAD, times=FOR_EVER)
    await chat.sees(chat.alice, "*Nothing was charged.*{Try again}")
    assert await chat.states() == [JobState.REFUSED]


async def test_what_waits_for_telegram_holds_up_nothing_and_is_told(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "SOONEST", 3600.0)
    async with start(USER_CONCURRENCY="1") as chat:
        chat.telegram.fault("editMessageMedia", DEAD)
        (status,) = await chat.row(chat.alice, "a red fox", "Drawing*")
        await chat.row(chat.alice, "a blue fox", PICTURE)
        assert await chat.press(chat.alice, status, "Cancel") == LATER
        listed = "What you are waiting for here: 1. a red fox – drawn 0:* ago, comes as soon as*"
        await chat.row(chat.alice, "/queue", listed)
        assert (await chat.jobs())[0].state is JobState.RENDERED


@pytest.mark.about_file  # where there may be others, a restart takes up only what its time has come for
async def test_a_restart_tries_again_at_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SOONEST", 3600.0)
    async with start() as chat:
        chat.telegram.fault("editMessageMedia", DEAD)
        await chat.row(chat.alice, "a red fox", "Drawing*")
        await chat.gateway.until(lambda: chat.gateway.calls)
        await chat.restart()
        await chat.sees(chat.alice, PICTURE)
        assert await chat.states() == [JobState.DELIVERED]


async def test_while_telegram_takes_a_picture_slowly_others_are_drawn(start: Start) -> None:
    async with start(MAX_CONCURRENCY="1") as chat:
        first = chat.telegram.hold("editMessageMedia")
        chat.alice.send(text="a red fox")
        await first.reached()
        with chat.telegram.hold("editMessageMedia") as gate:
            first.drop()
            await gate.reached()
            chat.bob.send(text="a blue fox")
            await chat.gateway.until(lambda: len(chat.gateway.calls) == 2)
        await chat.sees(chat.alice, PICTURE)
        await chat.sees(chat.bob, PICTURE)


async def test_what_a_restart_finds_drawn_keeps_nobody_from_being_drawn(start: Start) -> None:
    async with start(MAX_CONCURRENCY="1") as chat:
        chat.telegram.fault("editMessageMedia", DEAD)
        await chat.row(chat.alice, "a red fox", "Drawing*")
        await chat.gateway.until(lambda: chat.gateway.calls)
        with chat.telegram.hold("editMessageMedia") as gate:
            await chat.restart(MAX_CONCURRENCY="1")
            await gate.reached()
            chat.bob.send(text="a blue fox")
            await chat.gateway.until(lambda: len(chat.gateway.calls) == 2)
        await chat.sees(chat.alice, PICTURE)
        await chat.sees(chat.bob, PICTURE)
