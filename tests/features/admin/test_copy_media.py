"""Moving pictures by the command itself: into a bucket and back, over real HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from datetime import timedelta
from pathlib import Path

import obstore
import pytest

from tests.support.command import PROGRAM, Ended, ended, running
from tests.support.s3 import BUCKET, S3, SECRET
from tests.support.waiting import patient

PLACE = f"s3://{BUCKET}/bot"
CONTENTS = [bytes([number]) * 1000 for number in range(4)]
NAMES = [hashlib.sha256(content).hexdigest() for content in CONTENTS]
AGE = timedelta(days=30).total_seconds()


def keep(folder: Path, content: bytes) -> Path:
    sha256 = hashlib.sha256(content).hexdigest()
    file = folder / sha256[:2] / sha256
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    os.utime(file, (file.stat().st_mtime - AGE,) * 2)
    return file


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder of pictures, and of what is none."""
    folder = tmp_path / "kept"
    for content in CONTENTS:
        keep(folder, content)
    (folder / "partial").mkdir()
    (folder / "partial" / "half").write_bytes(b"half a picture")
    return folder


async def copied(s3: S3, folder: Path, source: object, target: object, **more: str) -> Ended:
    given = {"MEDIA_TEMP_DIR": str(folder / "temp"), "LOG_LEVEL": "CRITICAL", **s3.variables}
    end = await ended(folder, "copy-media", str(source), str(target), **given | more)
    assert SECRET not in end.stdout + end.stderr
    return end


def contents(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in folder.glob("??/*")}


async def test_pictures_are_moved_into_a_bucket_and_back(
    s3: S3, tmp_path: Path, kept: Path
) -> None:
    end = await copied(s3, tmp_path, kept, f"{PLACE}/")
    told = f"4 pictures (0.0 MB) are in {PLACE}, each compared\nset MEDIA_URL={PLACE}; "
    assert (end.code, end.stderr) == (0, "")
    assert end.stdout.startswith(told)
    assert s3.names() == {f"bot/{name[:2]}/{name}" for name in NAMES}
    end = await copied(s3, tmp_path, PLACE, tmp_path / "back")
    assert (end.code, end.stderr) == (0, "")
    assert contents(tmp_path / "back") == set(CONTENTS)
    assert not [path for path in (tmp_path / "temp").rglob("*") if path.is_file()]


async def test_a_picture_that_is_there_is_not_sent_again_and_one_that_has_rotted_is(
    s3: S3, tmp_path: Path, kept: Path
) -> None:
    await copied(s3, tmp_path, kept, PLACE)
    rotten = f"bot/{NAMES[0][:2]}/{NAMES[0]}"
    obstore.put(s3.store(), rotten, b"x" * 1000)
    keep(kept, b"a new one")
    s3.sent()
    end = await copied(s3, tmp_path, kept, PLACE)
    assert "5 pictures (0.0 MB)" in end.stdout
    assert "each compared, 3 of them were there\n" in end.stdout
    assert len(s3.sent()) == 2
    assert bytes(obstore.get(s3.store(), rotten).bytes()) == CONTENTS[0]


async def test_from_folder_to_folder_the_time_of_the_last_use_stays(
    s3: S3, tmp_path: Path, kept: Path
) -> None:
    end = await copied(s3, tmp_path, kept, tmp_path / "there")
    assert end.code == 0
    assert times(tmp_path / "there") == times(kept)


async def test_one_that_is_damaged_is_named_and_left_out(
    s3: S3, tmp_path: Path, kept: Path
) -> None:
    (kept / NAMES[0][:2] / NAMES[0]).write_bytes(b"rot")
    end = await copied(s3, tmp_path, kept, PLACE)
    assert end.code == 1
    assert end.stdout.startswith("3 pictures")
    assert end.stderr == f"1 are damaged in FROM and left out: {NAMES[0]}\n"
    assert f"bot/{NAMES[0][:2]}/{NAMES[0]}" not in s3.names()


async def test_who_is_killed_in_the_middle_goes_on(s3: S3, tmp_path: Path, kept: Path) -> None:
    for number in range(60):
        keep(kept, b"more" * number)
    s3.held = sorted(times(kept))[30], threading.Event()
    command = (str(kept), PLACE)
    given = {"MEDIA_TEMP_DIR": str(tmp_path / "temp"), **s3.variables}
    async with running(tmp_path, "copy-media", *command, program=PROGRAM, **given) as copying:
        async with patient():
            while len(s3.names()) < 20:
                await asyncio.sleep(0.02)
        copying.process.kill()
        await copying.process.wait()
    s3.held[1].set()
    s3.held = None
    end = await copied(s3, tmp_path, kept, PLACE)
    assert end.code == 0
    assert len(s3.names()) == 64
    assert "of them were there" in end.stdout


def times(folder: Path) -> dict[str, float]:
    return {path.name: path.stat().st_mtime for path in folder.glob("??/*")}


@pytest.mark.parametrize(
    ("words", "changes", "code", "told"),
    [
        (("nowhere", PLACE), {}, 2, "FROM: there is no folder "),
        (("kept", "kept/"), {}, 2, "FROM and TO are the same place"),
        (("kept", "ftp://host/x"), {}, 2, "TO must be a directory, a file:// or an s3:// URL"),
        (("kept", "s3://"), {}, 2, "TO must be s3:// and the name of a bucket"),
        (("s3://nobody", "kept"), {}, 1, "FROM cannot be copied: s3://nobody: NoSuchBucket"),
        (("kept", "s3://nobody"), {}, 1, "TO cannot be used: "),
        ((PLACE, "kept"), {}, 1, f"FROM cannot be copied: there are no pictures in {PLACE}"),
        (("kept", "/proc/x"), {}, 1, "TO cannot be used: "),
        (("kept", "there"), {"MIN_FREE_MB": "999999999"}, 1, "TO cannot be used: "),
        (("kept", PLACE), {"AWS_ENDPOINT_URL": "http://a.org"}, 2, "TO cannot be used: AWS_END"),
    ],
)
async def test_what_cannot_be_is_told_in_a_line(
    s3: S3,
    tmp_path: Path,
    kept: Path,
    words: tuple[str, str],
    changes: dict[str, str],
    code: int,
    told: str,
) -> None:
    source, target = (
        word if ":" in word or word.startswith("/") else f"{tmp_path}/{word}" for word in words
    )
    end = await copied(s3, tmp_path, source, target, **changes)
    assert (end.code, end.stdout, end.stderr.count("\n")) == (code, "", 1), end
    assert end.stderr.startswith(told)
    assert contents(kept) == set(CONTENTS)
