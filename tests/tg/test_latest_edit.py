"""Of several edits of one message the latest wins, and none that comes last is lost."""

from __future__ import annotations

import asyncio
from functools import partial

from bot.tg.tasks import BackgroundTasks, LatestEdit
from tests.support.waiting import patient

MESSAGE = (1, 2)


async def test_while_one_is_under_way_only_the_latest_edit_waits() -> None:
    edits, done, gate = LatestEdit(BackgroundTasks()), list[str](), asyncio.Event()

    async def put(name: str) -> None:
        done.append(name)
        await gate.wait()

    edits.edit(*MESSAGE, partial(put, "first"))
    await asyncio.sleep(0)
    for name in ("second", "third"):
        edits.edit(*MESSAGE, partial(put, name))
    edits.edit(1, 3, partial(put, "another message"))
    gate.set()
    while len(done) < 3:
        await asyncio.sleep(0)
    assert done == ["first", "another message", "third"]


async def test_an_edit_in_the_very_moment_in_which_the_last_one_ends_is_not_lost() -> None:
    edits, loop, done = LatestEdit(BackgroundTasks()), asyncio.get_running_loop(), asyncio.Event()

    async def last() -> None:
        done.set()

    async def first() -> None:
        loop.call_soon(edits.edit, *MESSAGE, last)  # right behind this one's end

    edits.edit(*MESSAGE, first)
    async with patient():
        await done.wait()


async def test_an_edit_that_fails_leaves_the_message_to_the_next() -> None:
    edits, done = LatestEdit(BackgroundTasks()), asyncio.Event()

    async def fail() -> None:
        raise KeyError

    async def succeed() -> None:
        done.set()

    edits.edit(*MESSAGE, fail)
    await asyncio.sleep(0.01)
    edits.edit(*MESSAGE, succeed)
    async with patient():
        await done.wait()
