"""The whole bot with its pictures in a bucket of S3, over the wire."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from bot.config import load_settings
from bot.domain import JobState, Period, Picture, now
from bot.features.admin import checks
from bot.jobs.cleanup import Cleanup
from bot.media import bucket as media_bucket
from bot.media import bucket_files
from bot.media.store import open_media
from bot.web import health, scrape
from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation, image
from tests.support.pages import free_address, logged_in
from tests.support.process import running
from tests.support.s3 import S3
from tests.support.waiting import patient


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = {**media_bucket._RETRIES, "retry_timeout": timedelta(seconds=0.2)}
    monkeypatch.setattr(media_bucket, "_RETRIES", tries)


@pytest.fixture
def bucket(s3: S3, tmp_path: Path) -> dict[str, str]:
    return s3.media(tmp_path)


async def pictures(chat: Conversation) -> list[Picture]:
    ids = range(1, len(await chat.jobs()) + 1)
    return await chat.store.read(
        lambda tx: [one for job_id in ids for one in tx.pictures.of_job(job_id)]
    )


async def in_bucket(s3: S3, chat: Conversation) -> bool:
    return names_of(await pictures(chat)) <= s3.names()


def names_of(pictures: list[Picture]) -> set[str]:
    return {f"bot/{one.sha256[:2]}/{one.sha256}" for one in pictures}


def inputs(chat: Conversation) -> int:
    """Count the pictures that went along with the last call."""
    return len(chat.last_call.inputs)


async def everything_goes(s3: S3, chat: Conversation) -> None:
    """Clean up, as if two days had gone by."""
    given = load_settings(s3.media(chat.folder), None)
    media = await open_media(given)
    await Cleanup(chat.store, media, 0, lambda: now() + timedelta(days=2)).tidy()
    media.close()


async def test_a_conversation_leaves_its_pictures_in_the_bucket(
    start: Start, s3: S3, bucket: dict[str, str]
) -> None:
    async with start(**bucket) as chat:
        alice = chat.alice
        (drawn,) = await chat.row(alice, "a red fox", PICTURE)
        assert await in_bucket(s3, chat)
        await chat.row(alice, None, PICTURE, photo=image(), caption="make it blue")
        assert inputs(chat) == 1
        album = [image(color=(at, 0, 0)) for at in (10, 20)]
        await chat.row(alice, None, PICTURE, album=album, caption="put them together")
        assert inputs(chat) == 2
        await chat.quiet()
        await chat.restart(**bucket)  # what is on this machine is gone
        assert not list((chat.folder / "media" / "partial").glob("copy-*"))
        (edited,) = await chat.row(alice, "in the snow", PICTURE, reply_to=drawn["message_id"])
        assert inputs(chat) == 1
        said = await chat.press(alice, drawn, "Original file")
        assert said == "Here is the original file."
        await chat.said_last(alice, "[file picture-1-1.png]*")
        await chat.row(alice, "/history", "[photo]*")
        await chat.row(alice, "/export", "[file my-data.zip]")
        await chat.delete(alice, edited)
        gone = {one.sha256 for one in await pictures(chat) if one.deleted}
        assert len(gone) == 1
        (question,) = await chat.row(alice, "/forget", "*{Erase everything|Keep}")
        await chat.press(alice, question, "Erase everything")
        await chat.said_last(alice, "Your prompts, pictures, settings and name are erased.")
        await everything_goes(s3, chat)
        assert s3.names() == set()
        assert not list((chat.folder / "media").glob("??"))


async def test_no_picture_is_lost_or_bought_twice_while_the_bucket_is_away_for_seconds(
    start: Start, s3: S3, bucket: dict[str, str]
) -> None:
    async with start(**bucket) as chat:
        with chat.gateway.hold() as gate:
            chat.alice.send(text="a red fox")
            chat.bob.send(photo=image(), caption="make it blue")
            await chat.gateway.until(lambda: gate.waiting)
            s3.stop()
        coming_back = threading.Timer(5, s3.come_back)
        coming_back.start()
        await chat.sees(chat.alice, PICTURE)
        await chat.sees(chat.bob, PICTURE)
        coming_back.join()
        assert await chat.states() == [JobState.DELIVERED] * 2
        assert len(chat.gateway.calls) == 2
        assert await in_bucket(s3, chat)


async def test_what_is_kept_by_one_who_dies_is_delivered_by_the_next_from_the_bucket(
    tmp_path: Path, bucket: dict[str, str], s3: S3
) -> None:
    async with running(tmp_path, **bucket) as bot:
        with bot.telegram.hold("editMessageMedia", "before") as gate:
            bot.alice.send(text="a red fox")
            await gate.reached()
            await bot.kill()
        await bot.begin(MEDIA_TEMP_DIR=str(tmp_path / "elsewhere"))
        await bot.sees(bot.alice, PICTURE)
        assert len(bot.gateway.calls) == 1
        assert await in_bucket(s3, bot)


async def test_killed_between_keeping_and_noting_it_leaves_a_file_that_goes(
    tmp_path: Path, bucket: dict[str, str], s3: S3
) -> None:
    async with running(tmp_path, **bucket) as bot:
        s3.held = "/bot/", threading.Event()
        s3.answers_late = True
        bot.alice.send(text="a red fox")
        async with patient():
            while not s3.names():
                await asyncio.sleep(0.02)
        await bot.kill()
        assert await pictures(bot) == []
        s3.held[1].set()
        s3.held = None
        await bot.begin()
        await bot.sees(bot.alice, PICTURE)
        await bot.quiet()
        assert len(s3.names()) == 2
        await everything_goes(s3, bot)
        assert s3.names() == names_of(await pictures(bot))


@pytest.mark.usefixtures("impatient")
async def test_while_the_bucket_does_not_answer_nothing_more_is_bought_and_what_waits_is_drawn_later(
    start: Start, s3: S3, bucket: dict[str, str]
) -> None:
    async with start(**bucket) as chat:
        s3.stop()
        await chat.row(chat.alice, "a red fox", "Something went wrong on my side.*{Try again}")
        chat.alice.send(text="a blue fox")
        async with patient():
            while len(await chat.jobs()) < 2 or (await chat.jobs())[1].claim < 1:
                await asyncio.sleep(0.02)
        s3.come_back()
        await chat.said_last(chat.alice, PICTURE)
        assert await chat.states() == [JobState.FAILED, JobState.DELIVERED]
        red, blue = (call.prompt for call in chat.gateway.calls)
        assert (red[:9], blue[:10]) == ("a red fox", "a blue fox")
        totals = await chat.store.read(lambda tx: tx.ledger.totals(chat.alice.id, now()))
        assert totals[Period.ALL].pictures == 1


@pytest.mark.usefixtures("impatient")
async def test_a_bucket_that_does_not_answer_is_told_until_it_does_and_nobody_asks_it_to_know(
    start: Start, s3: S3, bucket: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_files, "_LOOK_AGAIN", 0.3)
    for module, name, seconds in (
        (checks, "PAUSE", 0.1),
        (health, "TRUSTED", 0),
        (scrape, "TRUSTED", 0),
    ):
        monkeypatch.setattr(module, name, seconds)
    address = free_address()
    bucket |= {"ADMIN_IDS": "1001", "WEB_ADDRESS": address, "WEB_SHOW_CONTENT": "true"}
    async with start(**bucket) as chat:
        await chat.row(chat.bob, "a red fox", PICTURE)
        await chat.quiet()
        await chat.restart(**bucket)  # no copy of it is here any more
        async with logged_in(chat, address) as client:

            async def told() -> tuple[object, bool, bool]:
                """What /readyz says of the bucket, whether it is up, and whether it needs somebody."""
                ready = (await client.get("/readyz")).json().get("bucket")
                up = 'picturebot_up{part="bucket"} 1.0' in (await client.get("/metrics")).text
                return ready, up, "The bucket of pictures" in (await client.get("/admin")).text

            async def picture() -> tuple[int, bool]:
                answer = await client.get("/admin/jobs/1/pictures/0")
                return answer.status_code, "The bucket of pictures does not answer." in answer.text

            assert await told() == ("ok", True, False)
            before = len(s3.requests)
            for _ in range(5):
                await told()
            assert s3.requests[before:] == []
            s3.stop()
            assert await told() == ("ok", True, False)  # nobody has had to ask it
            assert await picture() == (503, True)
            assert await told() == ("failing", False, True)
            await chat.said_last(
                chat.alice, "*The bucket of pictures (MEDIA_URL) does not answer.*"
            )
            assert await told() == ("failing", False, True)
            s3.come_back()
            async with patient():
                while await told() != ("ok", True, False):
                    await asyncio.sleep(0.05)
            assert await picture() == (200, False)
            await chat.said_last(
                chat.alice, "*The bucket of pictures (MEDIA_URL) does not answer.*"
            )
