"""The end of a picture's file: a cut one is known, a whole one with something behind it is whole."""

from __future__ import annotations

from pathlib import Path

import pillow_heif
import pytest

from bot.media.inspect import is_complete
from tests.gateway.pictures import picture as encoded

pillow_heif.register_heif_opener()

KINDS = ["PNG", "JPEG", "WEBP", "GIF", "AVIF", "HEIC"]


def picture(kind: str) -> bytes:
    return encoded("HEIF" if kind == "HEIC" else kind)


def is_whole(tmp_path: Path, data: bytes, kind: str) -> bool:
    path = tmp_path / "picture"
    path.write_bytes(data)
    with path.open("rb") as file:
        return is_complete(file, f"image/{kind.lower()}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_picture_is_whole_whatever_follows_it(kind: str, tmp_path: Path) -> None:
    data = picture(kind)
    behind = b"\0\n" if kind == "GIF" else b"a maker's own words" * 50
    assert is_whole(tmp_path, data, kind)
    assert is_whole(tmp_path, data + behind, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_is_cut_anywhere_is_not_whole(kind: str, tmp_path: Path) -> None:
    data = picture(kind)
    end = len(data) - 3 if kind == "WEBP" else len(data) - 1
    cuts = [at for at in range(8, end, 7) if kind != "GIF" or data[at - 1 : at] != b";"]
    assert cuts
    assert not any(is_whole(tmp_path, data[:at], kind) for at in cuts)


def test_a_preview_in_a_jpeg_does_not_end_it(tmp_path: Path) -> None:
    data = picture("JPEG")
    preview = b"\xff\xe1" + (len(data) + 2).to_bytes(2) + data
    assert is_whole(tmp_path, data[:2] + preview + data[2:], "JPEG")
    assert not is_whole(tmp_path, data[:2] + preview + data[2:-2], "JPEG")


def test_a_type_that_tells_no_end_is_taken_for_whole(tmp_path: Path) -> None:
    assert is_whole(tmp_path, b"x", "TIFF")
