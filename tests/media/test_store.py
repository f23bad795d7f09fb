"""The media store: whole and durable or not at all, on a real directory."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import InputError, InputProblem, StartError
from bot.media.store import MediaStore, StoredFile, TooLarge
from bot.tg.files import Upload
from tests.support.media import file_of

DATA = bytes(range(256)) * 5000  # 1.28 MB: held as a whole
LARGE = DATA * 4  # 5.1 MB: written as it comes
NAME = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore.open(tmp_path / "media")


def files(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def bytes_in(root: Path) -> int:
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


async def content(store: MediaStore, sha256: str, piece: int = 192 * 1024) -> list[bytes]:
    return [data async for data in store.read(sha256, piece)]


def age(store: MediaStore, sha256: str, days: int) -> None:
    then = (datetime.now(UTC) - timedelta(days=days)).timestamp()
    os.utime(file_of(store, sha256), (then, then))


async def never(_old: Sequence[str]) -> set[str]:
    return set()


async def test_what_is_put_is_read_back_by_its_sha256(store: MediaStore) -> None:
    assert await store.put(DATA) == StoredFile(NAME, len(DATA))
    assert b"".join(await content(store, NAME)) == DATA
    assert await store.size(NAME) == len(DATA)
    assert file_of(store, NAME).read_bytes() == DATA


async def test_pieces_have_the_asked_size_but_the_last(store: MediaStore) -> None:
    await store.put(DATA)
    sizes = [len(piece) for piece in await content(store, NAME, 300_000)]
    assert sizes == [300_000, 300_000, 300_000, 300_000, 80_000]


async def test_an_empty_file_is_a_file(store: MediaStore) -> None:
    stored = await store.put(b"")
    assert stored.size == 0
    assert await content(store, stored.sha256) == []
    assert await store.size(stored.sha256) == 0


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.binary(max_size=5000), max_size=30))
async def test_however_the_bytes_are_cut_the_file_is_the_same(
    store: MediaStore, cuts: list[bytes]
) -> None:
    async with store.writer(1_000_000) as writer:
        for cut in cuts:
            await writer.write(cut)
        stored = await writer.commit()
    assert hashlib.sha256(b"".join(cuts)).hexdigest() == stored.sha256
    assert b"".join(await content(store, stored.sha256)) == b"".join(cuts)


async def test_exactly_the_limit_is_taken(store: MediaStore) -> None:
    async with store.writer(len(DATA)) as writer:
        await writer.write(DATA)
        assert (await writer.commit()).sha256 == NAME


async def test_a_byte_past_the_limit_is_refused_and_nothing_stays(
    store: MediaStore, tmp_path: Path
) -> None:
    async with store.writer(len(DATA) - 1) as writer:
        await writer.write(DATA[:-1])
        with pytest.raises(TooLarge) as caught:
            await writer.write(DATA[-1:])
    assert caught.value.limit == len(DATA) - 1
    assert files(tmp_path) == []


async def test_without_commit_nothing_stays(store: MediaStore, tmp_path: Path) -> None:
    async with store.writer(len(LARGE)) as writer:
        await writer.write(LARGE)
        assert len(files(tmp_path)) == 1
    assert files(tmp_path) == []


async def test_what_the_check_refuses_is_not_kept(store: MediaStore, tmp_path: Path) -> None:
    def refuse(file: BinaryIO) -> None:
        assert file.read() in (DATA, LARGE)
        raise LookupError("no picture")

    for data in (DATA, LARGE):
        async with store.writer(len(data)) as writer:
            await writer.write(data)
            with pytest.raises(LookupError, match="no picture"):
                await writer.commit_checked(refuse)
        assert files(tmp_path) == []


async def test_a_checked_picture_is_at_hand_once_and_kept_for_ever(store: MediaStore) -> None:
    async with store.writer(len(DATA)) as writer:
        await writer.write(DATA)
        stored, size = await writer.commit_checked(lambda file: len(file.read()))
    assert (stored.sha256, size) == (NAME, len(DATA))
    with store.recent(NAME) as first, store.recent(NAME) as second:
        assert (first, second) == (DATA, None)
    assert b"".join(await content(store, NAME)) == DATA


async def test_writers_together_hold_no_more_than_their_share(
    store: MediaStore, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(30):  # 38 MB
            writer = await stack.enter_async_context(store.writer(len(DATA)))
            await writer.write(DATA)
        written = bytes_in(tmp_path)
        assert written >= 30 * len(DATA) - (17 << 20)


async def test_a_cancelled_writer_leaves_nothing(store: MediaStore, tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def endless() -> None:
        async with store.writer(10**9) as writer:
            while True:
                await writer.write(DATA)
                begun.set()

    task = asyncio.create_task(endless())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files(tmp_path) == []


async def test_a_writer_takes_nothing_after_its_commit(store: MediaStore) -> None:
    async with store.writer(10**7) as writer:
        await writer.commit()
        with pytest.raises(ValueError, match="closed"):
            await writer.commit()


async def test_the_same_bytes_are_kept_once(store: MediaStore, tmp_path: Path) -> None:
    stored = await asyncio.gather(*(store.put(DATA) for _ in range(8)))
    assert {StoredFile(NAME, len(DATA))} == set(stored)
    assert files(tmp_path) == [NAME]


async def test_a_damaged_file_is_replaced_by_the_whole_one(store: MediaStore) -> None:
    await store.put(DATA)
    file_of(store, NAME).write_bytes(DATA[:10])
    await store.put(DATA)
    assert b"".join(await content(store, NAME)) == DATA


@pytest.mark.parametrize("what", ["link", "pipe"])
async def test_nothing_is_read_through_a_link_or_from_a_pipe(
    store: MediaStore, tmp_path: Path, what: str
) -> None:
    file = file_of(store, NAME)
    (tmp_path / "secret").write_bytes(DATA)
    file.symlink_to(tmp_path / "secret") if what == "link" else os.mkfifo(file)
    assert await store.size(NAME) is None
    with pytest.raises(InputError) as caught:
        await content(store, NAME)
    assert caught.value.problem is InputProblem.GONE
    with pytest.raises(FileNotFoundError):
        async with Upload(
            partial(store.local, NAME), "fox.png", "image/png", 1, 1, len(DATA)
        ).input_file():
            pytest.fail("it was opened to be sent")
    await store.put(DATA)
    assert b"".join(await content(store, NAME)) == DATA


def test_a_folder_of_a_store_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "ab").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StartError, match="ab is a link"):
        MediaStore.open(tmp_path / "store")


async def test_what_is_not_kept_is_gone(store: MediaStore) -> None:
    assert await store.size(NAME) is None
    with pytest.raises(InputError) as caught:
        await content(store, NAME)
    assert caught.value.problem is InputProblem.GONE


async def test_deleting_twice_is_fine(store: MediaStore) -> None:
    await store.put(DATA)
    await store.delete(NAME)
    await store.delete(NAME)
    assert await store.size(NAME) is None


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, NAME[:-1], NAME + "\n"])
def test_only_a_sha256_names_a_file(store: MediaStore, name: str) -> None:
    with pytest.raises(ValueError, match="sha256"):
        file_of(store, name)


async def test_old_files_that_nobody_keeps_expire(store: MediaStore, tmp_path: Path) -> None:
    names = [(await store.put(bytes([number]))).sha256 for number in range(5)]
    for name in names[:3]:
        age(store, name, days=40)

    async def keep(old: Sequence[str]) -> set[str]:
        assert set(old) == set(names[:3])
        return {names[0]}

    assert await store.expire(datetime.now(UTC) - timedelta(days=30), keep) == 2
    assert sorted([names[0], *names[3:]]) == files(tmp_path)


async def test_a_file_that_was_brought_again_does_not_expire(store: MediaStore) -> None:
    await store.put(DATA)
    age(store, NAME, days=40)
    await store.put(DATA)
    assert await store.expire(datetime.now(UTC) - timedelta(days=30), never) == 0


async def test_a_file_that_is_read_does_not_expire(store: MediaStore) -> None:
    await store.put(DATA)
    age(store, NAME, days=40)
    await content(store, NAME)
    assert await store.expire(datetime.now(UTC) - timedelta(days=30), never) == 0


async def test_a_file_that_comes_back_while_it_is_judged_does_not_expire(
    store: MediaStore,
) -> None:
    await store.put(DATA)
    age(store, NAME, days=40)

    async def keep(_old: Sequence[str]) -> set[str]:
        await store.put(DATA)
        return set()

    assert await store.expire(datetime.now(UTC) - timedelta(days=30), keep) == 0
    assert await store.size(NAME) == len(DATA)


async def test_files_that_are_not_ours_never_expire(store: MediaStore, tmp_path: Path) -> None:
    foreign = tmp_path / "media" / "README"
    foreign.write_text("mine")
    os.utime(foreign, (0, 0))
    assert await store.expire(datetime.now(UTC), never) == 0
    assert foreign.exists()


KILLED = """
import asyncio, os, signal, sys
from bot.media.store import MediaStore

async def main():
    async with MediaStore.open(sys.argv[1]).writer(10**7) as writer:
        await writer.write(bytes(5 * 10**6))
        if sys.argv[2] == "committed":
            await writer.commit()
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.parametrize(("moment", "kept"), [("written", None), ("committed", 5 * 10**6)])
async def test_a_killed_process_leaves_the_whole_file_or_a_partial_that_expires(
    store: MediaStore, tmp_path: Path, moment: str, kept: int | None
) -> None:
    root = tmp_path / "media"
    command = [sys.executable, "-c", KILLED, str(root), moment]
    await asyncio.to_thread(subprocess.run, command, check=False)
    assert await store.size(hashlib.sha256(bytes(5 * 10**6)).hexdigest()) == kept
    if kept is None:
        assert len(files(root / "partial")) == 1
        assert await store.expire(datetime.now(UTC) + timedelta(days=1), never) == 1
    assert files(root / "partial") == []


def test_a_store_makes_its_directory(tmp_path: Path) -> None:
    MediaStore.open(str(tmp_path / "one"))
    assert (tmp_path / "one").is_dir()


def test_a_directory_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match="MEDIA_URL"):
        MediaStore.open(tmp_path / "file")
