"""The pace of calls, with our own limit switched on: who waits for whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from telegram.error import RetryAfter

from bot.tg.chat_turns import ChatTurns
from bot.tg.rate_limiter import RateLimiter
from bot.tg.sending import Priority, Sending, watched, watching
from tests.support.counted_time import run_counted
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


class Traffic:
    """Calls of a bot, and how many counted seconds each one waited."""

    def __init__(self, rate: float) -> None:
        self.pace = RateLimiter(rate)
        self.waited: dict[Priority, list[float]] = {one: [] for one in Priority}
        self.left: list[float] = []
        self.left_out = 0
        self._tasks: list[asyncio.Task[None]] = []

    def call(self, priority: Priority, method: str = "sendMessage") -> Sending:
        sending = Sending(priority)
        self._tasks.append(asyncio.create_task(self._call(sending, method)))
        return sending

    async def every(self, seconds: float, priority: Priority, method: str = "sendMessage") -> None:
        while True:
            self.call(priority, method)
            await asyncio.sleep(seconds)

    async def _call(self, sending: Sending, method: str) -> None:
        loop = asyncio.get_running_loop()
        first, began = sending.priority, loop.time()

        async def answer() -> bool:
            self.waited[first].append(loop.time() - began)
            self.left.append(loop.time())
            return True

        try:
            with watching(sending):
                await self.pace.process_request(answer, (), {}, method, {}, None)
        except RetryAfter:
            self.left_out += 1


def test_a_finished_picture_waits_under_two_seconds_behind_a_thousand_people() -> None:
    async def play() -> Traffic:
        traffic = Traffic(30)
        for _ in range(1000):
            traffic.call(Priority.WAITING)
        streams = (
            (0.1, Priority.PICTURE, "editMessageMedia"),
            (0.2, Priority.ANSWER, "sendMessage"),
            (0.2, Priority.STARTED, "sendMessage"),
            (0.05, Priority.WAITING, "sendMessage"),
            (0.05, Priority.MOVING, "editMessageText"),
            (0.5, Priority.MENU, "setMyCommands"),
        )
        tasks = [asyncio.create_task(traffic.every(*stream)) for stream in streams]
        await asyncio.sleep(60)
        for task in tasks:
            task.cancel()
        return traffic

    traffic = run_counted(play())
    waited = traffic.waited
    assert len(waited[Priority.PICTURE]) >= 590
    for priority in (Priority.PICTURE, Priority.ANSWER, Priority.STARTED):
        assert max(waited[priority]) < 2
    assert 500 < len(waited[Priority.WAITING]) < 1000  # they have what is left
    assert not waited[Priority.MOVING]
    assert not waited[Priority.MENU]
    assert traffic.left_out > 1000
    assert len(traffic.left) <= 30 * 60 + 31


def test_what_a_picture_waits_for_becomes_as_urgent_as_the_picture() -> None:
    async def play() -> tuple[float, float]:
        traffic = Traffic(1)
        for _ in range(50):
            traffic.call(Priority.WAITING)
        last = traffic.call(Priority.WAITING)
        await asyncio.sleep(5)
        last.hurry(Priority.PICTURE)
        await asyncio.sleep(60)
        longest = max(traffic.waited[Priority.WAITING])
        return traffic.waited[Priority.WAITING][7], longest

    hurried, longest = run_counted(play())
    assert hurried <= 7
    assert longest < 60


def test_menus_come_only_where_people_leave_room() -> None:
    async def play() -> tuple[Traffic, int]:
        traffic = Traffic(30)
        talking = asyncio.create_task(traffic.every(0.03, Priority.ANSWER))
        await asyncio.sleep(0.1)
        for _ in range(20):
            traffic.call(Priority.MENU, "setMyCommands")
        await asyncio.sleep(30)
        beside = len(traffic.waited[Priority.MENU])
        talking.cancel()
        await asyncio.sleep(30)
        return traffic, beside

    traffic, beside = run_counted(play())
    assert (beside, len(traffic.waited[Priority.MENU])) == (0, 20)


def test_a_place_that_moves_is_told_where_there_is_room_and_left_out_where_not() -> None:
    async def play() -> Traffic:
        traffic = Traffic(1)
        for _ in range(3):  # one by the burst
            traffic.call(Priority.MOVING, "editMessageText")
        await asyncio.sleep(10)
        return traffic

    traffic = run_counted(play())
    assert len(traffic.waited[Priority.MOVING]) == 2
    assert traffic.left_out == 1


def test_an_answer_waits_for_one_word_of_its_chat_at_most_and_that_one_is_hurried() -> None:
    async def play() -> list[str]:
        pace, turns, said = RateLimiter(1), ChatTurns(), list[str]()

        async def say(chat: int, what: str, priority: Priority) -> None:
            async def answer() -> bool:
                said.append(what)
                return True

            with watched(priority):
                async with turns.turn(chat):
                    await pace.process_request(answer, (), {}, "sendMessage", {}, None)

        tasks = [asyncio.create_task(say(n, "other", Priority.WAITING)) for n in range(2, 30)]
        tasks += [asyncio.create_task(say(1, "place", Priority.WAITING)) for _ in range(3)]
        await asyncio.sleep(5)
        await say(1, "answer", Priority.ANSWER)
        for task in tasks:
            task.cancel()
        return said

    assert run_counted(play())[-2:] == ["place", "answer"]


def test_a_call_that_was_given_up_takes_no_place() -> None:
    async def play() -> int:
        traffic = Traffic(1)
        traffic.call(Priority.ANSWER)
        traffic.call(Priority.ANSWER)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await call(traffic.pace, 1, taken, "sendMessage")
        traffic.call(Priority.ANSWER)
        await asyncio.sleep(2.5)
        return len(traffic.left)

    assert run_counted(play()) == 3
