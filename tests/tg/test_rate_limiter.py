"""The pace of calls, with our own limit switched on: who waits for whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from telegram.error import RetryAfter

from bot.tg.client import RateLimiter
from tests.support.waiting import patient

Answer = Callable[[], Coroutine[Any, Any, bool]]


def call(pace: RateLimiter, chat: int, answer: Answer, method: str) -> asyncio.Task[Any]:
    request = pace.process_request(answer, (), {}, method, {"chat_id": chat}, None)
    return asyncio.ensure_future(request)


async def taken() -> bool:
    return True


def flooding(seconds: int, times: int = 1) -> Answer:
    left = times

    async def answer() -> bool:
        nonlocal left
        left -= 1
        if left >= 0:
            raise RetryAfter(seconds)
        return True

    return answer


async def test_a_flooded_chat_does_not_hold_up_another() -> None:
    pace = RateLimiter(30)
    flooded = call(pace, 1, flooding(30), "sendMessage")
    await asyncio.sleep(0)
    for _ in range(20):
        assert await call(pace, 2, taken, "sendMessage")
    assert not flooded.done()
    flooded.cancel()


async def test_a_flood_is_waited_out_and_the_call_made_again() -> None:
    assert await call(RateLimiter(30), 1, flooding(1), "sendMessage")


async def test_a_flood_beyond_patience_is_the_callers_business() -> None:
    pace = RateLimiter(30)
    for _ in range(2):  # the first learns it from Telegram, the second knows it already
        with pytest.raises(RetryAfter):
            await call(pace, 1, flooding(3600), "sendMessage")
    assert await call(pace, 2, taken, "sendMessage")


async def test_messages_do_not_wait_behind_chat_actions() -> None:
    pace = RateLimiter(1)
    actions = 0

    async def act() -> bool:
        nonlocal actions
        actions += 1
        return True

    for chat in range(200):
        assert await call(pace, chat, act, "sendChatAction")
    assert actions < 10
    async with patient():
        assert await call(pace, 1, taken, "sendMessage")


async def test_a_flooded_chat_action_is_dropped() -> None:
    pace = RateLimiter(0)
    assert await call(pace, 1, flooding(3600), "sendChatAction")


async def test_messages_are_spaced_out_to_the_rate() -> None:
    pace = RateLimiter(100)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(call(pace, chat, taken, "sendMessage") for chat in range(250)))
    assert loop.time() - began > 1  # a burst of one second, the rest at 100 a second
