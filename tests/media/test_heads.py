"""Heads: the size that the first bytes say is the one that a decoder finds, and costs few reads."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bot.media.bounds import SEGMENTS
from bot.media.heads import KNOWN, size
from tests.media.test_animated import film
from tests.media.test_inspect import SAMPLES, encoded

OPTIONS: dict[str, list[dict[str, object]]] = {
    "image/png": [{}],
    "image/gif": [{}],
    "image/jpeg": [{}, {"progressive": True}, {"comment": b"\xff\xc0 words"}, {"exif": b"x" * 999}],
    "image/webp": [{"method": 0}, {"lossless": True, "method": 0}, {"method": 0, "exif": b"x"}],
}


class Counting(BytesIO):
    """A file that counts how often it is read."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        return super().read(size)


@given(
    kind=st.sampled_from([(mime, options) for mime in KNOWN for options in OPTIONS[mime]]),
    mode=st.sampled_from(["L", "RGB", "RGBA"]),
    sides=st.tuples(st.integers(1, 300), st.integers(1, 300)),
)
def test_the_size_is_what_was_written(
    kind: tuple[str, dict[str, object]], mode: str, sides: tuple[int, int]
) -> None:
    mime, options = kind
    image = Image.new("RGB" if mime == "image/jpeg" and mode == "RGBA" else mode, sides)
    assert size(BytesIO(encoded(mime, image, **options)), mime) == sides


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF"])
def test_the_size_of_what_moves_is_its_canvas(form: str) -> None:
    assert size(BytesIO(film(form)), f"image/{form.lower()}") == (40, 40)


@pytest.mark.parametrize("mime", sorted(KNOWN))
def test_a_head_that_is_cut_tells_nothing_wrong(mime: str) -> None:
    data = SAMPLES[mime]
    for end in range(200):
        assert size(BytesIO(data[:end]), mime) in {None, (96, 64)}


JPEG = SAMPLES["image/jpeg"]
BOMBS = {
    "comments": JPEG[:2] + b"\xff\xfe\0\2" * 100_000 + JPEG[2:],
    "padding": JPEG[:2] + b"\xff" * 100_000 + JPEG[2:],
    "restarts": JPEG[:2] + b"\xff\xd0" * 100_000 + JPEG[2:],
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_head_of_too_many_parts_is_left_alone(bomb: str) -> None:
    file = Counting(BOMBS[bomb])
    assert size(file, "image/jpeg") is None
    assert file.reads <= SEGMENTS


def test_a_side_of_nothing_is_no_picture() -> None:
    gif = bytearray(SAMPLES["image/gif"])
    gif[6:8] = b"\0\0"
    assert size(BytesIO(gif), "image/gif") is None


async def test_the_bot_does_without_pillow_until_it_needs_it() -> None:
    words = "import sys, bot.app; sys.exit('PIL' in sys.modules)"
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", words], check=False)
    assert done.returncode == 0
