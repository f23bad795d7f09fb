"""Polling over the wire: what was answered is confirmed, whenever the bot is stopped."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import cast

import pytest
from telegram import Bot, Chat, Message, Update

from bot.domain import StorageUnavailable
from bot.tg import polling
from bot.tg.polling import Polling
from tests.conftest import Start
from tests.support.waiting import within

ALICE, BOB = 1001, 1002
DENIED = f"This bot is private.*to be let in: {BOB}"


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
    polling = Polling(cast("Bot", None), process, None)
    with pytest.raises(StorageUnavailable):
        await polling.take(batch)
    assert sorted(answered) == [1, 3]
    await polling.take(batch)
    assert sorted(answered) == [1, 2, 3, 4]
    await polling.take((Update(1, message=batch[0].message),))  # numbers may begin anew
    assert answered[-1] == 1


async def test_a_telegram_that_is_away_for_a_day_is_still_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(polling, "LONGEST_PAUSE", 0.001)

    async def nothing() -> None: ...

    waits = Polling(cast("Bot", None), lambda _: nothing(), nothing)
    waits._failures = 3000
    await waits._pause()
    assert waits._failures == 3001
