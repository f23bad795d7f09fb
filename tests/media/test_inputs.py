"""Inputs: what gateways take stays as it is, everything else is written anew, or told as bad."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from bot.domain import InputError, InputProblem
from bot.media.bounds import Bounds
from bot.media.inputs import Inputs, PreparedInput
from tests.media.test_inspect import FORMATS, SAMPLES, chunk, drawn, encoded
from tests.media.test_tones import COLOURS, RAMP, SIXTEEN, means
from tests.support.media import file_of

MANY = 1_000_000
WIDE = Bounds(max_pixels=MANY, max_bytes=MANY, side=2048, size=MANY)
TAKEN = ["image/png", "image/jpeg", "image/webp"]
GPS = 0x8825
pytestmark = pytest.mark.asyncio(loop_scope="module")  # as long as the processes live


async def fitted(inputs: Inputs, data: bytes, bounds: Bounds = WIDE) -> PreparedInput:
    kept = await inputs.media.put(data)
    return await inputs.fit(kept.sha256, bounds)


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    bands = [Image.effect_noise((width, height), 90 + band) for band in range(len(mode))]
    return Image.merge(mode, bands)


@pytest.mark.parametrize("mime", TAKEN)
async def test_what_gateways_take_stays_as_it_is(mime: str, inputs: Inputs) -> None:
    kept = await inputs.media.put(SAMPLES[mime])
    assert await inputs.fit(kept.sha256, WIDE) == PreparedInput(
        kept.sha256, kept.size, mime, 96, 64
    )


@pytest.mark.parametrize("mime", ["image/heic", "image/avif", "image/gif"])
async def test_what_gateways_do_not_take_becomes_a_jpeg(mime: str, inputs: Inputs) -> None:
    ready = await fitted(inputs, SAMPLES[mime])
    assert (ready.mime, ready.width, ready.height) == ("image/jpeg", 96, 64)
    assert await inputs.media.size(ready.sha256) == ready.size
    with Image.open(file_of(inputs.media, ready.sha256)) as image:
        red, green, _blue = image.getpixel((8, 8))  # type: ignore[misc]  # RGB has three
    assert red > 200
    assert green < 60


@pytest.mark.parametrize("mime", ["image/heic", *TAKEN])
async def test_a_picture_written_anew_is_upright_and_keeps_only_its_colours(
    mime: str, inputs: Inputs
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise
    exif[GPS] = {1: "N", 2: (52.0, 31.0, 12.0)}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    ready = await fitted(inputs, encoded(mime, exif=exif.tobytes(), icc_profile=profile))
    assert (ready.width, ready.height) == (64, 96)
    with Image.open(file_of(inputs.media, ready.sha256)) as image:
        image.load()
        assert dict(image.getexif()) == {}
        assert image.info["icc_profile"] == profile
        red, green, _blue = image.getpixel((56, 8))  # type: ignore[misc]  # RGB has three
    assert red > 200
    assert green < 60


@pytest.mark.parametrize("mime", TAKEN)
async def test_a_picture_that_says_where_it_was_taken_is_sent_without_that(
    mime: str, inputs: Inputs
) -> None:
    exif = Image.Exif()
    exif[GPS] = {1: "N", 2: (52.0, 31.0, 12.0)}
    data = encoded(mime, exif=exif.tobytes())
    ready = await fitted(inputs, data)
    with Image.open(file_of(inputs.media, ready.sha256)) as image:
        image.load()
        assert GPS not in image.getexif()
    assert (await inputs.media.put(data)).sha256 != ready.sha256


def said(*texts: tuple[str, str]) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, value in texts:
        info.add_text(key, value)
    return encoded("image/png", pnginfo=info)


def segment(marker: bytes, data: bytes) -> bytes:
    """Put a segment behind the first bytes of a JPEG."""
    picture = SAMPLES["image/jpeg"]
    return picture[:2] + marker + (len(data) + 2).to_bytes(2, "big") + data + picture[2:]


def privately(data: bytes) -> bytes:
    """Put a private chunk behind the header of a PNG."""
    picture = SAMPLES["image/png"]
    return picture[:33] + chunk(b"caBX", data) + picture[33:]


PLACE = b"52.520008,13.404954"
FILM = b"\0\0\0\x18ftypmp42" + PLACE
TELLING = {
    "a PNG's raw exif": said(("Raw profile type exif", f"\nexif\n 19\n{PLACE.hex()}")),
    "a PNG's author": said(("Author", f"Ann at {PLACE.decode()}")),
    "a PNG's description": said(("Description", PLACE.decode())),
    "a PNG's private chunk": privately(PLACE),
    "a JPEG's comment": segment(b"\xff\xfe", PLACE),
    "a JPEG's APP11": segment(b"\xff\xeb", PLACE),
    "a JPEG's film": SAMPLES["image/jpeg"] + FILM,
    "a JPEG's second picture": SAMPLES["image/jpeg"] + segment(b"\xff\xfe", PLACE),
    "a progressive JPEG's film": encoded("image/jpeg", progressive=True) + FILM,
    "a PNG's film": SAMPLES["image/png"] + FILM,
    "a WebP's film": SAMPLES["image/webp"] + FILM,
}


@pytest.mark.parametrize("telling", TELLING)
async def test_a_place_told_in_any_other_way_is_not_sent_either(
    telling: str, inputs: Inputs
) -> None:
    data = TELLING[telling]
    assert PLACE in data or PLACE.hex().encode() in data
    ready = await fitted(inputs, data)
    sent = file_of(inputs.media, ready.sha256).read_bytes()
    assert PLACE not in sent
    assert PLACE.hex().encode() not in sent
    assert (ready.width, ready.height) == (96, 64)


@pytest.mark.parametrize(
    "data",
    [
        encoded("image/jpeg", progressive=True, dpi=(72, 72)),
        encoded("image/jpeg", restart_marker_blocks=2),
        encoded("image/png", dpi=(72, 72)),
        encoded("image/png", drawn().convert("P"), transparency=0),
    ],
)
async def test_what_a_picture_says_of_how_it_is_shown_may_stay(data: bytes, inputs: Inputs) -> None:
    kept = await inputs.media.put(data)
    assert (await inputs.fit(kept.sha256, WIDE)).sha256 == kept.sha256


@pytest.mark.parametrize("mime", FORMATS)
async def test_a_picture_with_too_long_a_side_is_made_smaller(mime: str, inputs: Inputs) -> None:
    bounds = Bounds(MANY, MANY, side=48, size=MANY)
    ready = await fitted(inputs, SAMPLES[mime], bounds)
    assert (ready.width, ready.height) == (48, 32)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
async def test_a_picture_of_too_many_bytes_is_made_smaller_until_it_fits(
    mode: str, inputs: Inputs
) -> None:
    data = encoded("image/png", noise(300, 200, mode))
    ready = await fitted(inputs, data, Bounds(MANY, MANY, side=2048, size=20_000))
    assert ready.size <= 20_000
    assert ready.mime == ("image/jpeg" if mode == "RGB" else "image/png")
    assert ready.width / ready.height == pytest.approx(1.5, abs=0.05)


async def test_what_no_shrinking_brings_below_the_limit_is_too_large(inputs: Inputs) -> None:
    with pytest.raises(InputError) as caught:
        await fitted(inputs, SAMPLES["image/png"], Bounds(MANY, MANY, side=2048, size=10))
    assert caught.value.problem is InputProblem.TOO_MANY_BYTES


@pytest.mark.parametrize("mime", ["image/avif", "image/gif", "image/png", "image/webp"])
async def test_transparency_stays(mime: str, inputs: Inputs) -> None:
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    bounds = Bounds(MANY, MANY, side=16, size=MANY)
    ready = await fitted(inputs, encoded(mime, clear), bounds)
    assert (ready.mime, ready.width, ready.height) == ("image/png", 16, 16)
    with Image.open(file_of(inputs.media, ready.sha256)) as image:
        assert image.convert("RGBA").getpixel((8, 8))[3] == 0  # type: ignore[index]  # RGBA has four


@pytest.mark.parametrize("mime", FORMATS)
async def test_bad_input_is_told_before_a_gateway_sees_it(mime: str, inputs: Inputs) -> None:
    data = SAMPLES[mime]
    cases = [
        (data, Bounds(1, MANY, 2048, MANY), InputProblem.TOO_MANY_PIXELS),
        (data, Bounds(MANY, 100, 2048, MANY), InputProblem.TOO_MANY_BYTES),
        (data[: len(data) * 2 // 3], WIDE, InputProblem.NOT_A_PICTURE),
        (b"%PDF-1.7", WIDE, InputProblem.NOT_A_PICTURE),
    ]
    for bad, bounds, expected in cases:
        with pytest.raises(InputError) as caught:
            await fitted(inputs, bad, bounds)
        assert caught.value.problem is expected


async def test_a_picture_that_is_not_kept_is_gone(inputs: Inputs) -> None:
    with pytest.raises(InputError) as caught:
        await inputs.fit("0" * 64, WIDE)
    assert caught.value.problem is InputProblem.GONE


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(["RGB", "RGBA"]),
    st.tuples(st.integers(1, 400), st.integers(1, 400)),
    st.integers(16, 300),
    st.integers(3_000, 50_000),
)
async def test_whatever_comes_out_is_within_the_bounds_and_has_the_same_shape(
    inputs: Inputs, mode: str, size: tuple[int, int], side: int, limit: int
) -> None:
    buffer = BytesIO()
    noise(*size, mode).save(buffer, "PNG")
    ready = await fitted(inputs, buffer.getvalue(), Bounds(MANY, MANY, side, limit))
    assert max(ready.width, ready.height) <= side
    assert ready.size <= limit
    # Each of the steps on the way down rounds once more.
    assert ready.width * size[1] == pytest.approx(ready.height * size[0], abs=4 * max(size))


DEEP = {
    "16 bits of grey": (encoded("image/png", SIXTEEN.convert("I;16")), RAMP.convert("RGB")),
    "CMYK": (encoded("image/jpeg", COLOURS.convert("CMYK"), quality=95), COLOURS),
}


@pytest.mark.parametrize("side", [32, 2048])
@pytest.mark.parametrize("what", DEEP)
async def test_models_are_sent_eight_bits_of_the_same_tones(
    what: str, side: int, inputs: Inputs
) -> None:
    data, same = DEEP[what]
    ready = await fitted(inputs, data, Bounds(MANY, MANY, side, MANY))
    with Image.open(file_of(inputs.media, ready.sha256)) as image:
        assert image.mode == "RGB"
        assert means(image) == pytest.approx(means(same), abs=4)


MASKS = {
    "clear where to draw": Image.merge(
        "RGBA", [*[Image.new("L", (40, 20))] * 3, Image.new("L", (40, 20))]
    ),
    "white where to draw": Image.new("RGB", (40, 20), "white"),
    "white in 16 bits": Image.new("I;16", (40, 20), 65535),
}


@pytest.mark.parametrize("drawn", MASKS)
async def test_a_mask_is_as_large_as_its_picture_and_clear_where_it_is_to_be_drawn(
    drawn: str, inputs: Inputs
) -> None:
    picture = await fitted(inputs, SAMPLES["image/png"])
    mask = MASKS[drawn].copy()
    mask.paste({"RGB": (0, 0, 0), "RGBA": (0, 0, 0, 255)}.get(mask.mode, 20_000), (0, 0, 20, 20))
    kept = await inputs.media.put(encoded("image/png", mask))
    ready = await inputs.fit_mask(kept.sha256, picture, WIDE)
    assert (ready.mime, ready.width, ready.height) == ("image/png", 96, 64)
    with Image.open(file_of(inputs.media, ready.sha256)) as image:
        alpha = image.getchannel("A")
        assert (alpha.getpixel((10, 30)), alpha.getpixel((90, 30))) == (255, 0)
