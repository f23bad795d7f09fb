"""Tones: whatever a picture's samples are, eight bits of red, green and blue that look the same.

Pillow's own `convert` clips what has more than eight bits to white, and takes CMYK for the colours
of no particular printer.
"""

from __future__ import annotations

from io import BytesIO

from PIL import Image

_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
_EIGHT = [(value + 128) // 257 for value in range(1 << 16)]
# What a colour profile can be of, and the modes whose samples it explains.
# https://www.color.org/specification/ICC.1-2022-05.pdf, 7.2.6
_EXPLAINS = {b"GRAY": "L", b"CMYK": "CMYK"}
_SPACE = slice(16, 20)  # of a profile's bytes


def converted(image: Image.Image) -> tuple[Image.Image, bytes | None]:
    """Give a picture in RGB, or in RGBA where it is transparent, and the profile of its colours.

    The profile is None where they are sRGB; grey and CMYK are converted by theirs. Raises what
    Pillow does.
    """
    profile = image.info.get("icc_profile") or None
    space = profile[_SPACE] if profile else b""
    image = _eight_bits(image)
    if profile and image.mode == _EXPLAINS.get(space) and not image.has_transparency_data:
        return _explained(image, profile), None
    mode = "RGBA" if image.has_transparency_data else "RGB"
    plain = image if image.mode == mode else image.convert(mode)
    return plain, profile if space == b"RGB " and image.mode != "LAB" else None


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode in _SIXTEEN_BITS:
        clear = image.info.get("transparency")
        samples = image.convert("I")
        narrow = samples.point(_EIGHT, "L")
        if isinstance(clear, int):
            narrow.putalpha(
                samples.point([255 * (value != clear) for value in range(1 << 16)], "L")
            )
        return _with_profile(narrow, image)
    if image.mode in {"I", "F"}:
        return _with_profile(_scaled(image), image)
    return image.convert("LA") if image.mode == "La" else image


def _scaled(image: Image.Image) -> Image.Image:
    """Bring numbers to 0..255 by the smallest usual range that holds them, or by their own."""
    low, high = (float(end or 0) for end in image.getextrema())  # type: ignore[arg-type]  # one band
    top = 1.0 if image.mode == "F" else 255.0
    top = next((usual for usual in (top, 255.0, 65535.0) if low >= 0 and high <= usual), 0.0)
    low, top = (0.0, top) if top else (low, high)
    scale = 255 / ((top - low) or 1)
    floats = image.convert("F")
    return floats.point(lambda sample: sample * scale + (0.5 - low * scale)).convert("L")


def _with_profile(made: Image.Image, of: Image.Image) -> Image.Image:
    if profile := of.info.get("icc_profile"):
        made.info["icc_profile"] = profile
    return made


def _explained(image: Image.Image, profile: bytes) -> Image.Image:
    from PIL import ImageCms  # noqa: PLC0415 - few pictures need it

    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        made = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):  # a broken profile explains nothing
        made = None
    return made or image.convert("RGB")
