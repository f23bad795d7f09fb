"""How many jobs of one user may wait, over the wire."""

from __future__ import annotations

import pytest

from bot.domain import Period, now
from tests.conftest import Start

DRAWING = "Drawing… {Cancel}"
WAITING = "Waiting: your earlier pictures come first… {Cancel}"
CANCELLED = "Cancelled. Nothing was charged. {Try again}"
LATER = "Waiting: 1 picture ahead of yours… {Cancel}"
FULL = "Your queue is full (pictures waiting: 2). *"


async def test_who_has_asked_for_too_much_is_told_and_others_are_drawn_for(start: Start) -> None:
    async with start(USER_QUEUE="2", USER_CONCURRENCY="1") as chat:
        with chat.gateway.hold():
            for status in (DRAWING, WAITING, LATER, FULL):
                await chat.row(chat.alice, "a fox", status)
            await chat.row(chat.bob, "a cat", DRAWING)
            totals = await chat.store.read(lambda tx: tx.ledger.totals(chat.alice.id, now()))
            assert totals[Period.ALL].reserved == 3
            (_, second, *_) = chat.from_bot(chat.alice)
            assert await chat.press(chat.alice, second, "Cancel") == "Cancelled."
            await chat.telegram.until(lambda: chat.lines(chat.alice)[1] == CANCELLED)
            await chat.row(chat.alice, "a dog", LATER)
        await chat.quiet()
        assert await chat.audit() == []


@pytest.mark.about_file  # on a server a job says first that it is next
async def test_of_several_pictures_all_find_room_or_none(start: Start) -> None:
    async with start(USER_QUEUE="2", USER_CONCURRENCY="1") as chat:
        with chat.gateway.hold():
            await chat.row(chat.alice, "a fox --n 4", FULL)
            assert await chat.states() == []
            await chat.row(chat.alice, "a fox --n 3", DRAWING, WAITING, LATER)
        await chat.quiet()


async def test_a_queue_without_a_limit_takes_all(start: Start) -> None:
    async with start(USER_QUEUE="0", USER_CONCURRENCY="1") as chat:
        with chat.gateway.hold():
            for status in (DRAWING, WAITING, LATER, "Waiting: 2 pictures*"):
                await chat.row(chat.alice, "a fox", status)
        await chat.quiet()
