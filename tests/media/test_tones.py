"""Tones: a picture looks the same in eight bits, whatever its samples were."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image, ImageCms, ImageStat

from bot.media import tones

SIDE = 64
RAMP = Image.linear_gradient("L").rotate(90).resize((SIDE, SIDE))  # black to white, left to right
COLOURS = Image.merge("RGB", (RAMP, RAMP.rotate(90), Image.new("L", (SIDE, SIDE), 90)))
SIXTEEN = RAMP.convert("I").point(lambda value: value * 257)


def means(image: Image.Image) -> list[float]:
    """Give the mean of each band in each quarter of a picture."""
    half = image.width // 2, image.height // 2
    corners = [(x, y) for y in (0, half[1]) for x in (0, half[0])]
    quarters = [image.crop((x, y, x + half[0], y + half[1])) for x, y in corners]
    return [mean for quarter in quarters for mean in ImageStat.Stat(quarter).mean]


def profile(name: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()  # type: ignore[arg-type]  # a name of a profile


def lab() -> Image.Image:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    made = ImageCms.profileToProfile(COLOURS, srgb, lab, outputMode="LAB")
    assert made
    return made


GREYS = {
    "1": RAMP.convert("1"),
    "L": RAMP,
    "P": RAMP.convert("P"),
    "I;16": SIXTEEN.convert("I;16"),
    "I;16B": SIXTEEN.convert("I;16B"),
    "I to 65535": SIXTEEN,
    "I to 255": RAMP.convert("I"),
    "I to 2^31": RAMP.convert("I").point(lambda value: value * 8_000_000),
    "F to 1": RAMP.convert("F").point(lambda value: value * (1 / 255)),
    "F to 255": RAMP.convert("F"),
    "F to 65535": RAMP.convert("F").point(lambda value: value * 257),
    "F below 0": RAMP.convert("F").point(lambda value: value * (2 / 255) + -1.0),
}
COLOURED = {
    "RGB": COLOURS,
    "CMYK": COLOURS.convert("CMYK"),
    "YCbCr": COLOURS.convert("YCbCr"),
    "HSV": COLOURS.convert("HSV"),
    "P": COLOURS.quantize(256),
    "LAB": lab(),
}


@pytest.mark.parametrize("samples", GREYS)
def test_grey_keeps_its_tones(samples: str) -> None:
    made, colours = tones.converted(GREYS[samples])
    assert (made.mode, colours) == ("RGB", None)
    assert means(made) == pytest.approx(means(RAMP.convert("RGB")), abs=2)


@pytest.mark.parametrize("samples", COLOURED)
def test_colours_keep_their_tones(samples: str) -> None:
    made, colours = tones.converted(COLOURED[samples])
    assert (made.mode, colours) == ("RGB", None)
    assert means(made) == pytest.approx(means(COLOURS), abs=4)


@pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBA", "RGBa"])
def test_alpha_stays(mode: str) -> None:
    image = COLOURS.convert("RGBA") if "R" in mode else RAMP.convert("RGBA")
    image.putalpha(RAMP.rotate(90).point(lambda value: 128 + value // 2))
    stored = {"La": "LA", "PA": "P"}.get(mode, mode)
    other = image.convert(stored).convert(mode)
    if mode == "PA":
        other.putalpha(image.getchannel("A"))
    made, _ = tones.converted(other)
    assert made.mode == "RGBA"
    assert means(made) == pytest.approx(means(image), abs=4)


def test_a_palettes_clear_colours_stay_clear() -> None:
    palette = RAMP.quantize(16)
    palette.info["transparency"] = bytes([0] * 8 + [255] * 8)
    clear = palette.point([0] * 8 + [255] * 248, "L")
    made, _ = tones.converted(palette)
    assert means(made.getchannel("A")) == pytest.approx(means(clear), abs=1)


def test_the_one_clear_tone_of_sixteen_bits_is_clear() -> None:
    image = SIXTEEN.convert("I;16")
    image.info["transparency"] = 0
    made, _ = tones.converted(image)
    clear = RAMP.point(lambda value: 255 * (value > 0))
    assert means(made.getchannel("A")) == means(clear)
    assert means(made.convert("RGB")) == pytest.approx(means(RAMP.convert("RGB")), abs=2)


def test_colours_come_with_their_profile_and_grey_is_converted_by_its_own() -> None:
    image = COLOURS.copy()
    image.info["icc_profile"] = profile("sRGB")
    assert tones.converted(image)[1] == profile("sRGB")
    linear = bytearray(profile("sRGB"))
    linear[16:20] = b"GRAY"  # a profile that is not what it says, and explains nothing
    for mode in ("L", "I;16"):
        grey = SIXTEEN.convert(mode) if mode == "I;16" else RAMP.copy()
        grey.info["icc_profile"] = bytes(linear)
        made, colours = tones.converted(grey)
        assert colours is None
        assert means(made) == pytest.approx(means(RAMP.convert("RGB")), abs=2)


def test_a_cmyk_jpeg_keeps_its_tones() -> None:
    buffer = BytesIO()
    COLOURS.convert("CMYK").save(buffer, "JPEG", quality=95)
    with Image.open(buffer) as image:
        made, _ = tones.converted(image)
    assert means(made) == pytest.approx(means(COLOURS), abs=4)
