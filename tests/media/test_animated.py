"""Motion: what is animated is told by its head, whatever the file holds."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.media.inputs import Inputs
from bot.media.inspect import is_animated
from tests.media.test_inputs import WIDE
from tests.support.media import file_of

MIMES = {"PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}


def film(form: str, frames: int = 3, size: int = 40) -> bytes:
    """Make a picture of so many frames, the first one red."""
    colours = [(220, 20, 20), (20, 220, 20), (20, 20, 220)][:frames]
    first, *others = [Image.new("RGBA", (size, size), (*colour, 255)) for colour in colours]
    file = BytesIO()
    more = {"save_all": True, "append_images": others, "duration": 100} if others else {}
    first.save(file, form, **more)
    return file.getvalue()


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
@pytest.mark.parametrize("frames", [1, 3])
async def test_films_move_and_pictures_do_not(form: str, frames: int, tmp_path: Path) -> None:
    file = tmp_path / "picture"
    file.write_bytes(film(form, frames))
    assert await is_animated(file, MIMES[form]) == (frames > 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    data=st.binary(max_size=200), beginning=st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"RIFF"])
)
async def test_whatever_a_file_holds_there_is_an_answer(
    data: bytes, beginning: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "picture"
    file.write_bytes(beginning + data)
    for mime in ("image/png", "image/webp", "image/jpeg"):
        assert await is_animated(file, mime) in (True, False)


async def test_what_is_gone_does_not_move(tmp_path: Path) -> None:
    assert not await is_animated(tmp_path / "nothing", "image/png")


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF"])
@pytest.mark.asyncio(loop_scope="module")
async def test_models_are_sent_the_first_frame(form: str, inputs: Inputs) -> None:
    kept = await inputs.media.put(film(form))
    ready = await inputs.fit(kept.sha256, WIDE)
    with Image.open(file_of(inputs.media, ready.sha256)) as image:
        assert getattr(image, "n_frames", 1) == 1
        red, green, *_ = image.convert("RGB").getpixel((5, 5))  # type: ignore[misc]  # RGB has three
    assert red > 200
    assert green < 60
