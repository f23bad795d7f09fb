"""The status message, over the wire: where a request stands, and how it is called off."""

from __future__ import annotations

import pytest

from bot.domain import JobState
from bot.tg import queue_status, status, status_text
from sandbox.gateway import CallState, Reply
from tests.conftest import Start
from tests.support.conversation import BUTTONS, PICTURE, Conversation

DRAWING = "Drawing… {Cancel}"
CANCELLED = "Cancelled. Nothing was charged. {Try again}"


async def test_the_status_message_becomes_the_picture(chat: Conversation) -> None:
    with chat.gateway.hold():
        (message,) = chat.alice.send(text="a red fox")
        (status,) = await chat.sees(chat.alice, DRAWING)
        await chat.telegram.until(lambda: chat.telegram.actions(chat.alice))
    (drawn,) = await chat.sees(chat.alice, PICTURE)
    assert drawn["message_id"] == status["message_id"]
    assert drawn["reply_to_message"]["message_id"] == message["message_id"]
    assert set(chat.telegram.actions(chat.alice)) == {"upload_photo"}


@pytest.mark.about_file  # on a server a job says first that it is next
async def test_it_tells_the_place_in_the_queue(start: Start) -> None:
    async with start(MAX_CONCURRENCY="1") as chat:
        people = [chat.alice, chat.bob, *map(chat.telegram.person, ("Carol", "Dave"))]
        rows = (
            DRAWING,
            "You are next… {Cancel}",
            "Waiting: 1 picture ahead of yours… {Cancel}",
            "Waiting: 2 pictures ahead of yours… {Cancel}",
        )
        with chat.gateway.hold() as gate:
            for person, status in zip(people, rows, strict=True):
                await chat.row(person, "a red fox", status)
            await chat.gateway.until(lambda: gate.waiting == 1)
            assert len(chat.gateway.calls) == 1
        for person in people:
            await chat.sees(person, PICTURE)
        edits = [c.params for c in chat.telegram.calls if c.method == "editMessageText"]
        assert [edit["text"] for edit in edits] == ["Drawing…"] * 3  # as each one's turn came


async def test_ones_own_earlier_pictures_come_first(start: Start) -> None:
    async with start(USER_CONCURRENCY="1") as chat:
        with chat.gateway.hold() as gate:
            await chat.row(chat.alice, "one", DRAWING)
            waiting = "Waiting: your earlier pictures come first… {Cancel}"
            await chat.row(chat.alice, "two", waiting)
            await chat.row(chat.bob, "three", DRAWING)  # nobody waits for another's second
            await chat.gateway.until(lambda: gate.waiting == 2)
        await chat.sees(chat.alice, PICTURE, PICTURE)
        assert [call.prompt[:3] for call in chat.gateway.calls] == ["one", "thr", "two"]


async def test_nobody_draws_more_at_once_than_he_may(start: Start) -> None:
    async with start(USER_CONCURRENCY="2") as chat:
        with chat.gateway.hold() as gate:
            for number in range(6):
                chat.alice.send(text=f"fox {number}")
            await chat.gateway.until(lambda: gate.waiting == 2)
            await chat.telegram.until(lambda: len(chat.from_bot(chat.alice)) == 6)
            assert len(chat.gateway.calls) == 2
        await chat.sees(chat.alice, *[PICTURE] * 6)


async def test_a_running_picture_is_called_off(chat: Conversation) -> None:
    with chat.gateway.hold() as gate:
        (status,) = await chat.row(chat.alice, "a red fox", DRAWING)
        await chat.gateway.until(lambda: gate.waiting)
        assert await chat.press(chat.alice, status, "Cancel") == "Cancelled."
        await chat.sees(chat.alice, CANCELLED)
        await chat.gateway.until(lambda: chat.last_call.state is CallState.CUT)
    assert [job.state for job in await chat.quiet()] == [JobState.CANCELLED]
    late = await chat.forge(chat.alice, status, "cancel:1")  # the press was on its way
    assert late == "Cancelled."
    assert await chat.press(chat.alice, status, "Try again") == "Drawing it again."
    await chat.sees(chat.alice, CANCELLED, PICTURE)


async def test_a_picture_that_is_there_cannot_be_called_off(chat: Conversation) -> None:
    (status,) = await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.states()
    late = await chat.forge(chat.alice, status, "cancel:1")  # the press was on its way
    assert late == "Too late to cancel: it is finished."
    assert await chat.states() == [JobState.DELIVERED]


async def test_a_queued_picture_is_called_off_and_never_asked_for(start: Start) -> None:
    async with start(MAX_CONCURRENCY="1") as chat:
        with chat.gateway.hold():
            await chat.row(chat.alice, "a red fox", DRAWING)
            (status,) = await chat.row(chat.bob, "a blue fox", "You are next… {Cancel}")
            assert await chat.press(chat.bob, status, "Cancel") == "Cancelled."
            await chat.sees(chat.bob, CANCELLED)  # though there is no room to draw
        await chat.sees(chat.alice, PICTURE)
        assert len(chat.gateway.calls) == 1


