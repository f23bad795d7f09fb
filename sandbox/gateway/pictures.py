"""Pictures: what the sandbox's model draws, plainly labelled; a landscape and the prompt on it."""

from __future__ import annotations

import base64
import colorsys
import functools
import hashlib
import io
import math
import random
import re
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from sandbox.gateway.replies import Format
from sandbox.gateway.requests import DrawingRequest
from sandbox.gateway.sizes import size_of

# What a client adds to be given a picture is an order to the model, nothing to be drawn.
_ORDER = re.compile(r"\s+output an image\W*$", re.IGNORECASE)
_CJK_FROM = "\u2e80"
_CLOSING = "\uff0c\u3002\u3001\uff01\uff1f\uff1b\uff1a\uff09\u300b\u300d\u201d"

_FONTS_LATIN = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/Library/Fonts/Arial Unicode.ttf",
    "C:/Windows/Fonts/arial.ttf",
)
_FONTS_CJK = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/System/Library/Fonts/PingFang.ttc",
    "/Library/Fonts/Arial Unicode.ttf",
    "C:/Windows/Fonts/msyh.ttc",
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it goes out: its MIME type and its base64 in pieces, to be sent in a row."""

    mime: str
    base64: tuple[bytes, ...]

    def data(self) -> bytes:
        return base64.b64decode(b"".join(self.base64))

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data()).hexdigest()


def draw(request: DrawingRequest, call: int, position: int, form: Format) -> Picture:
    """Draw one picture. CPU-bound, call it in a thread.

    The colours come from the prompt; the land also from the call's number, so that asking again
    shows something new.
    """
    width, height = size_of(request)
    image = _land(width, height, request.prompt, f"{call}/{position}")
    _frame_inputs(image, request.thumbnails)
    prompt = _ORDER.sub("", request.prompt) or request.prompt or "a variation"
    _caption(image, prompt, _label(request, call, position))
    return _encoded(image, form, request.prompt)


def _label(request: DrawingRequest, call: int, position: int) -> str:
    width, height = size_of(request)
    said = ["sandbox model, no AI", request.model, f"{width}x{height}", f"call {call}"]
    if position:
        said.append(f"picture {position + 1}")
    if request.inputs:
        said.append("1 input" if len(request.inputs) == 1 else f"{len(request.inputs)} inputs")
    if request.mask is not None:
        said.append("mask")
    return " · ".join(said)


def _encoded(image: Image.Image, form: Format, prompt: str) -> Picture:
    file = io.BytesIO()
    match form:
        case Format.PNG:
            info = PngInfo()
            info.add_itxt("Description", prompt)
            image.save(file, "PNG", compress_level=2, pnginfo=info)
        case Format.JPEG:
            image.save(file, "JPEG", quality=88)
        case Format.WEBP:
            image.save(file, "WEBP", quality=85, method=2)
    return Picture(f"image/{form}", (base64.b64encode(file.getvalue()),))


def _land(width: int, height: int, prompt: str, variation: str) -> Image.Image:
    colours = random.Random(f"colours {prompt}")  # noqa: S311 - a picture, not a secret
    forms = random.Random(f"forms {prompt} {variation}")  # noqa: S311 - a picture, not a secret
    hue = colours.random()
    other = hue + colours.choice((0.08, 0.12, 0.45, 0.55, -0.1))
    image = _sky(width, height, _colour(hue, 0.35, 0.62), _colour(other, 0.7, 0.88))
    pen = ImageDraw.Draw(image)
    _sun(pen, width, height, forms, _colour(other, 0.8, 0.95))
    layers = 5
    for layer in range(layers):
        depth = (layer + 1) / layers
        shade = _colour(hue + 0.03 * layer, 0.45, 0.58 - 0.44 * depth)
        pen.polygon(_ridge(width, height, 0.42 + 0.09 * layer, forms), fill=shade)
    return image


def _colour(hue: float, saturation: float, lightness: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hls_to_rgb(hue % 1, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def _sky(
    width: int, height: int, top: tuple[int, int, int], low: tuple[int, int, int]
) -> Image.Image:
    strip = Image.new("RGB", (1, 256))
    for row in range(256):
        part = min(1.0, row / 150)
        strip.putpixel(
            (0, row),
            tuple(round(a + (b - a) * part) for a, b in zip(top, low, strict=True)),
        )
    return strip.resize((width, height), Image.Resampling.BICUBIC)


def _sun(
    pen: ImageDraw.ImageDraw,
    width: int,
    height: int,
    forms: random.Random,
    colour: tuple[int, int, int],
) -> None:
    radius = min(width, height) * forms.uniform(0.07, 0.13)
    x, y = width * forms.uniform(0.2, 0.8), height * forms.uniform(0.16, 0.36)
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _ridge(
    width: int, height: int, level: float, forms: random.Random
) -> list[tuple[float, float]]:
    waves = [
        (forms.uniform(0.5, 1.6) * (n + 1), forms.uniform(0, 6.3), 0.07 / (n + 1)) for n in range(4)
    ]
    step = max(4, width // 160)
    line = [
        (
            float(x),
            height
            * (
                level
                + sum(high * math.sin(6.3 * often * x / width + at) for often, at, high in waves)
            ),
        )
        for x in range(0, width + step, step)
    ]
    return [(0.0, float(height)), *line, (float(width), float(height))]


def _frame_inputs(image: Image.Image, thumbnails: tuple[Image.Image, ...]) -> None:
    """Show the input pictures side by side, framed, above the caption."""
    if not thumbnails:
        return
    gap = round(image.width * 0.03)
    columns = min(4, len(thumbnails))
    rows = math.ceil(len(thumbnails) / columns)
    room = (
        (image.width - gap * (columns + 1)) // columns,
        (round(image.height * 0.68) - gap * (rows + 1)) // rows,
    )
    pen = ImageDraw.Draw(image)
    for index, thumbnail in enumerate(thumbnails):
        small = thumbnail.copy()
        scale = min(room[0] / small.width, room[1] / small.height)
        small = small.resize((max(1, int(small.width * scale)), max(1, int(small.height * scale))))
        x = gap + (index % columns) * (room[0] + gap) + (room[0] - small.width) // 2
        y = gap + (index // columns) * (room[1] + gap) + (room[1] - small.height) // 2
        frame = max(2, gap // 5)
        pen.rectangle(
            (x - frame, y - frame, x + small.width + frame - 1, y + small.height + frame - 1),
            fill="white",
        )
        image.paste(small, (x, y))


def _caption(image: Image.Image, prompt: str, label: str) -> None:
    """Write the prompt and the label on a dark panel at the foot."""
    unit = round(math.sqrt(image.width * image.height))
    margin = round(unit * 0.04)
    room = image.width - 4 * margin
    small = _font(round(unit * 0.026), prompt=label)
    if (wide := small.getlength(label)) > room:
        small = _font(int(small.size * room / wide), prompt=label)
    large, lines = _fitted(prompt, room, round(image.height * 0.4), round(unit * 0.052))
    leading = round(large.size * 1.3)
    high = leading * len(lines) + round(small.size * 2) + 2 * margin
    top = image.height - margin - high
    panel = (margin, top, image.width - margin, image.height - margin)
    shade = Image.new("L", image.size, 0)
    ImageDraw.Draw(shade).rounded_rectangle(panel, radius=margin, fill=165)
    image.paste((16, 18, 28), (0, 0), shade)
    pen = ImageDraw.Draw(image)
    y = top + margin
    for line in lines:
        pen.text((2 * margin, y), line, fill="white", font=large)
        y += leading
    label = _wrapped(label, small, room)[0]
    pen.text((2 * margin, y + small.size * 0.6), label, fill=(196, 202, 218), font=small)


def _fitted(
    prompt: str, room: int, height: int, size: int
) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    """Wrap the prompt, smaller if it is long; what still does not fit ends in an ellipsis."""
    shown = " ".join(prompt[:1500].split())
    font = _font(size, prompt=shown)
    lines = _wrapped(shown, font, room)
    if len(lines) * size * 1.3 > height and size > height / 20:
        font = _font(max(8, size // 2), prompt=shown)
        lines = _wrapped(shown, font, room)
    most = max(1, int(height / (font.size * 1.3)))
    return font, lines if len(lines) <= most else [*lines[: most - 1], lines[most - 1] + " …"]


def _wrapped(text: str, font: ImageFont.FreeTypeFont, room: int) -> list[str]:
    """Break lines at spaces, and inside of words that are longer than a line (or have no spaces)."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if font.getlength(longer) <= room:
            line = longer
            continue
        if line and font.getlength(word) <= room:
            lines.append(line)
            line = word
            continue
        for letter in f" {word}" if line else word:
            # Chinese closing punctuation never begins a line.
            if font.getlength(line + letter) > room and letter not in _CLOSING:
                lines.append(line)
                line = ""
            line += letter
    return [*lines, line]


@functools.lru_cache(maxsize=64)
def _font_of(size: int, *, chinese: bool) -> ImageFont.FreeTypeFont:
    wanted = (*_FONTS_CJK, *_FONTS_LATIN) if chinese else (*_FONTS_LATIN, *_FONTS_CJK)
    for path in wanted:
        if Path(path).is_file():
            return ImageFont.truetype(path, size)
    fallback = ImageFont.load_default(size)
    if isinstance(fallback, ImageFont.FreeTypeFont):
        return fallback
    raise RuntimeError("Pillow was built without FreeType")


def _font(size: int, *, prompt: str) -> ImageFont.FreeTypeFont:
    return _font_of(max(8, size), chinese=any(letter >= _CJK_FROM for letter in prompt))
