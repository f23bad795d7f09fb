"""Polling over the wire: what was answered is confirmed, whenever the bot is stopped."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import cast

import pytest
from structlog.testing import capture_logs
from telegram import Bot, Chat, Message, Update

from bot.domain import StartError, StorageUnavailable
from bot.tg import polling
from bot.tg.polling import Polling
from bot.tg.updates import Batch
from sandbox.telegram import BadRequest, Fault, ServerError, Unauthorized
from tests.conftest import Start
from tests.support.conversation import PICTURE
from tests.support.waiting import within

ALICE, BOB = 1001, 1002
DENIED = f"This bot is private.*to be let in: {BOB}"


async def nobody(*_: object) -> None: ...


async def test_what_was_refused_before_a_stop_is_not_drawn_after_the_next_start(
    start: Start,
) -> None:
    async with start(ACCESS="allowlist", ALLOWED_IDS=str(ALICE)) as chat:
        group = chat.telegram.group("Home", [chat.alice])
        with chat.telegram.hold("getChatMember", "before") as gate:
            chat.alice.send(group, "/settings")  # in one batch: the stop comes in its middle
            chat.bob.send(text="a red fox")
            await gate.reached()
            await chat.sees(chat.bob, DENIED)
            ending = asyncio.create_task(chat.end())
            await asyncio.sleep(0.1)
        await within(ending)
        assert not chat.telegram.pending_updates
        await chat.begin(ACCESS="allowlist", ALLOWED_IDS=str(BOB))
        assert await chat.quiet() == []
        await chat.sees(chat.bob, DENIED)


async def test_a_batch_that_hangs_does_not_hold_up_a_stop(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "FINISH_SECONDS", 0.1)
    async with start() as chat:
        group = chat.telegram.group("Home", [chat.alice])
        with chat.telegram.hold("getChatMember", "before") as gate:
            chat.alice.send(group, "/settings")
            await gate.reached()
            await within(chat.end())
            assert len(chat.telegram.pending_updates) == 1  # it comes again
        await chat.begin()


@pytest.mark.parametrize(
    "fault",
    [
        ServerError(404, "<html>not found</html>"),
        ServerError(401, "<html>who are you?</html>"),
        ServerError(200, "<html>log in first</html>"),
        ServerError(200, '{"ok":true}'),
        ServerError(200, '{"ok":true,"result":7}'),
        ServerError(200, '{"ok":true,"result":[7]}'),
        ServerError(200, '{"ok":true,"result":[{"upd'),
        Unauthorized(),
    ],
)
async def test_what_is_no_answer_to_a_poll_is_waited_out(start: Start, fault: Fault) -> None:
    async with start() as chat:
        chat.telegram.fault("getUpdates", fault)
        chat.alice.send(text="a red fox")
        chat.alice.send(text="a blue fox")
        await chat.sees(chat.alice, PICTURE, PICTURE)
        chat.alice.send(text="a green fox")
        await chat.sees(chat.alice, PICTURE, PICTURE, PICTURE)


async def test_telegrams_own_words_are_in_the_log(start: Start) -> None:
    async with start() as chat:
        with capture_logs() as logs:
            chat.telegram.fault("getUpdates", BadRequest("offset is a strange one"))
            await chat.row(chat.alice, "a red fox", PICTURE)
            await chat.row(chat.alice, "a blue fox", PICTURE)
    reasons = [line["reason"] for line in logs if line["event"] == "updates not taken"]
    assert reasons == ["Offset is a strange one"]


async def test_only_telegrams_own_refusals_of_the_token_end_the_bot(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "REFUSAL_PAUSE", 0)
    async with start() as chat:
        chat.telegram.fault("getUpdates", Unauthorized(), times=2)
        chat.telegram.fault("getMe", Unauthorized(), times=polling.REFUSALS - 1)
        await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.row(chat.alice, "a blue fox", PICTURE)
        chat.telegram.fault("getUpdates", Unauthorized())
        chat.telegram.fault("getMe", Unauthorized(), times=polling.REFUSALS)
        await chat.row(chat.alice, "a green fox", PICTURE)
        task, chat.task = chat.task, None
        assert task
        with pytest.raises(StartError, match="TELEGRAM_BOT_TOKEN"):
            await within(task)
        await chat.begin()


async def test_a_webhook_that_was_left_behind_is_taken_away_and_nothing_is_lost(
    start: Start,
) -> None:
    async with start() as chat:
        await chat.end()
        chat.alice.send(text="a red fox")
        chat.telegram.world.updates.webhook = {"url": "https://elsewhere.example/s3cret"}
        with capture_logs() as logs:
            await chat.begin()
            await chat.sees(chat.alice, PICTURE)
        (told,) = [line for line in logs if "webhook" in line["event"]]
        assert told["host"] == "elsewhere.example"
        assert "s3cret" not in str(logs)


async def test_a_webhook_that_must_not_be_taken_away_ends_the_bot(start: Start) -> None:
    async with start() as chat:
        await chat.end()
        chat.telegram.world.updates.webhook = {"url": "https://elsewhere.example/s3cret"}
        with pytest.raises(StartError, match="a webhook at elsewhere") as refused:
            await chat.begin(TELEGRAM_DELETE_WEBHOOK="false")
        chat.task = None
        assert "s3cret" not in str(refused.value)
        assert chat.telegram.world.updates.webhook


async def test_a_stop_outwaits_the_real_servers_hold_of_a_repeated_poll(start: Start) -> None:
    async with start() as chat:
        await chat.row(chat.alice, "a red fox", PICTURE)
        chat.telegram.world.updates.held = 3.0
        with capture_logs() as logs:
            await chat.end()
        assert not [line for line in logs if "not confirmed" in line["event"]]


async def test_what_was_answered_is_not_answered_again_with_a_batch_that_failed() -> None:
    answered: list[int] = []
    failures = iter([True, False])

    async def process(update: Update) -> None:
        if update.update_id == 2 and next(failures):
            raise StorageUnavailable
        answered.append(update.update_id)

    batch = tuple(
        Update(number, message=Message(number, datetime.now(UTC), Chat(chat, "private")))
        for number, chat in enumerate((ALICE, BOB, ALICE, BOB), 1)
    )
    polling = Polling(cast("Bot", None), process, nobody, nobody)
    with pytest.raises(StorageUnavailable):
        await polling.take(Batch(batch, offset=5))
    assert sorted(answered) == [1, 3]
    await polling.take(Batch(batch, offset=5))
    assert sorted(answered) == [1, 2, 3, 4]
    first = Update(1, message=batch[0].message)
    await polling.take(Batch((first,), offset=2))  # numbers may begin anew
    assert answered[-1] == 1


async def test_a_telegram_that_is_away_for_a_day_is_still_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(polling, "LONGEST_PAUSE", 0.001)

    waits = Polling(cast("Bot", None), nobody, nobody, nobody)
    waits._failures = 3000
    await waits._pause()
    assert waits._failures == 3001
