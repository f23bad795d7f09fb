"""Own data: which files an erasure may delete, and that a crash does not keep them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.domain import Drawn, Job, NewJob, Picture, Request, Wake, now
from bot.features.privacy.service import PrivacyService
from bot.jobs.cleanup import STRAY, STRAY_IN_NEED, Cleanup
from bot.jobs.dispatch import LocalDispatch
from bot.media.store import MediaStore, StoredFile
from bot.storage import Transaction, schema
from bot.storage.engine import Store
from tests.storage.rows import erase
from tests.support.conversation import PICTURE
from tests.support.media import file_of
from tests.support.process import running

ANN, BOB = 1001, 1002
MINUTE = timedelta(minutes=1)


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    url = f"sqlite:///{tmp_path}/bot.db"
    await schema.prepare(url)
    opened = await Store.open(url)
    yield opened
    await opened.close()


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return MediaStore.open(tmp_path / "media")


@pytest.fixture
def own_data(store: Store, media: MediaStore) -> PrivacyService:
    return PrivacyService(store=store, media=media, dispatch=LocalDispatch(1, _none), clock=now)


async def _none(_limit: int, _after: int) -> list[Wake]:
    return []


def used(media: MediaStore, sha256: str, at: datetime) -> None:
    """Say when a file was last used."""
    os.utime(file_of(media, sha256), (at.timestamp(), at.timestamp()))


async def begun(store: Store, account_id: int, at: datetime) -> Job:
    """Accept and claim a job."""
    asked = NewJob(
        account_id=account_id,
        chat_id=account_id,
        message_id=1,
        request=Request("a fox", "painter"),
        locale="en",
    )

    def begin(tx: Transaction) -> Job:
        job = tx.jobs.add(asked, at)
        assert job
        tx.ledger.reserve(account_id, job.id, 1, at, 0, 0)
        tx.jobs.admit(account_id, 9)
        claimed = tx.jobs.claim(Wake(job.id, 0), at)
        assert claimed
        return claimed

    return await store.write(begin)


async def keep(store: Store, job: Job, stored: StoredFile) -> None:
    """Note a file as what a job has drawn."""
    drawn = Drawn((Picture(0, stored.sha256, "image/png", 1, 1, stored.size),))
    assert await store.write(lambda tx: tx.jobs.keep(job.id, job.claim, drawn, now()))


async def test_nobodys_file_is_deleted(media: MediaStore, own_data: PrivacyService) -> None:
    stored = await media.put(b"a fox")
    used(media, stored.sha256, now() - MINUTE)
    assert await own_data.discard([stored.sha256, "0" * 64]) == 1
    assert await media.size(stored.sha256) is None


async def test_a_file_that_is_somebody_elses_picture_stays(
    store: Store, media: MediaStore, own_data: PrivacyService
) -> None:
    stored = await media.put(b"a fox")
    await keep(store, await begun(store, BOB, now()), stored)
    used(media, stored.sha256, now() - MINUTE)
    assert await own_data.discard([stored.sha256]) == 0
    assert await media.size(stored.sha256) == stored.size


async def test_a_file_that_a_running_job_may_have_brought_stays(
    store: Store, media: MediaStore, own_data: PrivacyService
) -> None:
    old, young = await media.put(b"a fox"), await media.put(b"a hare")
    job = await begun(store, BOB, now() - MINUTE)
    used(media, old.sha256, now() - 2 * MINUTE)
    used(media, young.sha256, now() - MINUTE / 2)
    assert await own_data.discard([old.sha256, young.sha256]) == 1
    await keep(store, job, young)  # now it is known whose it is
    assert await media.size(young.sha256) == young.size


@pytest.mark.parametrize("days", [0, 30])
async def test_strays_go_after_a_day_and_pictures_stay(
    store: Store, media: MediaStore, days: int
) -> None:
    picture, stray, fresh = [await media.put(data) for data in (b"a fox", b"a hare", b"a cat")]
    await keep(store, await begun(store, BOB, now()), picture)
    for stored in (picture, stray):
        used(media, stored.sha256, now() - STRAY - MINUTE)
    await Cleanup(store, media, days, now).tidy()
    assert [await media.size(stored.sha256) for stored in (picture, stray, fresh)] == [5, None, 5]


async def test_where_the_disk_is_full_strays_go_at_once(store: Store, media: MediaStore) -> None:
    names = (b"a fox", b"a hare", b"a cat")
    picture, stray, fresh = [await media.put(data) for data in names]
    await keep(store, await begun(store, BOB, now()), picture)
    for stored in (picture, stray):
        used(media, stored.sha256, now() - STRAY_IN_NEED - MINUTE)
    await Cleanup(store, media, 0, now).make_room()
    assert [await media.size(stored.sha256) for stored in (picture, stray, fresh)] == [5, None, 5]


async def test_what_a_long_job_has_brought_is_no_stray(store: Store, media: MediaStore) -> None:
    stored = await media.put(b"a fox")
    await begun(store, BOB, now() - 2 * STRAY)
    used(media, stored.sha256, now() - STRAY - MINUTE)
    await Cleanup(store, media, 0, now).tidy()
    assert await media.size(stored.sha256) == 5


async def test_pictures_go_after_their_days_unless_they_are_undelivered(
    store: Store, media: MediaStore
) -> None:
    stored = await media.put(b"a fox")
    job = await begun(store, BOB, now())
    await keep(store, job, stored)
    used(media, stored.sha256, now() - timedelta(days=31))
    await Cleanup(store, media, 30, now).tidy()
    assert await media.size(stored.sha256) == 5
    await store.write(erase, BOB, now())
    await Cleanup(store, media, 30, now).tidy()
    assert await media.size(stored.sha256) is None


async def test_killed_before_the_files_were_deleted(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        await bot.row(bot.alice, "a red fox", PICTURE)
        await bot.quiet()
        (question,) = await bot.row(bot.alice, "/forget", "Shall I erase*")
        media = MediaStore.open(bot.folder / "media")
        (picture,) = await bot.store.read(lambda tx: tx.pictures.of_job(1))
        # As young as after a render this moment: it is left to housekeeping, which dies, too.
        used(media, picture.sha256, now() + MINUTE)
        with bot.telegram.hold("editMessageText", "before") as gate:
            bot.alice.press_only(bot.alice, question["message_id"], "Erase everything")
            await gate.reached()
            await bot.kill()
        await bot.begin()
        assert await media.size(picture.sha256) == picture.size
        used(media, picture.sha256, now() - STRAY - MINUTE)
        await Cleanup(bot.store, media, 0, now).tidy()
        assert await media.size(picture.sha256) is None
        await bot.quiet()
        job = await bot.store.read(lambda tx: tx.jobs.get(1))
        assert job
        assert job.request.erased


async def test_killed_between_two_slices(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        await bot.row(bot.alice, "a red fox", PICTURE)
        await bot.quiet()
        (question,) = await bot.row(bot.alice, "/forget", "Shall I erase*")
        await bot.quiet()
        # As committed by the press, before anything finished was erased.
        await bot.kill()
        begun = bot.alice.id, now(), "en", question["message_id"]
        assert await bot.store.write(lambda tx: tx.erasure.begin(*begun))
        await bot.begin()
        await bot.said_last(bot.alice, "Your prompts, pictures, settings and name are erased.")
        job = await bot.store.read(lambda tx: tx.jobs.get(1))
        assert job
        assert job.request.erased
