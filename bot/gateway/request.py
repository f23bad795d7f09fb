"""An order: what to ask a model for, and where that has to be asked."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pybase64

from bot.catalogue.profiles import InputDialect, Modalities, RatioDialect, Route

if TYPE_CHECKING:
    from bot.catalogue.profiles import Profile


@dataclass(frozen=True, slots=True)
class InputImage:
    """An input picture that is ready to be sent: `size` in bytes, `sha256` its name in the store.

    `mime` is `image/png`, `image/jpeg` or `image/webp`: what gateways of every family take.
    """

    sha256: str
    mime: str
    size: int


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """What to ask a model for; `mask` shows where in the first input to draw.

    A ratio, a size or a mask that the profile does not declare is not sent: the order may have
    been meant for another model. `insist` repeats the demand for a picture, after an answer of
    words alone.
    """

    prompt: str
    profile: Profile
    inputs: tuple[InputImage, ...] = ()
    aspect_ratio: str | None = None
    size: str | None = None
    mask: InputImage | None = None
    insist: bool = False

    @property
    def text(self) -> str:
        """The prompt with the profile's sentences behind it."""
        retry = self.profile.retry_sentence if self.insist else ""
        return " ".join(filter(None, (self.prompt, self.profile.image_sentence, retry)))


def route_of(order: ImageRequest) -> Route:
    """Say where an order is asked; ValueError if its model can do nothing of the kind."""
    route = order.profile.edit_route if order.inputs else order.profile.route
    if route is None:
        raise ValueError(f"{order.profile.id} has no route for {len(order.inputs)} pictures")
    return route


_SQUARE = "1:1"


def size_parameters(order: ImageRequest) -> dict[str, object]:
    """Make the fields of the body that tell ratio and size; none where there is nothing to tell."""
    ratio, size = _ratio(order), _size(order)
    config = _given(aspect_ratio=ratio, image_size=size)
    match order.profile.ratio_dialect:
        case RatioDialect.IMAGE_CONFIG if config:
            return {"image_config": config}
        case RatioDialect.EXTRA_BODY if config:
            # The new-api family wants this key literally, in snake case.
            return {"extra_body": {"google": {"image_config": config}}}
        case RatioDialect.PIXELS:
            return _given(size=_pixels(order, ratio, size))
        case RatioDialect.RATIO:
            return _given(aspect_ratio=ratio, resolution=size)
        case RatioDialect.RATIO_LOWER:
            return _given(aspect_ratio=ratio, resolution=size and size.lower())
        case _:
            return {}


def system_size_text(order: ImageRequest) -> str:
    """Tell ratio and size in a system message's words; empty in all other dialects."""
    if order.profile.ratio_dialect is not RatioDialect.SYSTEM_MESSAGE:
        return ""
    told = _given(aspect_ratio=_ratio(order), image_size=_size(order))
    return "\n".join(f"{name}={value}" for name, value in told.items())


def _ratio(order: ImageRequest) -> str | None:
    return order.aspect_ratio if order.aspect_ratio in order.profile.aspect_ratios else None


def _size(order: ImageRequest) -> str | None:
    return order.size if order.size in order.profile.sizes else None


def _given(**fields: str | None) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value}


def _pixels(order: ImageRequest, ratio: str | None, size: str | None) -> str | None:
    """Find the ratio's pixels at that size; a size without a ratio is a square."""
    if not ratio and not size:
        return None
    base = dict(order.profile.pixels).get(ratio or _SQUARE)
    if not base or not size:
        return base
    factor = _side(size) / _side(order.profile.base_size)
    width, height = (round(int(side) * factor) for side in base.split("x"))
    return f"{width}x{height}"


def _side(size: str) -> int:
    return int(size[:-1]) * 1024 if size.endswith("K") else int(size)


_READ_SIZE = 192 * 1024

