"""Who is told first where Telegram takes only so much, over the wire."""

from __future__ import annotations

from bot.domain import JobState
from sandbox.telegram import Flood
from tests.conftest import Start
from tests.features.inline.test_inline import stored
from tests.support.conversation import PICTURE, Conversation
from tests.support.inline import draws

CANCELLED = "Cancelled. Nothing was charged. {Try again}"


def cancelled(pictures: int) -> str:
    return f"Cancelled {pictures} pictures. Nothing was charged for them."


async def test_a_picture_does_not_wait_for_the_first_words_of_those_who_wait(start: Start) -> None:
    pace = {"TELEGRAM_MAX_RATE": "0.5", "MAX_CONCURRENCY": "1", "SHUTDOWN_SECONDS": "1"}
    async with start(**pace) as chat:
        others = [chat.telegram.person(f"P{number}") for number in range(30)]
        with chat.gateway.hold() as gate:
            chat.alice.send(text="a red fox")
            await chat.gateway.until(lambda: gate.waiting == 1)
            for person in others:
                person.send(text="a blue fox")
        await chat.sees(chat.alice, PICTURE)
        said = {
            call.params["chat_id"] for call in chat.telegram.calls if call.method == "sendMessage"
        }
        assert len(said) < len(others)


async def test_who_was_told_nothing_while_he_waited_gets_his_picture_all_the_same(
    start: Start,
) -> None:
    pace = {"TELEGRAM_MAX_RATE": "1", "MAX_CONCURRENCY": "1", "SHUTDOWN_SECONDS": "1"}
    async with start(**pace) as chat:
        others = [chat.telegram.person(f"P{number}") for number in range(30)]
        with chat.gateway.hold() as gate:
            chat.alice.send(text="a red fox")
            await chat.gateway.until(lambda: gate.waiting == 1)
            chat.bob.send(text="a green fox")
            for person in others:
                person.send(text="a blue fox")
        await chat.sees(chat.bob, PICTURE)
        sent = [c.params["chat_id"] for c in chat.telegram.calls if c.method == "sendMessage"]
        assert sent.count(chat.bob.id) == 1


async def test_a_mass_cancel_is_told_in_one_message_and_keeps_nobody_waiting(start: Start) -> None:
    async with start(MAX_CONCURRENCY="1", USER_CONCURRENCY="1") as chat:
        with chat.gateway.hold() as gate:
            chat.alice.send(text="fox 0")
            await chat.gateway.until(lambda: gate.waiting == 1)
            for number in range(1, 20):
                chat.alice.send(text=f"fox {number}")
            await chat.telegram.until(lambda: len(chat.from_bot(chat.alice)) == 20)
            chat.bob.send(text="a blue fox")
            chat.telegram.during(5, Flood(5), "editMessageText")
            chat.alice.send(text="/cancel")
            await chat.gateway.until(lambda: len(chat.gateway.calls) == 2)
        await chat.sees(chat.bob, PICTURE)
        await chat.sees(chat.alice, *[CANCELLED] * 20, cancelled(20))
        states = await chat.states()
        assert sorted(states) == sorted([JobState.CANCELLED] * 20 + [JobState.DELIVERED])


async def test_what_was_not_said_yet_of_cancelled_pictures_is_not_said(start: Start) -> None:
    pace = {"TELEGRAM_MAX_RATE": "1", "USER_CONCURRENCY": "1", "SHUTDOWN_SECONDS": "1"}
    async with start(**pace) as chat:
        with chat.gateway.hold() as gate:
            chat.alice.send(text="fox 0")
            await chat.gateway.until(lambda: gate.waiting == 1)
            for number in range(1, 40):
                chat.alice.send(text=f"fox {number}")
            chat.alice.send(text="/cancel")
            await chat.telegram.until(lambda: cancelled(40) in chat.lines(chat.alice))
            assert len(chat.from_bot(chat.alice)) < 40


async def test_neither_a_picture_nor_an_answer_waits_for_what_is_said_in_inline_messages(
    start: Start,
) -> None:
    pace = {"TELEGRAM_MAX_RATE": "0.5", "MAX_CONCURRENCY": "1", "SHUTDOWN_SECONDS": "1"}
    async with stored(start, **pace) as (chat, _, away):
        with chat.gateway.hold() as gate:
            chat.alice.send(text="a red fox")
            await chat.gateway.until(lambda: gate.waiting == 1)
            for number in range(20):
                person = chat.telegram.person(f"P{number}")
                away.add(person)
                await draws(person, away, "a blue fox")
            await chat.telegram.until(lambda: not chat.telegram.pending_updates)
            before = said_inline(chat)
            await chat.row(chat.bob, "/id", "You: *")
        await chat.sees(chat.alice, PICTURE)
        assert said_inline(chat) - before < 10


def said_inline(chat: Conversation) -> int:
    edits = [call for call in chat.telegram.calls if call.method == "editMessageText"]
    return sum("inline_message_id" in call.params for call in edits)
