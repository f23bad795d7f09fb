"""The media store in a bucket, on a real S3 server: nothing stays on this machine alone."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import pytest
import pytest_asyncio

from bot.config import load_settings
from bot.domain import InputError, InputProblem, MediaUnavailable, StartError
from bot.media import bucket, bucket_files
from bot.media.inputs import open_inputs
from bot.media.store import MediaStore, StoredFile, TooLarge, open_media
from tests.support.conversation import image
from tests.support.s3 import BUCKET, S3, SECRET
from tests.support.waiting import patient

DATA = bytes(range(256)) * 100
NAME = hashlib.sha256(DATA).hexdigest()
LARGE = 12 << 20  # bytes: three parts
LATER = timedelta(days=2)


async def opened(s3: S3, folder: Path, **changes: str) -> MediaStore:
    """Open the store as a process of its own on a machine of its own would."""
    given = {"MEDIA_URL": f"s3://{BUCKET}/bot", "MEDIA_TEMP_DIR": str(folder), **s3.variables}
    return await open_media(load_settings(given | changes, None))


@pytest_asyncio.fixture
async def here(s3: S3, tmp_path: Path) -> AsyncIterator[MediaStore]:
    store = await opened(s3, tmp_path / "here")
    yield store
    store.close()


@pytest_asyncio.fixture
async def there(s3: S3, tmp_path: Path) -> AsyncIterator[MediaStore]:
    store = await opened(s3, tmp_path / "there")
    yield store
    store.close()


async def content(store: MediaStore, sha256: str) -> bytes:
    return b"".join([data async for data in store.read(sha256, 1 << 20)])


def on_disk(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def never(_names: Sequence[str]) -> asyncio.Future[set[str]]:
    nothing = asyncio.get_running_loop().create_future()
    nothing.set_result(set())
    return nothing


async def test_what_one_keeps_another_reads_sizes_and_deletes(
    s3: S3, here: MediaStore, there: MediaStore
) -> None:
    assert await here.put(DATA) == StoredFile(NAME, len(DATA))
    assert s3.names() == {f"bot/{NAME[:2]}/{NAME}"}
    assert await there.size(NAME) == len(DATA)
    assert await content(there, NAME) == DATA
    assert await there.weigh() == len(DATA)
    await there.delete(NAME)
    assert s3.names() == set()
    assert await there.size(NAME) is None
    with pytest.raises(InputError) as caught:
        await content(there, NAME)
    assert caught.value.problem is InputProblem.GONE


async def test_a_large_one_goes_in_parts(s3: S3, here: MediaStore, there: MediaStore) -> None:
    async with here.writer(LARGE) as writer:
        for _ in range(LARGE >> 20):
            await writer.write(bytes(1 << 20))
        kept = await writer.commit()
    assert 1 << 20 < max(size for *_, size in s3.requests) <= 5 << 20
    assert hashlib.sha256(await content(there, kept.sha256)).hexdigest() == kept.sha256


async def test_what_is_not_committed_is_nowhere(s3: S3, here: MediaStore, tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        async with here.writer(10) as writer:
            await writer.write(DATA)
    async with here.writer(LARGE) as writer:
        await writer.write(bytes(8 << 20))
    assert (s3.names(), on_disk(tmp_path)) == (set(), [])


async def test_copies_of_this_machine_are_few_and_of_those_in_use_last(
    here: MediaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_files, "_COPIES", 0)
    async with here.local((await here.put(DATA)).sha256) as path:
        for number in range(3):
            await here.put(bytes([number]))
        assert path.read_bytes() == DATA
        assert len(on_disk(tmp_path)) == 1
    assert on_disk(tmp_path) == []


async def test_a_copy_that_is_deleted_while_it_is_lent_goes_when_it_is_given_back(
    here: MediaStore, tmp_path: Path
) -> None:
    await here.put(DATA)
    async with here.local(NAME) as path, here.local(NAME):
        await here.delete(NAME)
        assert path.read_bytes() == DATA
        with pytest.raises(InputError):  # nobody else gets it
            await content(here, NAME)
    assert on_disk(tmp_path) == []
    await here.put(DATA)
    async with here.local(NAME) as path:
        here.close()
        assert path.read_bytes() == DATA
    assert on_disk(tmp_path) == []


async def test_other_bytes_under_its_name_are_no_picture(
    s3: S3, here: MediaStore, there: MediaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_files, "_USED_ANEW", timedelta(0))
    stored = await here.put(image(600, 400))
    obstore.put(s3.store(), f"bot/{stored.sha256[:2]}/{stored.sha256}", image(300, 200))
    s3.sent()
    async with open_inputs(there) as inputs:
        for _ in range(2):
            with pytest.raises(InputError) as caught:
                await content(there, stored.sha256)
            assert caught.value.problem is InputProblem.GONE
            with pytest.raises(InputError):
                await inputs.small(stored.sha256, 60)
    assert s3.sent() == []  # nor is it told to be in use
    assert on_disk(tmp_path / "there") == []
    assert await here.size(stored.sha256)  # the machine that has it goes on
    assert not here.files.is_whole(stored.sha256)


async def test_a_copy_that_is_old_goes_by_itself(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_files, "_COPY_SECONDS", 0.05)
    store = await opened(s3, tmp_path)
    await store.put(DATA)
    async with patient():
        while on_disk(tmp_path):
            await asyncio.sleep(0.01)
    store.close()
    assert s3.names() != set()


async def test_a_use_long_after_the_last_one_is_noted(
    s3: S3, here: MediaStore, there: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await here.put(DATA)
    monkeypatch.setattr(bucket_files, "_USED_ANEW", timedelta(0))
    s3.sent()
    assert await content(there, NAME) == DATA
    assert len(s3.sent()) == 1


async def test_only_what_is_old_and_nobodys_expires(s3: S3, here: MediaStore) -> None:
    kept, stray = (await here.put(b"a fox")).sha256, (await here.put(b"a hare")).sha256
    obstore.put(s3.store(), "bot/notes.txt", b"somebody else's")

    async def known(names: Sequence[str]) -> set[str]:
        return {kept} & set(names)

    assert await here.expire(datetime.now(UTC) - LATER, known) == 0
    assert await here.expire(datetime.now(UTC) + LATER, known) == 1
    assert await here.size(stray) is None
    assert s3.names() == {f"bot/{kept[:2]}/{kept}", "bot/notes.txt"}
    assert await here.drop([kept], datetime.now(UTC) - LATER) == 0
    assert await here.drop([kept, stray], datetime.now(UTC) + LATER) == 1


async def test_what_another_has_brought_again_since_it_was_listed_stays(
    s3: S3, here: MediaStore, there: MediaStore
) -> None:
    await here.put(DATA)
    await asyncio.sleep(2.1)  # S3 counts whole seconds
    at = datetime.now(UTC)

    async def brought_again(_names: Sequence[str]) -> set[str]:
        await there.put(DATA)
        return set()

    assert await here.expire(at, brought_again) == 0
    assert s3.names() != set()


async def test_it_is_decoded_from_a_copy(here: MediaStore, there: MediaStore) -> None:
    stored = await here.put(image(600, 400))
    async with open_inputs(there) as inputs:
        assert (await inputs.small(stored.sha256, 60))[8:12] == b"WEBP"
        with pytest.raises(InputError) as caught:
            await inputs.small(NAME, 60)
    assert caught.value.problem is InputProblem.GONE


async def test_an_outage_of_some_seconds_is_waited_out(
    s3: S3, here: MediaStore, there: MediaStore
) -> None:
    await here.put(b"a fox")
    s3.stop()
    coming_back = threading.Timer(5, s3.come_back)
    coming_back.start()
    read = content(there, hashlib.sha256(b"a fox").hexdigest())
    kept, found = await asyncio.gather(here.put(DATA), read)
    coming_back.join()
    assert (kept.sha256, found) == (NAME, b"a fox")
    assert s3.names() >= {f"bot/{NAME[:2]}/{NAME}"}


async def test_one_that_lasts_is_told_and_nothing_more_is_bought_meanwhile(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient: dict[str, object] = {**bucket._RETRIES, "retry_timeout": timedelta(seconds=0.2)}
    monkeypatch.setattr(bucket, "_RETRIES", impatient)
    monkeypatch.setattr(bucket_files, "_LOOK_AGAIN", 0.0)
    store = await opened(s3, tmp_path / "impatient")
    await store.check()
    s3.stop()
    with pytest.raises(MediaUnavailable, match="cannot be reached"):
        await store.put(DATA)
    with pytest.raises(MediaUnavailable):
        await store.check()
    assert on_disk(tmp_path / "impatient") == []
    s3.come_back()
    await store.check()
    await store.put(DATA)
    store.close()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"MEDIA_URL": "s3://nobody"}, "MEDIA_URL cannot be used: s3://nobody: NoSuchBucket"),
        ({"AWS_ENDPOINT_URL": "http://s3.example.org"}, "AWS_ENDPOINT_URL must be https://"),
        ({"MEDIA_TEMP_DIR": "/proc/x"}, "MEDIA_TEMP_DIR cannot be used: "),
    ],
)
async def test_what_cannot_be_used_is_told_in_a_line_at_the_start(
    s3: S3, tmp_path: Path, changes: dict[str, str], told: str
) -> None:
    with pytest.raises(StartError, match=told) as caught:
        await opened(s3, tmp_path, **changes)
    assert SECRET not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
