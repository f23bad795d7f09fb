"""Calls and their rows: what a call came to is counted once, whoever stops waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot import job_parts
from bot.domain import CallReport, Cost, Job, JobState, OutcomeKind, Period, Usage
from bot.jobs.call_recorder import CallRecorder
from bot.jobs.calls import ModelCalls
from bot.storage import Store, Transaction, schema
from tests.conftest import Start
from tests.storage.rows import NOON, running_in
from tests.support.waiting import within

REPORT = CallReport(OutcomeKind.TEXT_ONLY, Usage(1, 2, 3, 4, Cost(5, "USD")))


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    url = f"sqlite:///{tmp_path}/bot.db"
    await schema.prepare(url)
    opened = await Store.open(url)
    yield opened
    await opened.close()


async def begun(store: Store) -> tuple[CallRecorder, Job, int]:
    def begin(tx: Transaction) -> tuple[Job, int]:
        job = running_in(tx)
        return job, tx.calls.start(job, "painter", "gateway", "chat", NOON)

    return CallRecorder(store, {}, lambda: NOON), *await store.write(begin)


async def costs(store: Store, job: Job) -> tuple[tuple[str, int], ...]:
    totals = await store.read(lambda tx: tx.ledger.totals(job.account_id, NOON))
    return totals[Period.DAY].costs


async def test_a_report_that_comes_again_is_counted_once(store: Store) -> None:
    calls, job, call = await begun(store)
    await calls.end(job, call, REPORT)
    await calls.end(job, call, REPORT)
    assert await costs(store, job) == (("USD", 5),)


async def test_a_cancel_while_a_call_is_closed_loses_nothing_of_it(store: Store) -> None:
    calls, job, call = await begun(store)
    ending = asyncio.create_task(calls.end(job, call, REPORT))
    await asyncio.sleep(0)  # it is at its transaction
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert await costs(store, job) == (("USD", 5),)
    assert await store.read(lambda tx: tx.calls.unfinished(10)) == []


async def test_a_cancel_while_the_place_at_a_gateway_is_given_back_ends_the_call(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving = asyncio.Event()

    @asynccontextmanager
    async def place(_gateway: str) -> AsyncIterator[None]:
        yield
        leaving.set()
        await asyncio.Event().wait()

    def with_place(*given: Any, **named: Any) -> ModelCalls:  # noqa: ANN401 - as its own
        return ModelCalls(*given, **(named | {"place": place}))

    monkeypatch.setattr(job_parts, "ModelCalls", with_place)
    async with start() as chat:
        chat.alice.send(text="a red fox")
        await within(leaving.wait())
        chat.alice.send(text="/cancel")
        assert await chat.states() == [JobState.CANCELLED]
        await chat.end()
        assert await chat.store.read(lambda tx: tx.calls.unfinished(10)) == []
