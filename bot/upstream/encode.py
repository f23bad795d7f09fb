"""A request's body: JSON around pictures that are read and encoded while they are sent."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pybase64

if TYPE_CHECKING:
    from bot.catalogue import Profile

_PIECE = 192 * 1024
_MODALITIES = {
    "text_image": ["text", "image"],
    "image_text": ["image", "text"],
    "image": ["image"],
}


@dataclass(frozen=True, slots=True)
class Input:
    """An input picture that is ready to be sent: `size` in bytes, `sha256` its name in the store.

    `mime` is `image/png`, `image/jpeg` or `image/webp`: what gateways of every family take.
    """

    sha256: str
    mime: str
    size: int


@dataclass(frozen=True, slots=True)
class Order:
    """What to ask a model for; `mask` shows where in the first input to draw.

    `insist` repeats the demand for a picture, after an answer of words alone.
    """

    prompt: str
    profile: Profile
    inputs: tuple[Input, ...] = ()
    aspect_ratio: str | None = None
    size: str | None = None
    mask: Input | None = None
    insist: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """A body in parts: bytes as they are, pictures as their base64; `length` in bytes is exact.

    `route` is where it goes, `content_type` what it is.
    """

    parts: tuple[bytes | Input, ...]
    route: str = "chat/completions"
    content_type: str = "application/json"

    @property
    def length(self) -> int:
        """What Content-Length says, known before any picture is read."""
        return sum(
            len(part) if isinstance(part, bytes) else (part.size + 2) // 3 * 4
            for part in self.parts
        )


def encode(order: Order) -> Body:
    """Build the body of `POST /chat/completions` for an order."""
    options = json.dumps(_options(order)).removesuffix("}")
    system = "".join(f"{json.dumps(message)}, " for message in _system(order))
    head = f'{options}, "messages": [{system}{{"role": "user", "content": '.encode()
    return Body((head, *_content(order), b"}]}"))


def _options(order: Order) -> dict[str, object]:
    options: dict[str, object] = {"model": order.profile.id, "stream": False}
    if modalities := _MODALITIES.get(order.profile.modalities):
        options["modalities"] = modalities
    if order.aspect_ratio:
        config = {"aspect_ratio": order.aspect_ratio}
        match order.profile.ratio_dialect:
            case "image_config":
                options["image_config"] = config
            case "extra_body":  # the new-api family wants this key literally, in snake case
                options["extra_body"] = {"google": {"image_config": config}}
            case _:
                pass
    return options


def _system(order: Order) -> list[dict[str, str]]:
    if order.aspect_ratio and order.profile.ratio_dialect == "system_message":
        return [{"role": "system", "content": f"aspect_ratio={order.aspect_ratio}"}]
    return []


def _content(order: Order) -> list[bytes | Input]:
    """Text alone goes as a string, which every gateway takes; pictures need parts, text first."""
    text = " ".join(filter(None, (order.prompt, order.profile.image_sentence)))
    if not order.inputs:
        return [json.dumps(text).encode()]
    parts: list[bytes | Input] = [b"[", json.dumps({"type": "text", "text": text}).encode()]
    for picture in order.inputs:
        url = f', {{"type": "image_url", "image_url": {{"url": "data:{picture.mime};base64,'
        parts += [url.encode(), picture, b'"}}']
    return [*parts, b"]"]


Read = Callable[[str, int], AsyncIterator[bytes]]


async def stream(body: Body, read: Read) -> AsyncGenerator[bytes]:
    """Yield the body's bytes; `read(sha256, piece)` opens a kept picture.

    A picture that is not as long as it was said to be raises ValueError: the length is promised.
    """
    for part in body.parts:
        if isinstance(part, bytes):
            yield part
        else:
            async with contextlib.aclosing(_base64(part, read)) as pieces:
                async for piece in pieces:
                    yield piece


async def _base64(picture: Input, read: Read) -> AsyncGenerator[bytes]:
    carry, total = b"", 0
    async with _closing(read(picture.sha256, _PIECE)) as pieces:
        async for piece in pieces:
            total += len(piece)
            data = carry + piece if carry else piece
            whole = len(data) - len(data) % 3
            carry = data[whole:]
            yield pybase64.b64encode(memoryview(data)[:whole])
    if total != picture.size:
        raise ValueError(f"a kept picture has {total} bytes instead of {picture.size}")
    if carry:
        yield pybase64.b64encode(carry)


@contextlib.asynccontextmanager
async def _closing(pieces: AsyncIterator[bytes]) -> AsyncIterator[AsyncIterator[bytes]]:
    """Close a generator that was left half-way, and the file in it, now and not some time."""
    try:
        yield pieces
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()
