"""The embedded queue: what only has to be said, and what is drawn, keep nobody else waiting."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain import StorageUnavailable, Wake
from bot.jobs import dispatch as dispatch_module
from bot.jobs.dispatch import SAYING, Claimed, LocalDispatch


async def nothing(_limit: int, _after: int) -> list[Wake]:
    return []


async def test_what_only_has_to_be_said_holds_no_drawing_slot() -> None:
    dispatch, begun, silence = LocalDispatch(2, nothing), list[int](), asyncio.Event()

    async def perform(wake: Wake | Claimed) -> None:
        begun.append(wake.job_id)
        await silence.wait()

    dispatch.start(perform)
    dispatch.interrupt([Wake(number, 1) for number in range(100)])
    dispatch.wake([Wake(number, 0) for number in range(200, 205)])
    await asyncio.sleep(0)
    assert sorted(begun) == [*range(SAYING), 200, 201]
    silence.set()
    async with asyncio.timeout(60):
        while len(begun) < 105:
            await asyncio.sleep(0)
    assert sorted(begun) == [*range(100), *range(200, 205)]


async def test_a_cancelled_jobs_task_ends_before_the_cancel_is_told() -> None:
    dispatch, told = LocalDispatch(1, nothing), list[tuple[int, int]]()

    async def perform(wake: Wake | Claimed) -> None:
        assert isinstance(wake, Wake)
        told.append((wake.job_id, wake.claim))
        if not wake.claim:
            await asyncio.Event().wait()

    dispatch.start(perform)
    dispatch.wake([Wake(1, 0), Wake(2, 1)])
    await asyncio.sleep(0)
    dispatch.interrupt([Wake(1, 1)])
    dispatch.wake([Wake(1, 0)])  # a void one takes nothing away
    async with asyncio.timeout(60):
        while len(told) < 3:
            await asyncio.sleep(0)
    assert told[0] == (1, 0)
    assert sorted(told[1:]) == [(1, 1), (2, 1)]


async def test_a_delivery_that_is_tried_again_holds_no_drawing_slot() -> None:
    dispatch, begun, silence = LocalDispatch(1, nothing), list[int](), asyncio.Event()

    async def perform(wake: Wake | Claimed) -> None:
        begun.append(wake.job_id)
        if wake.job_id < 100:
            await silence.wait()

    dispatch.start(perform)
    for number in range(5):
        dispatch.later(Wake(number, 1, said=True), 0)
    async with asyncio.timeout(60):
        while len(begun) < 5:
            await asyncio.sleep(0)
    dispatch.wake([Wake(100, 0)])
    await asyncio.sleep(0)
    assert begun == [*range(5), 100]
    silence.set()


async def test_a_backlog_that_cannot_be_read_back_once_is_read_back_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatch_module, "BACKLOG", 1)
    monkeypatch.setattr(dispatch_module, "REFILL_PAUSE", 0.01)
    begun, fails = list[int](), [StorageUnavailable(), StorageUnavailable()]

    async def refill(_limit: int, _after: int) -> list[Wake]:
        if fails:
            raise fails.pop()
        return [Wake(2, 0)]

    async def perform(wake: Wake | Claimed) -> None:
        begun.append(wake.job_id)

    dispatch = LocalDispatch(1, refill)
    dispatch.wake([Wake(1, 0), Wake(2, 0)])  # memory has room for one
    dispatch.start(perform)
    async with asyncio.timeout(60):
        while len(begun) < 2:
            await asyncio.sleep(0.01)
    assert begun == [1, 2]
