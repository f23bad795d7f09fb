"""Clocks of two processes: how long one has something is told by the database's, however wrong theirs are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio
from sqlalchemy import text

from bot.domain import Enhancement, Job, TextCall, TextCallKind, now
from bot.domain.jobs import ANNOUNCED_WITHIN
from bot.features.albums.service import AlbumService
from bot.features.enhance.service import EnhanceService
from bot.jobs.call_recorder import CallRecorder
from bot.storage import Store, Transaction
from bot.storage.leader import Leader
from tests.storage.rows import ANN, album_item, draft

CALL = TextCall(TextCallKind.REWRITE, ANN, ANN, 7, "writer", "host")
EXACT = timedelta(seconds=20)  # far less than the clocks are wrong


@pytest.fixture(params=[-10, 10], ids=["behind", "ahead"])
def wrong(request: pytest.FixtureRequest) -> datetime:
    """What a clock says that is so many minutes wrong."""
    return now() + timedelta(minutes=request.param)


@pytest_asyncio.fixture
async def store(postgres_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(postgres_url)
    yield opened
    await opened.close()


async def test_a_job_is_left_to_who_accepted_it_as_long_as_the_database_says(
    store: Store, wrong: datetime
) -> None:
    def lapsed(tx: Transaction, job: Job) -> Job | None:
        tx._sql.execute(text("UPDATE jobs SET announced_until = now() - interval '1 second'"))
        return tx.jobs.announced(job.id)

    accepted = await store.write(lambda tx: tx.jobs.add(draft(), wrong))
    assert accepted
    seen = await store.read(lambda tx: tx.jobs.announced(accepted.id))
    assert seen == accepted
    assert seen.announced_until
    assert abs(seen.announced_until - now() - ANNOUNCED_WITHIN) < EXACT
    over = await store.write(lapsed, accepted)
    assert over == replace(seen, announced_until=None)


async def test_an_album_of_a_process_that_has_died_is_closed_by_another(
    store: Store, wrong: datetime
) -> None:
    nobody: Any = None
    died = AlbumService(store, nobody, timedelta(0), lambda: wrong)
    other = AlbumService(store, nobody, timedelta(0), now)
    assert await died.add(replace(album_item(1), addressed=False, arrived_at=wrong))
    one = album_item(1).chat_id, album_item(1).group_id
    left = await other.seconds_left(*one)
    assert left is not None
    assert left > -EXACT.total_seconds()
    await other.close(*one)
    assert await other.seconds_left(*one) is None


async def test_words_that_a_dead_process_asked_for_are_asked_for_again_after_a_minute(
    store: Store, wrong: datetime
) -> None:
    await CallRecorder(store, {}, lambda: wrong).begin_text(CALL)
    statement = text("SELECT started_at FROM calls")
    started = await store.read(lambda tx: tx._sql.execute(statement).scalar_one())
    assert abs(started - now()) < EXACT


async def test_a_text_is_held_and_let_go_by_the_clock_of_all(store: Store, wrong: datetime) -> None:
    nobody: Any = None
    store.leader = cast("Leader", SimpleNamespace(is_sole=False))
    service: Any = partial(EnhanceService, store, *[nobody] * 6)
    holder, other = service(clock=lambda: wrong), service(clock=now)
    words = Enhancement(ANN, ANN, 7, "a cat", "en", wrong)
    await store.write(lambda tx: tx.enhancements.put(words))
    await holder.hold([(ANN, 7)])
    assert await other.undone() == []
    await holder.hold([(ANN, 7)], free=True)
    assert [one.message_id for one in await other.undone()] == [7]