Read = Callable[[str, int], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class RawFile:
    """A picture that is sent as it is, where an Input by itself is sent as base64."""

    picture: InputImage


@dataclass(frozen=True, slots=True)
class Body:
    """A body in parts: bytes as they are, pictures as base64 or Raw; `length` in bytes is exact.

    `route` is where it goes, `content_type` what it is.
    """

    parts: tuple[bytes | InputImage | RawFile, ...]
    route: str = "chat/completions"
    content_type: str = "application/json"

    @property
    def length(self) -> int:
        """What Content-Length says, known before any picture is read."""
        return sum(map(_length, self.parts))


def _length(part: bytes | InputImage | RawFile) -> int:
    match part:
        case RawFile(picture):
            return picture.size
        case InputImage(size=size):
            return (size + 2) // 3 * 4
        case _:
            return len(part)


async def read_body(body: Body, read: Read) -> AsyncGenerator[bytes]:
    """Yield the body's bytes; `read(sha256, piece)` opens a kept picture.

    A picture that is not as long as it was said to be raises ValueError: the length is promised.
    """
    for part in body.parts:
        if isinstance(part, bytes):
            yield part
            continue
        pieces = _raw(part.picture, read) if isinstance(part, RawFile) else _base64(part, read)
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                yield piece


async def _base64(picture: InputImage, read: Read) -> AsyncGenerator[bytes]:
    carry = b""
    async with contextlib.aclosing(_raw(picture, read)) as pieces:
        async for piece in pieces:
            data = carry + piece if carry else piece
            whole = len(data) - len(data) % 3
            carry = data[whole:]
            yield pybase64.b64encode(memoryview(data)[:whole])
    if carry:
        yield pybase64.b64encode(carry)


async def _raw(picture: InputImage, read: Read) -> AsyncGenerator[bytes]:
    total = 0
    async with _closing(read(picture.sha256, _READ_SIZE)) as pieces:
        async for piece in pieces:
            total += len(piece)
            yield piece
    if total != picture.size:
        raise ValueError(f"a kept picture has {total} bytes instead of {picture.size}")


@contextlib.asynccontextmanager
async def _closing(pieces: AsyncIterator[bytes]) -> AsyncIterator[AsyncIterator[bytes]]:
    """Close a generator that was left half-way, and the file in it, now and not some time."""
    try:
        yield pieces
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


def images_body(order: ImageRequest) -> Body:
    """Build the JSON body of an images route."""
    head = json.dumps(_images_options(order)).removesuffix("}").encode()
    return Body((head, *_inputs(order), b"}"), route_of(order))


def _images_options(order: ImageRequest) -> dict[str, object]:
    profile = order.profile
    options: dict[str, object] = {"model": profile.name, "prompt": order.text, "n": 1}
    if profile.stream:
        options["stream"] = True
    return options | size_parameters(order) | dict(profile.extra)


def _inputs(order: ImageRequest) -> list[bytes | InputImage]:
    dialect, pictures = order.profile.inputs, order.inputs
    if not pictures:
        return []
    if dialect is InputDialect.REFERENCES:
        return _pictures("input_references", pictures, dialect)
    if len(pictures) == 1:
        parts = [b', "image": ', *_picture(pictures[0], dialect)]
    else:
        parts = _pictures(_SEVERAL[dialect], pictures, dialect)
    if order.mask and order.profile.mask:
        parts += [b', "mask": ', *_picture(order.mask, dialect)]
    return parts


def _pictures(
    field: str, pictures: tuple[InputImage, ...], dialect: InputDialect
) -> list[bytes | InputImage]:
    parts: list[bytes | InputImage] = [f', "{field}": ['.encode()]
    for at, picture in enumerate(pictures):
        parts += [b", " if at else b"", *_picture(picture, dialect)]
    return [*parts, b"]"]


def _picture(picture: InputImage, dialect: InputDialect) -> list[bytes | InputImage]:
    before, after = _WRAPPED[dialect]
    return [f'{before}"data:{picture.mime};base64,'.encode(), picture, f'"{after}'.encode()]


_SEVERAL = {InputDialect.IMAGE: "image", InputDialect.IMAGE_OBJECTS: "images"}
_WRAPPED = {
    InputDialect.IMAGE: ("", ""),
    InputDialect.IMAGE_OBJECTS: ('{"url": ', "}"),
    InputDialect.REFERENCES: ('{"type": "image_url", "image_url": {"url": ', "}}"),
}


_MODALITIES = {
    Modalities.TEXT_IMAGE: ["text", "image"],
    Modalities.IMAGE_TEXT: ["image", "text"],
    Modalities.IMAGE: ["image"],
}


def chat_body(order: ImageRequest) -> Body:
    """Build the body of a chat with one message."""
    options = json.dumps(_chat_options(order)).removesuffix("}")
    system = "".join(f"{json.dumps(message)}, " for message in _system(order))
    head = f'{options}, "messages": [{system}{{"role": "user", "content": '.encode()
    return Body((head, *_content(order), b"}]}"), Route.CHAT)


def _chat_options(order: ImageRequest) -> dict[str, object]:
    profile = order.profile
    options: dict[str, object] = {"model": profile.name, "stream": profile.stream}
    if profile.stream:  # else no usage comes with a stream
        options["stream_options"] = {"include_usage": True}
    if modalities := _MODALITIES.get(profile.modalities):
        options["modalities"] = modalities
    return options | size_parameters(order) | dict(profile.extra)


def _system(order: ImageRequest) -> list[dict[str, str]]:
    words = system_size_text(order)
    return [{"role": "system", "content": words}] if words else []


def _content(order: ImageRequest) -> list[bytes | InputImage]:
    """Text alone goes as a string, which every gateway takes; pictures need parts, text first."""
    if not order.inputs:
        return [json.dumps(order.text).encode()]
    parts: list[bytes | InputImage] = [
        b"[",
        json.dumps({"type": "text", "text": order.text}).encode(),
    ]
    for picture in order.inputs:
        url = f', {{"type": "image_url", "image_url": {{"url": "data:{picture.mime};base64,'
        parts += [url.encode(), picture, b'"}}']
    return [*parts, b"]"]


_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


def multipart_body(order: ImageRequest, boundary: str) -> Body:
    """Build the form; `boundary` must be such that nothing in it can hold it."""
    parts: list[bytes | RawFile] = [
        _text_part(name, text, boundary) for name, text in _form_fields(order).items()
    ]
    name = "image" if len(order.inputs) == 1 else "image[]"
    for picture in order.inputs:
        parts += _file_part(name, "image", picture, boundary)
    if order.mask and order.profile.mask:
        parts += _file_part("mask", "mask", order.mask, boundary)
    end = f"--{boundary}--\r\n".encode()
    return Body((*parts, end), route_of(order), f"multipart/form-data; boundary={boundary}")


def _form_fields(order: ImageRequest) -> dict[str, str]:
    profile = order.profile
    texts: dict[str, object] = {"model": profile.name, "n": 1}
    if route_of(order) is not Route.VARIATIONS:  # a variation has no prompt
        texts["prompt"] = order.text
    if profile.stream:
        texts["stream"] = True
    texts |= size_parameters(order) | dict(profile.extra)
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in texts.items()
    }


def _text_part(name: str, text: str, boundary: str) -> bytes:
    return f"{_part_head(boundary, name)}\r\n\r\n{text}\r\n".encode()


def _file_part(field: str, name: str, picture: InputImage, boundary: str) -> list[bytes | RawFile]:
    filename = f"{name}.{_ENDINGS.get(picture.mime, 'bin')}"
    head = f'{_part_head(boundary, field)}; filename="{filename}"\r\nContent-Type: {picture.mime}\r\n\r\n'
    return [head.encode(), RawFile(picture), b"\r\n"]


def _part_head(boundary: str, name: str) -> str:
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'


def _boundary() -> str:
    """Make what no picture can hold: nobody could guess it, and chance will not."""
    return f"picturebot-{secrets.token_hex(24)}"


def build_body(order: ImageRequest, boundary: Callable[[], str] = _boundary) -> Body:
    """Build the body of a request; ValueError if the model can do nothing of the kind."""
    if route_of(order) is Route.CHAT:
        return chat_body(order)
    if order.inputs and order.profile.inputs is InputDialect.MULTIPART:
        return multipart_body(order, boundary())
    return images_body(order)