async def test_the_command_calls_all_of_ones_own_pictures_off(start: Start) -> None:
    async with start(USER_CONCURRENCY="2") as chat:
        with chat.gateway.hold() as gate:
            for number in range(3):
                chat.alice.send(text=f"fox {number}")
            chat.bob.send(text="a blue fox")
            await chat.gateway.until(lambda: gate.waiting == 3)
            await chat.telegram.until(lambda: len(chat.from_bot(chat.alice)) == 3)
            chat.alice.send(text="/cancel")
            told = "Cancelled 3 pictures. Nothing was charged for them."
            await chat.sees(chat.alice, CANCELLED, CANCELLED, CANCELLED, told)
            cut = [call.state is CallState.CUT for call in chat.gateway.calls]
            assert sorted(cut) == [
                False,
                True,
                True,
            ]  # the connections are closed, but Bob's is not
        await chat.sees(chat.bob, PICTURE)
        await chat.row(chat.alice, "/cancel", "There is nothing to cancel.")
        usage = "*All time ? pictures: 0"
        await chat.row(chat.alice, "/usage", usage)


async def test_cancel_works_after_a_restart(start: Start) -> None:
    async with start(SHUTDOWN_SECONDS="0") as chat:
        with chat.gateway.hold() as gate:
            (status,) = await chat.row(chat.alice, "a red fox", DRAWING)
            await chat.gateway.until(lambda: gate.waiting)
            await chat.restart(SHUTDOWN_SECONDS="0")
            await chat.gateway.until(lambda: len(chat.gateway.calls) == 2)
            assert await chat.press(chat.alice, status, "Cancel") == "Cancelled."
            await chat.sees(chat.alice, CANCELLED)


async def test_each_of_several_pictures_has_its_message_and_buttons(chat: Conversation) -> None:
    chat.gateway.script(Reply(noise=1200, pictures=3, text="three foxes"))
    chat.alice.send(text="foxes")
    messages = await chat.sees(
        chat.alice, f"[photo] three foxes {BUTTONS}", f"[photo] {BUTTONS}", f"[photo] {BUTTONS}"
    )
    await chat.row(chat.alice, "in winter", PICTURE, reply_to=messages[2]["message_id"])
    assert len(chat.last_call.inputs) == 1
    await chat.quiet()
    await chat.row(chat.alice, "/usage", "*Today ? pictures: 2*")  # what was not asked for is free


async def test_a_status_message_that_somebody_deleted_is_made_anew(chat: Conversation) -> None:
    with chat.gateway.hold() as gate:
        (status,) = await chat.row(chat.alice, "a red fox", DRAWING)
        await chat.gateway.until(lambda: gate.waiting)
        chat.alice.delete(chat.alice, status["message_id"])
    await chat.sees(chat.alice, PICTURE)


async def test_it_tells_how_long_it_takes_and_has_taken(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_text, "WORTH_TELLING", 0)
    monkeypatch.setattr(status, "ACTION_AFTER", 0.05)
    monkeypatch.setattr(status, "ACTION_SECONDS", 0.05)
    monkeypatch.setattr(status, "ELAPSED_SECONDS", 0.5)
    monkeypatch.setattr(status, "EDIT_SECONDS", 0.1)
    async with start(MAX_CONCURRENCY="1") as chat:
        for _ in range(3):
            await chat.row(chat.bob, "a fox", PICTURE)
            await chat.quiet()
        with chat.gateway.hold():
            await chat.row(chat.alice, "a fox", "Drawing… usually about * s {Cancel}")
            waiting = "You are next… usually about * s {Cancel}"
            await chat.row(chat.bob, "a dog", *[waiting])
            await chat.sees(chat.alice, "Drawing… 0:?? so far · usually about * s {Cancel}")
        await chat.sees(chat.alice, PICTURE)
        edits = [c for c in chat.telegram.calls if c.params.get("chat_id") == chat.alice.id]
        said = [c.params["text"] for c in edits if c.method == "editMessageText"]
        assert len(said) <= 4  # each more seldom than the one before


async def test_a_late_word_on_the_place_never_replaces_what_came_of_the_job(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_status, "ROUND_SECONDS", 0.05)
    monkeypatch.setattr(queue_status, "LAST_SECONDS", 0.3)
    async with start(MAX_CONCURRENCY="1") as chat:
        carol = chat.telegram.person("Carol")
        with chat.gateway.hold():
            await chat.row(chat.alice, "a red fox", DRAWING)
            await chat.row(carol, "a green fox", "You are next… {Cancel}")
            (status,) = await chat.row(chat.bob, "a fox", "Waiting: 1 picture ahead*")
            with chat.telegram.hold("editMessageText", "before") as gate:
                await chat.press(carol, chat.from_bot(carol)[0], "Cancel")
                await chat.telegram.until(lambda: gate.waiting == 2)  # his place, her end
                assert await chat.press(chat.bob, status, "Cancel") == "Cancelled."
                await chat.telegram.until(lambda: gate.waiting == 3)  # the place is given up
            await chat.sees(chat.bob, CANCELLED)
            await chat.sees(carol, CANCELLED)
        await chat.quiet()
        await chat.sees(chat.bob, CANCELLED)
