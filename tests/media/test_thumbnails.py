"""Thumbnails: small, made once, by the processes that decode, and a bounded number is kept."""

from __future__ import annotations

import asyncio
from io import BytesIO

import pytest
from PIL import Image

from bot.media import thumbnails
from bot.media.inputs import Inputs
from bot.media.thumbnails import SIDE, Thumbnails
from tests.media.test_inputs import noise
from tests.media.test_inspect import SAMPLES, encoded

pytestmark = pytest.mark.asyncio(loop_scope="module")  # as long as the processes live


async def kept(inputs: Inputs, image: Image.Image, mime: str = "image/png") -> str:
    return (await inputs.media.put(encoded(mime, image))).sha256


@pytest.mark.parametrize("mime", ["image/png", "image/jpeg", "image/webp"])
async def test_a_large_picture_becomes_a_small_webp_of_the_same_shape(
    mime: str, inputs: Inputs
) -> None:
    sha256 = await kept(inputs, noise(1200, 600), mime)
    data = await Thumbnails(inputs).of(sha256)
    assert data
    with Image.open(BytesIO(data)) as image:
        assert (image.format, image.size) == ("WEBP", (SIDE, SIDE // 2))
    assert len(data) < 40_000


async def test_a_small_one_is_not_made_larger_and_stays_transparent(inputs: Inputs) -> None:
    data = await Thumbnails(inputs).of(await kept(inputs, Image.new("RGBA", (40, 20))))
    assert data
    with Image.open(BytesIO(data)) as image:
        assert (image.size, image.mode) == ((40, 20), "RGBA")


async def test_what_is_gone_or_no_picture_has_none(inputs: Inputs) -> None:
    broken = await inputs.media.put(SAMPLES["image/png"][:60])
    for sha256 in ("0" * 64, broken.sha256):
        assert await Thumbnails(inputs).of(sha256) is None


async def test_each_is_made_once_as_long_as_there_is_room(
    inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Thumbnails(inputs)
    one, other = [await kept(inputs, noise(400, 400 + number)) for number in (1, 2)]
    first, again = await asyncio.gather(made.of(one), made.of(one))
    assert first
    assert first is again
    monkeypatch.setattr(thumbnails, "KEPT", len(first) + 1)
    assert await made.of(other)
    await inputs.media.delete(one)
    assert await made.of(one) is None  # it had to go


async def test_no_more_wait_than_are_allowed(
    inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "MOST_WAIT", 2)
    sha256 = await kept(inputs, noise(410, 410))
    found = await asyncio.gather(*map(Thumbnails(inputs).of, [sha256] * 5))
    assert [one is not None for one in found] == [True, True, False, False, False]
