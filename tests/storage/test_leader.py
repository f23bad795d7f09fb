"""The leader: one of the processes on a Postgres at a time, whatever becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg
import pytest

from bot.domain import StorageLost, StorageUnavailable
from bot.storage import postgres_leader
from bot.storage.engine import normalised
from bot.storage.leader import SoleProcess
from bot.storage.lock import NUMBER, InUse, alone
from bot.storage.postgres_leader import _LEAD, _LEADER, PostgresLeader, joined
from tests.support.postgres import Postgres
from tests.support.waiting import patient, within

CUT = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE classid = "


class Process:
    """One of the processes: what it has begun and ended to do as the leader."""

    def __init__(self, leader: PostgresLeader) -> None:
        self.leader, self.begun, self.ended = leader, 0, 0
        self.task = asyncio.create_task(leader.run(self.lead))

    async def lead(self) -> None:
        assert self.leader.leads
        self.begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.ended += 1

    async def leads(self, times: int = 1) -> None:
        async with patient():
            while self.begun < times:
                await asyncio.sleep(0.01)

    async def end(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


@asynccontextmanager
async def process(url: str) -> AsyncIterator[Process]:
    async with joined(normalised(url), 0, asyncio.Event()) as leader:
        one = Process(leader)
        try:
            yield one
        finally:
            await one.end()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_leader, "LOOK", 0.1)


async def test_one_leads_and_another_takes_over_when_it_leaves(postgres_url: str) -> None:
    async with process(postgres_url) as first:
        await first.leads()
        async with process(postgres_url) as second:
            await asyncio.sleep(0.3)
            assert not second.begun
            await first.end()
            await first.leader.resign()
            assert not first.leader.leads
            await second.leads()
            assert first.ended == 1


async def test_who_loses_its_session_stops_at_once_and_may_lead_again(
    postgres_server: Postgres, postgres_url: str
) -> None:
    async with process(postgres_url) as first:
        await first.leads()
        async with process(postgres_url) as second:
            postgres_server.run(f"{CUT} {_LEADER}")
            await (second if await is_first(second, first) else first).leads()
            async with patient():
                while not first.ended:
                    await asyncio.sleep(0.01)
            assert first.leader.leads is not second.leader.leads


async def is_first(one: Process, other: Process) -> bool:
    async with patient():
        while not one.begun and other.begun == 1:
            await asyncio.sleep(0.01)
    return bool(one.begun)


async def test_a_leader_that_stands_still_has_its_session_ended(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_leader, "STALE", 1.0)
    with psycopg.connect(postgres_url, autocommit=True) as still:
        still.execute(_LEAD.encode())
        async with process(postgres_url) as other:
            await other.leads()
        with pytest.raises(psycopg.OperationalError):
            still.execute("SELECT 1")


async def test_a_leader_that_looks_after_its_lock_is_left_alone(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_leader, "STALE", 30.0)
    async with process(postgres_url) as first:
        await first.leads()
        async with process(postgres_url) as second:
            await asyncio.sleep(0.5)
            assert (first.ended, second.begun) == (0, 0)


async def test_a_database_that_fails_while_work_begins_is_tried_again(postgres_url: str) -> None:
    failures = iter([True, False])

    async def lead() -> None:
        if next(failures):
            raise StorageUnavailable

    async with joined(normalised(postgres_url), 0, asyncio.Event()) as leader:
        await within(leader.run(lead))


async def test_who_comes_back_to_a_database_that_another_program_has_ends(
    postgres_server: Postgres, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_leader, "LOOK", 1.0)  # the other one is quicker
    async with joined(normalised(postgres_url), 0, asyncio.Event()) as leader:
        leading = asyncio.create_task(leader.run(asyncio.Event().wait))
        taking = asyncio.create_task(take(postgres_url))
        async with patient():
            while not leader.leads:
                await asyncio.sleep(0.01)
        postgres_server.run(f"{CUT} {_LEADER} OR classid = {NUMBER}")
        with pytest.raises(StorageLost):
            await within(leading)
        taking.cancel()


async def take(url: str) -> None:
    while True:
        with suppress(InUse):
            async with alone(normalised(url)):
                await asyncio.sleep(3600)


async def test_sqlites_one_process_always_leads() -> None:
    leader, done = SoleProcess(), asyncio.Event()

    async def lead() -> None:
        done.set()

    await leader.run(lead)
    await leader.resign()
    assert done.is_set()
    assert leader.leads
    assert leader.is_sole
