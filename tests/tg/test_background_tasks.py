"""What is said in the background: a flood of one drops nobody else's words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.tg import tasks
from bot.tg.tasks import OF_ONE, BackgroundTasks

FLOODER, OTHER, THIRD = 1, 2, 3


class Chatter:
    """Tasks that do not end before they are let go."""

    def __init__(self) -> None:
        self.background, self._gate = BackgroundTasks(), asyncio.Event()

    def says(self, of: int | None, times: int = 1) -> int:
        """Begin so many; tells how many found a place."""
        made = [self.background.run(self._gate.wait(), "words", of=of) for _ in range(times)]
        return sum(task is not None for task in made)

    async def end(self) -> None:
        self._gate.set()
        await self.background.drain(5)
        await asyncio.sleep(0)


@pytest_asyncio.fixture
async def chatter() -> AsyncIterator[Chatter]:
    chatter = Chatter()
    yield chatter
    await chatter.end()


async def test_one_has_a_share_of_the_pool_and_no_more(chatter: Chatter) -> None:
    assert chatter.says(FLOODER, OF_ONE + 9) == OF_ONE
    assert chatter.says(OTHER, 9) == 9


async def test_what_has_ended_makes_room(chatter: Chatter) -> None:
    chatter.says(FLOODER, OF_ONE)
    await chatter.end()
    assert chatter.says(FLOODER, 2) == 2


async def test_in_a_full_pool_each_still_says_a_few_words(
    chatter: Chatter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "AT_ONCE", 20)
    assert chatter.says(FLOODER, 30) == 20
    assert chatter.says(None) == 0
    assert chatter.says(OTHER, 9) == tasks.ALWAYS
    assert sum(chatter.says(person, 9) for person in range(10, 40)) == 20 - tasks.ALWAYS
