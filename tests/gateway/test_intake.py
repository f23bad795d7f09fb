"""What comes in the same instant is not read in the same instant, and all of it is read in the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.gateway.intake import Intake
from tests.support.waiting import patient, within
from tests.support.wire import listening

MOST = 1 << 20
ONE_READ = 1 << 18  # bytes that a loop reads before it can be stopped
BODY = bytes(range(256)) * 4096
ANSWERS = 24


class Readers:
    """Those who ask for answers, and look at them once they may."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.may_look = asyncio.Event()
        self.answers: list[aiohttp.ClientResponse] = []
        self.bodies = [asyncio.create_task(self._body(session, url)) for _ in range(ANSWERS)]

    async def _body(self, session: aiohttp.ClientSession, url: str) -> bytes:
        async with session.get(url) as answer:
            self.answers.append(answer)
            await self.may_look.wait()
            return await answer.read()

    @property
    def read(self) -> int:
        return sum(each.content.total_bytes for each in self.answers)

    async def come(self) -> None:
        """Wait until no more is read."""
        async with patient():
            while self.read <= MOST:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)


@pytest.fixture
async def readers() -> AsyncIterator[Readers]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
        await writer.drain()

    connector = aiohttp.TCPConnector(limit=ANSWERS)
    Intake(MOST).govern(connector)
    session = aiohttp.ClientSession(connector=connector, read_bufsize=1 << 14)
    async with listening(answer) as url, session:
        yield Readers(session, url)


async def test_of_many_answers_only_so_much_is_read_before_they_are_looked_at(
    readers: Readers,
) -> None:
    await readers.come()
    assert readers.read <= MOST + ONE_READ
    readers.may_look.set()
    assert await within(asyncio.gather(*readers.bodies)) == [BODY] * ANSWERS


async def test_who_gives_an_answer_up_makes_room_for_the_others(readers: Readers) -> None:
    await readers.come()
    given_up, left = readers.bodies[: ANSWERS // 2], readers.bodies[ANSWERS // 2 :]
    for each in given_up:  # they came first: what was read is theirs
        each.cancel()
    readers.may_look.set()
    assert await within(asyncio.gather(*left)) == [BODY] * len(left)
