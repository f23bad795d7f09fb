"""Photos as Telegram makes them of what is sent."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from sandbox.telegram.errors import ApiError
from sandbox.telegram.files import Files, render, sniff, thumbnail
from tests.sandbox.telegram.pictures import picture, size_of


def _lying(width: int, height: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "sizes"),
    [
        (picture(50, 40), [(50, 40)]),
        (picture(1280, 720), [(90, 51), (320, 180), (1280, 720)]),
        (picture(3000, 4000, "WEBP"), [(68, 90), (240, 320), (960, 1280)]),
        (_lying(800, 400), [(45, 90), (160, 320), (400, 800)]),
    ],
    ids=["small", "exact", "large", "on its side"],
)
def test_a_photo_shrinks_to_its_sizes(data: bytes, sizes: list[tuple[int, int]]) -> None:
    made = render(data)

    assert [(size.width, size.height) for size in made] == sizes
    assert [size_of(size.data) for size in made] == sizes
    assert {sniff(size.data) for size in made} == {"image/jpeg"}


def test_transparency_becomes_white() -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(buffer, "PNG")

    [made] = render(buffer.getvalue())

    with Image.open(io.BytesIO(made.data)) as image:
        assert image.getpixel((25, 25)) == (255, 255, 255)


@pytest.mark.parametrize("data", [b"", b"GIF89a", picture(kind="PNG")[:-200]])
def test_a_broken_photo_is_refused(data: bytes) -> None:
    with pytest.raises(ApiError, match="IMAGE_PROCESS_FAILED"):
        render(data)


def test_only_pictures_get_thumbnails() -> None:
    small = thumbnail(picture(900, 300, "PNG"), "image/png")

    assert small is not None
    assert (small.width, small.height) == (320, 107)
    assert thumbnail(picture(), "application/zip") is None
    assert thumbnail(b"no picture", "image/png") is None


def test_a_file_id_of_one_kind_is_not_the_other() -> None:
    files = Files(1_000_000)
    document = files.keep_document(b"x", "a.txt", "text/plain", None)["document"]

    with pytest.raises(ApiError, match="can't use file of type Document as Photo"):
        files.again(document["file_id"], "photo")
    stored = files.find(document["file_id"])
    assert stored is not None
    assert files.at(stored.path) is stored
