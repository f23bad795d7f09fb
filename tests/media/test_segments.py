"""Pictures that are sent as they are: only what is whole and says nothing is told without decoding."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from bot.domain import InputError
from bot.media.inputs import Inputs
from bot.media.segments import plain
from tests.media.test_inputs import TELLING, WIDE, segment
from tests.media.test_inspect import SAMPLES, chunk, drawn, encoded, look, png
from tests.media.test_tones import COLOURS, SIXTEEN

JPEG, PNG = SAMPLES["image/jpeg"], SAMPLES["image/png"]
PROGRESSIVE = encoded("image/jpeg", progressive=True)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
JFIF = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1"
THUMBNAIL = b"\xff\xe0\0\x13JFIF\0\1\1\0\0\1\0\1\1\1abc"


@pytest.mark.parametrize(
    "data",
    [
        *(JPEG, PROGRESSIVE, encoded("image/jpeg", restart_marker_blocks=2)),
        encoded("image/jpeg", drawn().convert("L"), dpi=(72, 72), icc_profile=PROFILE),
        *(PNG, encoded("image/png", dpi=(72, 72), icc_profile=PROFILE)),
        *(encoded("image/png", drawn().convert(mode)) for mode in ("L", "LA", "RGBA")),
    ],
)
async def test_what_is_whole_and_plain_is_told_as_decoding_tells_it(
    data: bytes, tmp_path: Path
) -> None:
    seen = await look(tmp_path, data)
    assert plain(data) == (seen.mime, 96, 64) == (seen.mime, seen.width, seen.height)


UNTOLD = {
    **TELLING,
    "a thumbnail": JPEG.replace(JFIF + JPEG[18:20], THUMBNAIL),
    "a second frame": JPEG[:2] + JPEG[JPEG.index(b"\xff\xc0") :][:19] + JPEG[2:],
    "a picture without a scan": JPEG[: JPEG.index(b"\xff\xda")] + JPEG[-2:],
    "bytes between segments": JPEG[:20] + b"words" + JPEG[20:],
    "several pictures (MPF)": segment(b"\xff\xe2", b"MPF\0II"),
    "CMYK": encoded("image/jpeg", COLOURS.convert("CMYK")),
    "a width of none": png(0, 64, chunk(b"IDAT", b"")),
    "no pixels": png(96, 64),
    "16 bits": encoded("image/png", SIXTEEN.convert("I;16")),
    "a palette": encoded("image/png", drawn().convert("P")),
    "a film": encoded("image/png", save_all=True, append_images=[Image.new("RGB", (96, 64))]),
    "another type": SAMPLES["image/webp"],
    "no picture": b"%PDF-1.7",
}


@pytest.mark.parametrize("what", UNTOLD)
def test_what_may_tell_more_or_be_less_is_left_to_the_decoder(what: str) -> None:
    assert plain(UNTOLD[what]) is None


@given(st.sampled_from([JPEG, PROGRESSIVE, PNG]), st.integers(0, 10_000), st.binary(max_size=9))
def test_what_is_cut_anywhere_is_left_to_the_decoder(data: bytes, at: int, more: bytes) -> None:
    assert plain(data[: at % len(data)] + more.replace(b"\xff", b"")) is None


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_spoiled_bit_of_a_png_is_overlooked(at: int, bits: int) -> None:
    at %= len(PNG)
    assert plain(PNG[:at] + bytes([PNG[at] ^ bits]) + PNG[at + 1 :]) is None


@given(st.sampled_from([JPEG, PROGRESSIVE]), st.integers(0, 10_000), st.binary(max_size=9))
async def test_of_a_spoiled_jpeg_nothing_is_told_that_a_decoder_denies(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int, bad: bytes
) -> None:
    at %= len(data)
    spoiled = data[:at] + bad + data[at + len(bad) :]
    if told := plain(spoiled):
        try:
            seen = await look(tmp_path_factory.getbasetemp(), spoiled)
        except InputError:
            return  # a table that makes no sense: the gateway will say so
        assert told == (seen.mime, seen.width, seen.height)


async def test_for_a_picture_as_telegram_hands_it_out_no_process_is_started(inputs: Inputs) -> None:
    await inputs.processes.close()
    for data in (JPEG, PROGRESSIVE, PNG):
        kept = await inputs.media.put(data)
        assert (await inputs.fit(kept.sha256, WIDE)).sha256 == kept.sha256
    assert inputs.processes._idle == []
