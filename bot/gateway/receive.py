"""An answer on its way in: pictures flow into files, the rest stays in memory, both bounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

from bot.domain import OutcomeKind
from bot.gateway.errors import CallFailed
from bot.gateway.image_extractor import ImageExtractor, ResponseTooLarge
from bot.gateway.response import parse_response
from bot.gateway.stream import StreamReader
from bot.media import svg
from bot.media.inspect import sniff
from bot.media.store import TooLarge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from contextlib import AsyncExitStack

    from bot.gateway.image_extractor import ImageChunk
    from bot.gateway.response import ParsedResponse
    from bot.media.store import MediaStore, Writer


_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one answer may hold: sizes in bytes, `pixels` for a picture, times in seconds."""

    body: int = 96 * _MIB
    skeleton: int = 2 * _MIB
    picture: int = 32 * _MIB
    pictures: int = 16
    pixels: int = 100_000_000
    connect: float = 10.0
    fetch: float = 30.0


async def receive(
    chunks: AsyncIterator[bytes],
    intake: ResponseReader,
    media: MediaStore,
    limits: Limits,
    files: AsyncExitStack,
) -> dict[int, Writer]:
    """Take an answer in; gives its pictures as files, which `files` removes unless committed.

    Raises Failed past a limit.
    """
    pictures = _Files(media, limits.picture, files)
    left = limits.body
    try:
        async for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                raise CallFailed(OutcomeKind.BROKEN, f"more than {limits.body} bytes")
            await pictures.write(intake.feed(chunk))
            if intake.done:
                break
        await pictures.write(intake.finish())
    except ResponseTooLarge as exc:
        raise CallFailed(OutcomeKind.BROKEN, f"more than {limits.skeleton} bytes of text") from exc
    except TooLarge as exc:
        raise CallFailed(OutcomeKind.BROKEN, f"a picture of more than {exc.limit} bytes") from exc
    return pictures.writers


class _Files:
    """The files of one answer's pictures, opened when their first bytes come."""

    def __init__(self, media: MediaStore, limit: int, stack: AsyncExitStack) -> None:
        self.writers: dict[int, Writer] = {}
        self._media = media
        self._limit = limit
        self._stack = stack

    async def write(self, pieces: Iterable[ImageChunk]) -> None:
        for piece in pieces:
            if piece.index not in self.writers:
                opened = self._stack.enter_async_context(self._media.writer(self._limit))
                self.writers[piece.index] = await opened
            await self.writers[piece.index].write(piece.data)


_BLANK = b"\xef\xbb\xbf \t\r\n"  # a byte order mark, and what some gateways keep alive with
_EVENTS = (b"data:", b"event:", b"id:", b"retry:", b":")


class ResponseReader:
    """Takes an answer's bytes in any pieces; `skeleton` in bytes bounds what is held of it.

    `pictures` is how many are kept. `hear` is given the text so far of a stream when it grew.
    With `record` the first so many bytes of a stream's events are kept, and pictures told apart.
    """

    def __init__(
        self,
        *,
        skeleton: int,
        pictures: int,
        hear: Callable[[str], None] | None = None,
        record: int = 0,
    ) -> None:
        indices = iter(range(pictures))
        self._document = ImageExtractor(skeleton=skeleton, indices=indices)
        self._stream = StreamReader(skeleton=skeleton, indices=indices, hear=hear, record=record)
        # Of a picture by index its MIME type and its checksum, which tells whether it came twice.
        self.seen: dict[int, tuple[str, int]] = {}
        self._recording = record > 0
        self._head = b""
        self._inner: ImageExtractor | StreamReader | None = None

    @property
    def stream(self) -> bool:
        """Whether it is a stream of events."""
        return self._inner is self._stream

    @property
    def done(self) -> bool:
        """Whether nothing more can come: the stream says so itself."""
        return self._stream.done

    @property
    def recorded(self) -> bytes:
        """What came, with placeholders for its pictures."""
        return self._stream.recorded if self.stream else self._document.skeleton

    def feed(self, data: bytes) -> Iterator[ImageChunk]:
        """Take the next bytes; raises Overflow past the limit."""
        if self._inner is None:
            data = self._head = (self._head + data).lstrip(_BLANK)
            if not data or any(len(data) < len(mark) and mark.startswith(data) for mark in _EVENTS):
                return
        yield from self._seen(self._chosen().feed(data))

    def finish(self) -> Iterator[ImageChunk]:
        """Take the end of the bytes for the end of the answer."""
        if self._inner is None:
            yield from self._seen(self._chosen().feed(self._head))
        yield from self._seen(self._chosen().finish())

    def read(self, status: int) -> ParsedResponse:
        """Say what the whole answer means; raises Failed for what is no answer at all."""
        return (
            self._stream.read(status)
            if self.stream
            else parse_response(self._document.skeleton, status)
        )

    def _seen(self, pieces: Iterator[ImageChunk]) -> Iterator[ImageChunk]:
        for piece in pieces:
            if self._recording:
                kind, sum_so_far = self.seen.get(piece.index, (_kind(piece.data), 0))
                self.seen[piece.index] = kind, crc32(piece.data, sum_so_far)
            yield piece

    def _chosen(self) -> ImageExtractor | StreamReader:
        if self._inner is None:
            self._inner = self._stream if self._head.startswith(_EVENTS) else self._document
            self._head = b""
        return self._inner


def _kind(head: bytes) -> str:
    """Name the type of a picture by its first piece; empty for what is none."""
    return sniff(head) or ("image/svg" if svg.may_begin(head) else "")
