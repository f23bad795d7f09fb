"""The kill matrix where several processes do it: a taker and workers, on one Postgres and one bucket.

What one process does at each moment is in test_jobs.py. Here whoever is at it dies, another goes on,
and each has a folder of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from bot.domain import JobState
from sandbox.gateway import Reply
from tests.conftest import SMALL
from tests.features.pictures.test_bucket import in_bucket
from tests.jobs.test_queue_dispatch import forget_heartbeats
from tests.kill.test_jobs import pictures_charged
from tests.support.conversation import PICTURE, image
from tests.support.process import Killable, running
from tests.support.s3 import S3


@pytest_asyncio.fixture
async def taker(tmp_path: Path, empty_postgres_url: str, s3: S3) -> AsyncIterator[Killable]:
    given = {"DATABASE_URL": empty_postgres_url, **s3.media(tmp_path)}
    async with running(tmp_path, ("run", "--no-worker"), **given) as bot:
        bot.gateway.default = SMALL
        yield bot


def worker(taker: Killable, name: str) -> AbstractAsyncContextManager[Killable]:
    return taker.beside("worker", MEDIA_TEMP_DIR=f"{taker.folder}/{name}")


async def is_followed(taker: Killable, s3: S3, pictures: int = 1) -> None:
    """Have another worker go on at once: one prompt was delivered, and charged, once."""
    async with worker(taker, "second"):
        await forget_heartbeats(taker)
        await taker.sees(taker.alice, *[PICTURE] * pictures)
        assert await taker.states() == [JobState.DELIVERED]
        await taker.sees(taker.alice, *[PICTURE] * pictures)
        assert await pictures_charged(taker, taker.alice.id) == 1
        assert await in_bucket(s3, taker)


@pytest.mark.parametrize("state", [JobState.ACCEPTED, JobState.RUNNING, JobState.RENDERED])
async def test_a_worker_is_killed_right_after_a_state_was_committed(
    taker: Killable, s3: S3, state: JobState
) -> None:
    async with worker(taker, "first") as first:
        taker.alice.send(text="a red fox")
        await taker.reaches(state)
        await first.kill()
        await is_followed(taker, s3)


async def test_everybody_is_killed_while_a_photo_is_drawn(taker: Killable, s3: S3) -> None:
    async with worker(taker, "first") as first:
        taker.alice.send(photo=image(), caption="make it blue")
        await taker.reaches(JobState.RUNNING)
        await taker.kill()
        await first.kill()
        await taker.begin()
        await is_followed(taker, s3)


async def test_a_worker_is_killed_during_the_gateway_call(taker: Killable, s3: S3) -> None:
    async with worker(taker, "first") as first:
        gate = taker.gateway.hold()
        taker.alice.send(photo=image(), caption="make it blue")
        await taker.gateway.until(lambda: gate.waiting)
        await first.kill()
        gate.release()
        await is_followed(taker, s3)
        assert [len(call.inputs) for call in taker.gateway.calls] == [1, 1]
        # The operator sees the lost call.
        assert len(await taker.store.read(lambda tx: tx.calls.unfinished(10))) == 1


async def test_a_worker_is_killed_while_it_delivers(taker: Killable, s3: S3) -> None:
    async with worker(taker, "first") as first:
        with taker.telegram.hold("editMessageMedia", "before") as gate:
            taker.alice.send(text="a red fox")
            await gate.reached()
            await first.kill()
        await is_followed(taker, s3)
        assert len(taker.gateway.calls) == 1  # the bucket has it


async def test_a_worker_is_killed_between_several_pictures(taker: Killable, s3: S3) -> None:
    async with worker(taker, "first") as first:
        taker.gateway.script(Reply(pictures=3))
        held = taker.gateway.hold()
        taker.alice.send(text="three foxes")
        await taker.sees(taker.alice, "Drawing*")
        gate = taker.telegram.hold("sendMessage", "after")  # the place of the second
        held.release()
        await gate.reached()
        await first.kill()
        gate.release()
        await is_followed(taker, s3, pictures=3)
        assert len(taker.gateway.calls) == 1


async def test_the_taker_is_killed_while_it_announces(taker: Killable, s3: S3) -> None:
    with taker.telegram.hold("sendMessage", "after") as gate:
        taker.alice.send(text="a red fox")
        await gate.reached()
        await taker.kill()
    await taker.begin()
    await is_followed(taker, s3)
