"""DiskSpace on the disk: looked at now and then, and told to the operator."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import structlog

from bot.media.disk_space import PAUSE, DiskSpace
from bot.media.folder_files import FolderFiles
from bot.media.store import MediaStore


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def nothing() -> None:
    """Make no room."""


def in_folder(folder: Path) -> MediaStore:
    return MediaStore(FolderFiles(folder))


def free(folder: Path) -> int:
    return shutil.disk_usage(folder).free >> 20


async def test_there_is_room_where_less_is_asked_for_than_is_free(tmp_path: Path) -> None:
    assert await DiskSpace(in_folder(tmp_path), free(tmp_path) // 2, Clock(), nothing).is_enough()


async def test_there_is_none_where_more_is_asked_for_and_the_log_says_so(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as said:
        assert not await DiskSpace(
            in_folder(tmp_path), 2 * free(tmp_path), Clock(), nothing
        ).is_enough()
    assert [line["event"] for line in said] == ["the disk is full: nothing is drawn"]


async def test_the_disk_is_looked_at_every_few_seconds(tmp_path: Path) -> None:
    folder, clock = tmp_path / "media", Clock()
    folder.mkdir()
    room = DiskSpace(in_folder(folder), 1, clock, nothing)
    assert await room.is_enough()
    folder.rmdir()
    clock.now = 4.0
    assert await room.is_enough()
    clock.now = 6.0
    with pytest.raises(FileNotFoundError):
        await room.is_enough()


async def test_nobody_looks_where_nothing_is_asked_for(tmp_path: Path) -> None:
    assert await DiskSpace(in_folder(tmp_path / "nowhere"), 0, Clock(), nothing).is_enough()


async def test_where_there_is_none_it_is_made_but_not_all_the_time(tmp_path: Path) -> None:
    clock, made = Clock(), list[float]()

    async def make() -> None:
        made.append(clock.now)

    space = DiskSpace(in_folder(tmp_path), 2 * free(tmp_path), clock, make)
    for seconds in (0.0, 6.0, PAUSE, PAUSE + 6.0):
        clock.now = seconds
        assert not await space.is_enough()
    assert made == [0.0, PAUSE + 6.0]


async def test_room_that_was_made_counts_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [1]

    async def make() -> None:
        left.append(5)

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=left[-1] << 20))
    assert await DiskSpace(in_folder(tmp_path), 3, Clock(), make).is_enough()
