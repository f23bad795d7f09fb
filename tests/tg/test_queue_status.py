"""Places in the queue: status messages follow it, in few edits."""

from __future__ import annotations

import asyncio

import pytest

from bot.jobs.queue import QueuePosition, QueueService
from bot.tg import queue_status
from sandbox.telegram import Person
from sandbox.telegram.faults import Flood
from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation

ONE = {"MAX_CONCURRENCY": "1", "USER_CONCURRENCY": "20"}
DRAWING = "Drawing… {Cancel}"
NEXT = "You are next… {Cancel}"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_status, "ROUND_SECONDS", 0.05)


def ahead(number: int) -> str:
    return f"Waiting: {number} picture{'s'[: number > 1]} ahead of yours… {{Cancel}}"


def edits(chat: Conversation, person: Person) -> list[str]:
    """List what a person's messages were edited to say."""
    return [
        str(call.params["text"]).partition("\n")[0]
        for call in chat.telegram.calls
        if call.method == "editMessageText" and call.params["chat_id"] == person.id
    ]


async def test_the_place_moves_as_jobs_ahead_end(start: Start) -> None:
    async with start(**ONE) as chat:
        people = [chat.telegram.person(f"P{number}") for number in range(4)]
        gate = chat.gateway.hold()
        for person, status in zip(people, (DRAWING, NEXT, ahead(1), ahead(2)), strict=True):
            await chat.row(person, "a fox", status)
        assert await chat.press(people[1], chat.from_bot(people[1])[0], "Cancel") == "Cancelled."
        await chat.sees(people[2], NEXT)
        await chat.sees(people[3], ahead(1))
        gate.release()
        for person in (people[0], *people[2:]):
            await chat.sees(person, PICTURE)
        assert edits(chat, people[2])[0] == "You are next…"


async def test_nothing_is_edited_while_nothing_moves(start: Start) -> None:
    async with start(**ONE) as chat:
        with chat.gateway.hold():
            await chat.row(chat.alice, "a dog", DRAWING)
            await chat.row(chat.bob, "a fox", NEXT)
            before = len(chat.telegram.calls)
            carol = chat.telegram.person("Carol")
            for number in range(1, 6):  # each takes as long as some rounds
                await chat.row(carol, "a cat", ahead(number))
            calls = list(chat.telegram.calls)[before:]
            assert not [call for call in calls if call.method == "editMessageText"]
        await chat.quiet()


async def test_who_comes_while_a_round_looks_is_told_his_place_once(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, looked, go_on = QueueService.positions, asyncio.Event(), asyncio.Event()

    async def slowly(queue: QueueService) -> list[QueuePosition]:
        found = await look(queue)
        looked.set()
        await go_on.wait()
        return found

    async with start(**ONE) as chat:
        with chat.gateway.hold():
            await chat.row(chat.alice, "a dog", DRAWING)
            await chat.row(chat.bob, "a fox", NEXT)
            monkeypatch.setattr(QueueService, "positions", slowly)
            carol = chat.telegram.person("Carol")
            await looked.wait()
            await chat.row(carol, "a cat", ahead(1))
            go_on.set()
            for _ in range(3):
                looked.clear()
                await looked.wait()
            assert edits(chat, carol) == []
        await chat.quiet()


async def test_a_place_far_behind_is_told_when_it_has_moved_far(start: Start) -> None:
    async with start(**ONE) as chat:
        with chat.gateway.hold():
            await chat.row(chat.alice, "a dog", DRAWING)
            crowd = [chat.telegram.person(f"P{number}") for number in range(12)]
            for person in crowd:
                await chat.row(person, "a fox", "*{Cancel}")
            await chat.row(chat.bob, "a cat", ahead(12))
            await chat.press(crowd[0], chat.from_bot(crowd[0])[0], "Cancel")
            await chat.sees(crowd[1], NEXT)
            assert edits(chat, chat.bob) == []
            await chat.press(crowd[1], chat.from_bot(crowd[1])[0], "Cancel")
            await chat.sees(chat.bob, ahead(10))
            assert len(edits(chat, chat.bob)) == 1
        await chat.quiet()


async def test_a_crowd_in_one_chat_is_told_one_by_one(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start(**ONE) as chat:
        with chat.gateway.hold():
            await chat.row(chat.alice, "a dog", DRAWING)
            for number in range(4):
                await chat.row(chat.bob, "a fox", NEXT if not number else ahead(number))
            monkeypatch.setattr(queue_status, "AT_ONCE", 1)
            (first, *_) = chat.from_bot(chat.bob)
            await chat.press(chat.bob, first, "Cancel")
            gone = "Cancelled. Nothing was charged. {Try again}"
            await chat.sees(chat.bob, gone, NEXT, ahead(1), ahead(2))
        await chat.quiet()


async def test_a_flooded_chat_holds_up_no_other(start: Start) -> None:
    async with start(**ONE) as chat:
        with chat.gateway.hold():
            await chat.row(chat.alice, "a dog", DRAWING)
            carol = chat.telegram.person("Carol")
            await chat.row(carol, "a bird", NEXT)
            await chat.row(chat.bob, "a fox", ahead(1))
            dave = chat.telegram.person("Dave")
            await chat.row(dave, "a cat", ahead(2))
            chat.telegram.fault("editMessageText", Flood(3))  # one of the next two meets it
            await chat.press(carol, chat.from_bot(carol)[0], "Cancel")
            moved = (NEXT, ahead(1))

            def stand() -> int:
                lines = (chat.lines(chat.bob)[0], chat.lines(dave)[0])
                return sum(a == b for a, b in zip(lines, moved, strict=True))

            await chat.telegram.until(stand)
        await chat.quiet()


async def test_places_are_told_after_a_restart(start: Start) -> None:
    async with start(**ONE, SHUTDOWN_SECONDS="0.4") as chat:
        with chat.gateway.hold():
            await chat.row(chat.alice, "a dog", DRAWING)
            await chat.row(chat.alice, "a cat", NEXT)
            await chat.row(chat.bob, "a fox", ahead(1))
            await chat.restart(**ONE)
            await chat.press(chat.alice, chat.from_bot(chat.alice)[1], "Cancel")
            await chat.sees(chat.bob, NEXT)
        await chat.quiet()


async def test_a_round_tells_no_more_than_a_few(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_status, "ROUND_SECONDS", 2.0)
    monkeypatch.setattr(queue_status, "AT_ONCE", 2)
    async with start(**ONE) as chat:
        with chat.gateway.hold():
            await chat.row(chat.alice, "a dog", DRAWING)
            crowd = [chat.telegram.person(f"P{number}") for number in range(5)]
            for person in crowd:
                await chat.row(person, "a fox", "*{Cancel}")
            await chat.press(crowd[0], chat.from_bot(crowd[0])[0], "Cancel")
            others = crowd[1:]
            await chat.telegram.until(lambda: any(edits(chat, person) for person in others))
            assert sum(len(edits(chat, person)) for person in others) <= 2
            await chat.telegram.until(lambda: all(edits(chat, person) for person in others))
            assert [len(edits(chat, person)) for person in others] == [1] * 4
        await chat.quiet()
