"""Who is told first where Telegram takes only so much, over the wire."""

from __future__ import annotations

from tests.conftest import Start
from tests.support.conversation import PICTURE


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
