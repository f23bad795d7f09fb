"""The queue on Postgres: a bot as a process, whose jobs go by the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from sqlalchemy import text

from bot.domain import JobState, OutcomeKind
from sandbox.gateway import Reply
from tests.conftest import SMALL
from tests.support.conversation import PICTURE
from tests.support.postgres import Postgres
from tests.support.process import Killable, running


@pytest_asyncio.fixture
async def chat(tmp_path: Path, empty_postgres_url: str) -> AsyncIterator[Killable]:
    async with running(tmp_path, DATABASE_URL=empty_postgres_url) as bot:
        bot.gateway.default = SMALL
        yield bot


async def test_a_prompt_becomes_a_picture_and_leaves_nothing_in_the_queue(chat: Killable) -> None:
    await chat.row(chat.alice, "a fox", PICTURE)
    await chat.row(chat.bob, "two owls --count 2", PICTURE, PICTURE)
    assert await chat.states() == [JobState.DELIVERED] * 3
    assert len(chat.gateway.calls) == 3
    assert await queued(chat) == 0


async def test_a_cancel_stops_what_is_drawn(chat: Killable) -> None:
    chat.gateway.default = Reply(hang=True)
    await chat.row(chat.alice, "a fox", "*{Cancel}")
    await chat.telegram.until(lambda: len(chat.gateway.calls) == 1)
    (message,) = chat.from_bot(chat.alice)
    await chat.press(chat.alice, message, "Cancel")
    assert await chat.states() == [JobState.CANCELLED]
    (job,) = await chat.jobs()
    assert job.outcome is OutcomeKind.CANCELLED


async def test_a_job_that_the_queue_has_lost_is_found(chat: Killable) -> None:
    async with chat.beside("run", "--no-worker"):
        await chat.kill()
        await chat.row(chat.alice, "a fox", "*{Cancel}")
        await chat.store.write(lambda tx: tx._sql.execute(text("DELETE FROM procrastinate_jobs")))
        await chat.begin()
        await chat.sees(chat.alice, PICTURE)
        assert await chat.states() == [JobState.DELIVERED]
        assert len(chat.gateway.calls) == 1


async def test_a_postgres_that_is_killed_and_started_again_costs_no_picture(
    chat: Killable, postgres_server: Postgres
) -> None:
    gate = chat.gateway.hold()
    await chat.row(chat.alice, "a fox", "*{Cancel}")
    await chat.gateway.until(lambda: gate.waiting)
    await asyncio.to_thread(postgres_server.restart)
    gate.release()
    await chat.sees(chat.alice, PICTURE)
    await chat.row(chat.bob, "an owl", PICTURE)
    assert len(chat.gateway.calls) == 2


async def test_two_bots_on_one_database_buy_each_picture_once(chat: Killable) -> None:
    chat.gateway.default = Reply(noise=1200, delay=0.3)
    people = [chat.telegram.person(f"Person {number}") for number in range(6)]
    async with chat.beside("run"):
        await asyncio.gather(*(chat.row(one, "a fox", PICTURE) for one in people))
        assert await chat.states() == [JobState.DELIVERED] * 6
    assert len(chat.gateway.calls) == 6


async def test_who_dies_while_it_draws_is_followed_by_another(chat: Killable) -> None:
    chat.gateway.default = Reply(hang=True)
    await chat.row(chat.alice, "a fox", "*{Cancel}")
    await chat.telegram.until(lambda: len(chat.gateway.calls) == 1)
    async with chat.beside("run"):
        chat.gateway.default = SMALL
        await chat.kill()
        await forget_heartbeats(chat)
        await chat.sees(chat.alice, PICTURE)
        assert len(chat.gateway.calls) == 2


async def forget_heartbeats(chat: Killable) -> None:
    """Let those who give no sign of life be taken for dead at once."""
    old = text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'")
    await chat.store.write(lambda tx: tx._sql.execute(old))


async def queued(chat: Killable) -> int:
    for _ in range(100):
        count: int = await chat.store.read(
            lambda tx: tx._sql.scalar(text("SELECT count(*) FROM procrastinate_jobs"))
        )
        if not count:
            break
        await asyncio.sleep(0.1)
    return count
