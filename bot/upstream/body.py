"""A request's body: bytes around pictures that are read while they are sent."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass

import pybase64

from bot.upstream.order import Input

_PIECE = 192 * 1024

Read = Callable[[str, int], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class Raw:
    """A picture that is sent as it is, where an Input by itself is sent as base64."""

    picture: Input


@dataclass(frozen=True, slots=True)
class Body:
    """A body in parts: bytes as they are, pictures as base64 or Raw; `length` in bytes is exact.

    `route` is where it goes, `content_type` what it is.
    """

    parts: tuple[bytes | Input | Raw, ...]
    route: str = "chat/completions"
    content_type: str = "application/json"

    @property
    def length(self) -> int:
        """What Content-Length says, known before any picture is read."""
        return sum(map(_length, self.parts))


def _length(part: bytes | Input | Raw) -> int:
    match part:
        case Raw(picture):
            return picture.size
        case Input(size=size):
            return (size + 2) // 3 * 4
        case _:
            return len(part)


async def stream(body: Body, read: Read) -> AsyncGenerator[bytes]:
    """Yield the body's bytes; `read(sha256, piece)` opens a kept picture.

    A picture that is not as long as it was said to be raises ValueError: the length is promised.
    """
    for part in body.parts:
        if isinstance(part, bytes):
            yield part
            continue
        pieces = _raw(part.picture, read) if isinstance(part, Raw) else _base64(part, read)
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                yield piece


async def _base64(picture: Input, read: Read) -> AsyncGenerator[bytes]:
    carry = b""
    async with contextlib.aclosing(_raw(picture, read)) as pieces:
        async for piece in pieces:
            data = carry + piece if carry else piece
            whole = len(data) - len(data) % 3
            carry = data[whole:]
            yield pybase64.b64encode(memoryview(data)[:whole])
    if carry:
        yield pybase64.b64encode(carry)


async def _raw(picture: Input, read: Read) -> AsyncGenerator[bytes]:
    total = 0
    async with _closing(read(picture.sha256, _PIECE)) as pieces:
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
