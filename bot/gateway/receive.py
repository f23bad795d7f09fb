"""An answer as it arrives: images flow into files, the rest stays in memory, both bounded.

What an answer is, one document or a stream of events, is told by its first bytes: neither by its
Content-Type nor by what was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zlib import crc32

from bot.domain import OutcomeKind
from bot.gateway.errors import CallFailed, ResponseTooLarge
from bot.gateway.image_extractor import ImageExtractor
from bot.gateway.response import parse_response
from bot.gateway.stream import StreamReader
from bot.media import svg
from bot.media.inspect import sniff
from bot.media.store import TooLarge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from contextlib import AsyncExitStack

    from bot.gateway.image_extractor import ImageChunk
    from bot.gateway.response import ParsedResponse
    from bot.media.store import MediaStore, Writer

_MIB = 1 << 20
_BLANK = b"\xef\xbb\xbf \t\r\n"  # a byte order mark, and what some gateways keep alive with
_EVENTS = (b"data:", b"event:", b"id:", b"retry:", b":")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one answer may hold: sizes in bytes, `pixels` for an image, times in seconds.

    `remainder` is what is left of an answer without its images.
    """

    body: int = 96 * _MIB
    remainder: int = 2 * _MIB
    image: int = 32 * _MIB
    images: int = 16
    pixels: int = 100_000_000
    connect: float = 10.0
    download: float = 30.0


class ResponseReader:
    """Takes an answer's bytes in any pieces; gives its images' bytes, and what else it says.

    `limit` in bytes bounds what is held of it, `images` how many are kept. `on_text` is given the
    text so far of a stream when it grew. With `record` the first so many bytes of a stream's events
    are kept, and images told apart: `seen` has of each by index its type and its checksum.
    """

    def __init__(
        self,
        *,
        limit: int,
        images: int,
        on_text: Callable[[str], None] | None = None,
        record: int = 0,
    ) -> None:
        indices = iter(range(images))
        self._document = ImageExtractor(limit=limit, indices=indices)
        self._stream = StreamReader(limit=limit, indices=indices, on_text=on_text, record=record)
        self.seen: dict[int, tuple[str, int]] = {}
        self._recording = record > 0
        self._head = b""
        self._reader: ImageExtractor | StreamReader | None = None

    @property
    def is_stream(self) -> bool:
        return self._reader is self._stream

    @property
    def done(self) -> bool:
        """Whether nothing more can come: the stream says so itself."""
        return self._stream.done

    @property
    def recorded(self) -> bytes:
        """What came, with placeholders for its images."""
        return self._stream.recorded if self.is_stream else self._document.remainder

    def feed(self, data: bytes) -> list[ImageChunk]:
        """Take the next bytes; raises ResponseTooLarge past the limit."""
        if self._reader is None:
            data = self._head = (self._head + data).lstrip(_BLANK)
            if not data or any(len(data) < len(mark) and mark.startswith(data) for mark in _EVENTS):
                return []
        return self._noted(self._chosen().feed(data))

    def finish(self) -> list[ImageChunk]:
        """Take the end of the bytes for the end of the answer."""
        begun = self._chosen().feed(self._head) if self._reader is None else []
        return self._noted(begun + self._chosen().finish())

    def response(self, status: int) -> ParsedResponse:
        """Say what the whole answer means; raises CallFailed for what is no answer at all."""
        if self.is_stream:
            return self._stream.response(status)
        return parse_response(self._document.remainder, status)

    def _noted(self, chunks: list[ImageChunk]) -> list[ImageChunk]:
        for chunk in chunks if self._recording else ():
            kind, checksum = self.seen.get(chunk.index, (_kind(chunk.data), 0))
            self.seen[chunk.index] = kind, crc32(chunk.data, checksum)
        return chunks

    def _chosen(self) -> ImageExtractor | StreamReader:
        if self._reader is None:
            self._reader = self._stream if self._head.startswith(_EVENTS) else self._document
            self._head = b""
        return self._reader


async def receive(
    pieces: AsyncIterator[bytes],
    reader: ResponseReader,
    media: MediaStore,
    limits: Limits,
    stack: AsyncExitStack,
) -> dict[int, Writer]:
    """Take an answer in; gives its images as files, which `stack` removes unless committed.

    Raises CallFailed past a limit.
    """
    files = _ImageFiles(media, limits.image, stack)
    left = limits.body
    try:
        async for piece in pieces:
            left -= len(piece)
            if left < 0:
                raise CallFailed(OutcomeKind.BROKEN, f"more than {limits.body} bytes")
            await files.write(reader.feed(piece))
            if reader.done:
                break
        await files.write(reader.finish())
    except ResponseTooLarge as exc:
        detail = f"more than {limits.remainder} bytes of text"
        raise CallFailed(OutcomeKind.BROKEN, detail) from exc
    except TooLarge as exc:
        detail = f"a picture of more than {exc.limit} bytes"
        raise CallFailed(OutcomeKind.BROKEN, detail) from exc
    return files.writers


@dataclass(slots=True)
class _ImageFiles:
    """The files of one answer's images, opened when their first bytes come."""

    media: MediaStore
    limit: int
    stack: AsyncExitStack
    writers: dict[int, Writer] = field(default_factory=dict)

    async def write(self, chunks: Iterable[ImageChunk]) -> None:
        for chunk in chunks:
            if chunk.index not in self.writers:
                opened = self.stack.enter_async_context(self.media.writer(self.limit))
                self.writers[chunk.index] = await opened
            await self.writers[chunk.index].write(chunk.data)


def _kind(head: bytes) -> str:
    """Name the type of an image by its first piece; empty for what is none."""
    return sniff(head) or ("image/svg" if svg.may_begin(head) else "")
