"""A look at pictures: real ones pass, and whatever else comes is told as bad input."""

from __future__ import annotations

import io
import struct
import zlib
from io import BytesIO
from pathlib import Path

import pillow_heif
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from bot.domain import InputError, InputProblem
from bot.media.conversion import Converted, Original, Unfit, convert
from bot.media.formats import sniff
from bot.media.inspect import ImageInfo, measure

pillow_heif.register_heif_opener()

FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/heic": "HEIF",
    "image/avif": "AVIF",
}
MANY = 1_000_000


def drawn(width: int = 96, height: int = 64) -> Image.Image:
    """Draw the top left quarter red, the rest a gradient that no coder shrinks to nothing."""
    image = Image.radial_gradient("L").resize((width, height)).convert("RGB")
    ImageDraw.Draw(image).rectangle((0, 0, width // 2, height // 2), fill="red")
    return image


def encoded(mime: str, image: Image.Image | None = None, **options: object) -> bytes:
    buffer = BytesIO()
    (image or drawn()).save(buffer, FORMATS[mime], **options)
    return buffer.getvalue()


SAMPLES = {mime: encoded(mime) for mime in FORMATS}
every = pytest.mark.parametrize("mime", FORMATS)
slowly = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def look(
    path: Path, data: bytes, *, max_pixels: int = MANY, decode: bool = True
) -> ImageInfo:
    file = path / "picture"
    file.write_bytes(data)
    if not decode:
        return measure(io.BytesIO(data), max_pixels=max_pixels)
    try:
        made = convert(file, max_pixels, lambda _pixels: None, loaded)
    except Unfit as unfit:
        raise InputError(InputProblem(unfit.problem)) from unfit
    return ImageInfo(made.mime, made.width, made.height)


def loaded(original: Original) -> Converted:
    original.image.load()
    return Converted(b"", original.mime, *original.image.size)


async def problem(
    path: Path, data: bytes, *, max_pixels: int = MANY, decode: bool = True
) -> InputProblem:
    with pytest.raises(InputError) as caught:
        await look(path, data, max_pixels=max_pixels, decode=decode)
    return caught.value.problem


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


@every
def test_each_type_is_known_by_its_first_64_bytes(mime: str) -> None:
    assert mime == sniff(SAMPLES[mime][:64])


@pytest.mark.parametrize(
    ("brands", "mime"),
    [
        (b"heic\0\0\0\0mif1heic", "image/heic"),
        (b"mif1\0\0\0\0mif1heic", "image/heic"),
        (b"mif1\0\0\0\0mif1avif", "image/avif"),
        (b"isom\0\0\0\0isommp42", None),
    ],
)
def test_brands_tell_heic_avif_and_video_apart(brands: bytes, mime: str | None) -> None:
    assert mime == sniff(struct.pack(">I", 8 + len(brands)) + b"ftyp" + brands)


@pytest.mark.parametrize("head", [b"", b"<svg", b"%PDF-1.7", b"RIFF\0\0\0\0WAVE", b"BM\0\0", b"PK"])
def test_what_is_no_picture_has_no_type(head: bytes) -> None:
    assert sniff(head) is None


@every
@pytest.mark.parametrize("decode", [True, False])
async def test_type_and_size_are_read_from_the_bytes(
    mime: str, tmp_path: Path, *, decode: bool
) -> None:
    assert ImageInfo(mime, 96, 64) == await look(tmp_path, SAMPLES[mime], decode=decode)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16"])
async def test_every_kind_of_png_passes(mode: str, tmp_path: Path) -> None:
    image = Image.new(mode, (9, 7)) if mode == "I;16" else drawn(9, 7).convert(mode)
    assert ImageInfo("image/png", 9, 7) == await look(tmp_path, encoded("image/png", image))


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
async def test_every_kind_of_jpeg_passes(
    mode: str, options: dict[str, object], tmp_path: Path
) -> None:
    data = encoded("image/jpeg", drawn(99, 65).convert(mode), **options)
    assert ImageInfo("image/jpeg", 99, 65) == await look(tmp_path, data)


@every
async def test_the_limit_in_pixels_counts_for_every_type(mime: str, tmp_path: Path) -> None:
    await look(tmp_path, SAMPLES[mime], max_pixels=96 * 64)
    assert await problem(tmp_path, SAMPLES[mime], max_pixels=96 * 64 - 1, decode=False) is (
        InputProblem.TOO_MANY_PIXELS
    )


@every
async def test_a_truncated_picture_does_not_pass(mime: str, tmp_path: Path) -> None:
    data = SAMPLES[mime]
    assert await problem(tmp_path, data[: len(data) * 2 // 3]) is InputProblem.NOT_A_PICTURE


async def test_a_png_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    rows = zlib.compress(bytes(30_001) * 10_000)
    assert await problem(tmp_path, png(30_000, 30_000, chunk(b"IDAT", rows))) is (
        InputProblem.TOO_MANY_PIXELS
    )


async def test_pillows_own_guard_counts_as_too_many_pixels(tmp_path: Path) -> None:
    bomb = png(60_000, 10_000, chunk(b"IDAT", zlib.compress(b"")))
    assert await problem(tmp_path, bomb, max_pixels=10**12) is InputProblem.TOO_MANY_PIXELS


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP", b"iTXt"])
async def test_a_bomb_in_a_pngs_text_is_not_unpacked(kind: bytes, tmp_path: Path) -> None:
    bomb = zlib.compress(bytes(64_000_000))
    head = b"key\0\1\0\0\0" if kind == b"iTXt" else b"key\0\0"
    text = chunk(kind, head + bomb)
    data = png(1, 1, text, chunk(b"IDAT", zlib.compress(bytes(4))))
    try:
        seen = await look(tmp_path, data)
    except InputError as exc:
        assert exc.problem is InputProblem.NOT_A_PICTURE  # noqa: PT017 - both ends are right
    else:
        assert ImageInfo("image/png", 1, 1) == seen


@slowly
@given(
    mime=st.sampled_from(sorted(FORMATS)),
    noise=st.binary(max_size=300),
    kept=st.integers(0, 64),
    decode=st.booleans(),
)
async def test_random_bytes_are_told_as_bad_input_and_nothing_else(
    tmp_path: Path, mime: str, noise: bytes, kept: int, *, decode: bool
) -> None:
    try:
        await look(tmp_path, SAMPLES[mime][:kept] + noise, decode=decode)
    except InputError as exc:
        assert exc.problem in InputProblem  # noqa: PT017 - both ends are right


@slowly
@given(mime=st.sampled_from(sorted(FORMATS)), data=st.data(), decode=st.booleans())
async def test_mutated_pictures_pass_or_are_told_as_bad_input(
    tmp_path: Path, mime: str, data: st.DataObject, *, decode: bool
) -> None:
    mutated = bytearray(SAMPLES[mime])
    places = st.tuples(st.integers(0, len(mutated) - 1), st.integers(0, 255))
    for place, value in data.draw(st.lists(places, min_size=1, max_size=8)):
        mutated[place] = value
    end = data.draw(st.integers(0, len(mutated)))
    try:
        await look(tmp_path, bytes(mutated[: end or None]), decode=decode)
    except InputError as exc:
        assert exc.problem in InputProblem  # noqa: PT017 - both ends are right
