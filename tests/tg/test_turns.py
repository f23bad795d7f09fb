"""Turns: of several wishes for one message the last one wins, and none that comes last is lost."""

from __future__ import annotations

import asyncio
from functools import partial

from bot.tg.talk import Talk
from bot.tg.turns import Turns
from tests.support.waiting import patient

HERE = (1, 2)


async def test_while_one_is_under_way_only_the_last_wish_waits() -> None:
    turns, done, gate = Turns(Talk()), list[str](), asyncio.Event()

    async def turn(name: str) -> None:
        done.append(name)
        await gate.wait()

    turns.wish(*HERE, partial(turn, "first"))
    await asyncio.sleep(0)
    for name in ("second", "third"):
        turns.wish(*HERE, partial(turn, name))
    turns.wish(1, 3, partial(turn, "another message"))
    gate.set()
    while len(done) < 3:
        await asyncio.sleep(0)
    assert done == ["first", "another message", "third"]


async def test_a_wish_in_the_very_moment_in_which_the_last_one_ends_is_not_lost() -> None:
    turns, loop, done = Turns(Talk()), asyncio.get_running_loop(), asyncio.Event()

    async def last() -> None:
        done.set()

    async def first() -> None:
        loop.call_soon(turns.wish, *HERE, last)  # right behind this turn's end

    turns.wish(*HERE, first)
    async with patient():
        await done.wait()


async def test_a_turn_that_fails_leaves_the_message_to_the_next_wish() -> None:
    turns, done = Turns(Talk()), asyncio.Event()

    async def fail() -> None:
        raise KeyError

    async def succeed() -> None:
        done.set()

    turns.wish(*HERE, fail)
    await asyncio.sleep(0.01)
    turns.wish(*HERE, succeed)
    async with patient():
        await done.wait()
