"""Many processes on one Postgres: one takes updates, two draw; each in a process of its own."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from bot.domain import JobState, OutcomeKind
from bot.healthcheck import SHARED, complaint_here, files_here
from sandbox.gateway import Reply
from tests.conftest import SMALL
from tests.features.admin.test_doctor import examined
from tests.features.pictures.test_bucket import (
    everything_goes,
    in_bucket,
    inputs,
    names_of,
    pictures,
)
from tests.jobs.test_queue_dispatch import forget_heartbeats, queued
from tests.support import postgres
from tests.support.command import ended
from tests.support.conversation import PICTURE, TOKEN, image
from tests.support.process import Killable, running
from tests.support.s3 import S3
from tests.support.waiting import patient


@pytest_asyncio.fixture
async def taker(tmp_path: Path, empty_postgres_url: str) -> AsyncIterator[Killable]:
    words = ("run", "--no-worker")
    async with running(tmp_path, words, DATABASE_URL=empty_postgres_url) as bot:
        bot.gateway.default = SMALL
        yield bot


@asynccontextmanager
async def two_workers(taker: Killable) -> AsyncIterator[tuple[Killable, Killable]]:
    words = ("worker", "--concurrency", "4")
    async with taker.beside(*words) as one, taker.beside(*words) as other:
        yield one, other


async def test_a_conversation_goes_on_as_with_one_process(taker: Killable) -> None:
    async with two_workers(taker):
        (first,) = await taker.row(taker.alice, "a fox", PICTURE)
        await taker.row(taker.bob, "two owls --count 2", PICTURE, PICTURE)
        await taker.row(taker.alice, None, PICTURE, photo=image(), caption="blue")
        assert await taker.press(taker.alice, first, "Again") == "Drawing it again."
        await taker.sees(taker.alice, *[PICTURE] * 3)
        assert await taker.states() == [JobState.DELIVERED] * 5
        assert len(taker.gateway.calls) == 5
        assert await queued(taker) == 0
        folder = taker.folder / "media" / SHARED
        assert len(files_here(folder)) == 3
        assert complaint_here(folder) is None


async def test_pictures_in_one_bucket_are_every_processs(
    tmp_path: Path, empty_postgres_url: str, s3: S3
) -> None:
    given = {"DATABASE_URL": empty_postgres_url, **s3.media(tmp_path)}
    own = [{"MEDIA_TEMP_DIR": f"{tmp_path}/worker {number}"} for number in (1, 2)]
    worker = ("worker", "--concurrency", "2")
    async with (
        running(tmp_path, ("run", "--no-worker"), **given) as chat,
        chat.beside(*worker, **own[0]) as one,
        chat.beside(*worker, **own[1]),
    ):
        chat.gateway.default, alice = SMALL, chat.alice
        (fox,) = await chat.row(alice, "a red fox", PICTURE)
        await chat.row(alice, None, PICTURE, photo=image(), caption="make it blue")
        assert inputs(chat) == 1
        album = [image(color=(at, 0, 0)) for at in (10, 20)]
        await chat.row(alice, None, PICTURE, album=album, caption="put them together")
        assert inputs(chat) == 2
        owls = await chat.row(chat.bob, "owls --count 3", *[PICTURE] * 3)
        assert await in_bucket(s3, chat)
        for owl in owls:
            assert await chat.press(chat.bob, owl, "Original file") == "Here is the original file."
        await chat.sees(chat.bob, *[PICTURE] * 3, *["[file picture-*.png]*"] * 3)
        await one.kill()  # what it had on its own disk is gone, for the others
        await chat.row(alice, "in the snow", PICTURE, reply_to=fox["message_id"])
        assert inputs(chat) == 1
        await chat.row(alice, "/history", "[photo]*")
        await chat.row(alice, "/export", "[file my-data.zip]")
        assert await chat.states() == [JobState.DELIVERED] * 7
        assert len(chat.gateway.calls) == 7
        bobs = names_of((await pictures(chat))[3:6])
        (question,) = await chat.row(alice, "/forget", "*{Erase everything|Keep}")
        await chat.press(alice, question, "Erase everything")
        await chat.said_last(alice, "Your prompts, pictures, settings and name are erased.")
        await everything_goes(s3, chat)
        assert len(bobs) == 3
        assert s3.names() == bobs


async def test_a_prompt_waits_for_a_worker_and_says_so(taker: Killable) -> None:
    await taker.row(taker.alice, "a fox", "*{Cancel}")
    async with taker.beside("worker"):
        await taker.sees(taker.alice, PICTURE)


async def test_the_doctor_says_who_is_missing(taker: Killable) -> None:
    given = {"DATABASE_URL": taker.changes["DATABASE_URL"]}

    async def told() -> list[str]:
        _, found = await examined(taker.folder, taker.world, **given)
        return found["processes"]

    assert await told() == [
        "wrong: on the database: 1; none of them draws: start a `picturebot worker`"
    ]
    async with taker.beside("worker"):
        await taker.row(taker.alice, "a fox", PICTURE)
        assert await told() == ["ok: on the database: 2; one of them leads, and jobs are worked on"]
        await taker.kill()
        (line,) = await told()
        assert line.startswith("wrong: on the database: 1; none of them leads, so nothing new is")
    assert await told() == ["note: none is on the database"]


async def test_a_cancel_reaches_who_draws(taker: Killable) -> None:
    taker.gateway.default = Reply(hang=True)
    async with two_workers(taker):
        await taker.row(taker.alice, "a fox", "*{Cancel}")
        await taker.telegram.until(lambda: len(taker.gateway.calls) == 1)
        (message,) = taker.from_bot(taker.alice)
        await taker.press(taker.alice, message, "Cancel")
        await taker.sees(taker.alice, "Cancelled*")
        (job,) = await taker.quiet()
        assert job.outcome is OutcomeKind.CANCELLED


async def test_who_is_killed_in_a_call_is_followed_by_another(taker: Killable) -> None:
    taker.gateway.default = Reply(hang=True)
    async with taker.beside("worker") as first:
        await taker.row(taker.alice, "a fox", "*{Cancel}")
        await taker.telegram.until(lambda: len(taker.gateway.calls) == 1)
        taker.gateway.default = SMALL
        async with taker.beside("worker"):
            await first.kill()
            await forget_heartbeats(taker)
            await taker.sees(taker.alice, PICTURE)
            assert await taker.states() == [JobState.DELIVERED]
            assert len(taker.gateway.calls) == 2


async def test_who_slept_while_another_took_its_job_over_does_no_harm(taker: Killable) -> None:
    gate = taker.gateway.hold()
    async with taker.beside("worker") as first:
        await taker.row(taker.alice, "a fox", "*{Cancel}")
        await taker.gateway.until(lambda: gate.waiting)
        assert first.process
        first.process.send_signal(signal.SIGSTOP)
        async with taker.beside("worker"):
            await forget_heartbeats(taker)
            await taker.gateway.until(lambda: len(taker.gateway.calls) == 2)
            gate.release()
            await taker.sees(taker.alice, PICTURE)
            assert await taker.states() == [JobState.DELIVERED]
            first.process.send_signal(signal.SIGCONT)
            await taker.row(taker.bob, "an owl", PICTURE)
            async with patient():  # it notices that it was late, and works again
                while "taken over by another worker" not in taker.log.read_text():
                    await asyncio.sleep(0.05)
            await taker.sees(taker.alice, PICTURE)
            assert len(taker.gateway.calls) == 3


async def test_a_worker_that_ends_in_order_hands_back_what_it_has_not_finished(
    taker: Killable,
) -> None:
    taker.gateway.default = Reply(hang=True)
    async with taker.beside("worker", SHUTDOWN_SECONDS="0.2") as first:
        await taker.row(taker.alice, "a fox", "*{Cancel}")
        await taker.telegram.until(lambda: len(taker.gateway.calls) == 1)
        taker.gateway.default = SMALL
        async with taker.beside("worker"):
            await first.end()
            await taker.sees(taker.alice, PICTURE)


async def test_who_ends_a_job_holds_nothing_of_it_before_its_turn(
    taker: Killable, empty_postgres_url: str
) -> None:
    gate = taker.gateway.hold()
    async with (
        taker.beside("worker"),
        await psycopg.AsyncConnection.connect(empty_postgres_url) as other,
    ):

        async def others(*tables: str) -> None:
            """Wait until the worker waits for us; nobody is in our way then."""
            await postgres.awaited_lock(empty_postgres_url)
            for table in tables:
                await other.execute(f"SELECT FROM {table} FOR UPDATE NOWAIT".encode())
            await other.commit()

        await taker.row(taker.alice, "a fox", "*{Cancel}")
        await taker.gateway.until(lambda: gate.waiting)
        await other.execute("SELECT pg_advisory_lock(%s)", (taker.alice.id,))  # as a ban
        await other.execute("SELECT FROM jobs FOR UPDATE")  # as /cancel and /forget
        gate.release()
        await others("calls", "counters")
        await taker.sees(taker.alice, PICTURE)
        await others("jobs", "pictures", "counters")
        await other.execute("SELECT pg_advisory_unlock_all()")
        await other.commit()
        assert await taker.states() == [JobState.DELIVERED]


@pytest.mark.parametrize("words", [("worker",), ("run", "--no-worker")])
async def test_on_sqlite_one_process_does_everything(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    end = await ended(tmp_path, *words, TELEGRAM_BOT_TOKEN=TOKEN, GATEWAY_API_KEY="key")
    assert end.code == 2
    assert end.stderr.startswith("DATABASE_URL: on SQLite one process does everything")
