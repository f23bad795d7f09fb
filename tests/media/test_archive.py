"""The archive: what fits is in it, and it never grows beyond what it may."""

from __future__ import annotations

import secrets
from pathlib import Path
from zipfile import ZipFile

import pytest

from bot.media.archive import ENTRY_BYTES, Archive


def test_what_was_added_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(b"pixels")
    archive = Archive(pictures=1000, words=1000)
    assert archive.add(tmp_path / "picture", "pictures/1.png")
    assert archive.write('{"a": "')
    assert archive.write("ü")
    with archive.finish("data.json", '"}') as file, ZipFile(file) as read:
        assert read.read("pictures/1.png") == b"pixels"
        assert read.read("data.json").decode() == '{"a": "ü"}'
        assert read.testzip() is None


def test_a_picture_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    archive = Archive(pictures=1000, words=1000)
    assert not archive.add(tmp_path / "none", "1.png")
    archive.abandon()


def test_what_does_not_fit_is_left_out(tmp_path: Path) -> None:
    for name, size in (("large", 600), ("small", 50)):
        (tmp_path / name).write_bytes(bytes(size))
    archive = Archive(pictures=500 + ENTRY_BYTES, words=200)
    assert not archive.add(tmp_path / "large", "large")
    assert archive.add(tmp_path / "small", "small")
    noise = secrets.token_hex(300)
    assert not archive.write(noise)
    assert archive.write("a fox " * 1000)  # what counts is how large it is in the file
    assert not archive.write(noise)
    with archive.finish("data.json", "") as file, ZipFile(file) as read:
        assert read.namelist() == ["small", "data.json"]
        assert read.read("data.json") == b"a fox " * 1000
        assert read.getinfo("data.json").compress_size <= 200


def test_an_abandoned_archive_is_closed() -> None:
    archive = Archive(pictures=10, words=10)
    archive.abandon()
    with pytest.raises(ValueError, match="closed"):
        archive.write("x")
