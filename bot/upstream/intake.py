"""An intake: takes an answer's bytes in, gives the pictures' bytes on, and keeps what else it says.

What an answer is, one document or a stream of events, is told by its first bytes: neither by its
Content-Type nor by what was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from bot.media import svg
from bot.media.inspect import sniff
from bot.upstream.decode import read
from bot.upstream.sieve import Sieve
from bot.upstream.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bot.upstream.decode import Reading
    from bot.upstream.sieve import Piece

_BLANK = b"\xef\xbb\xbf \t\r\n"  # a byte order mark, and what some gateways keep alive with
_EVENTS = (b"data:", b"event:", b"id:", b"retry:", b":")


class Intake:
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
        self._document = Sieve(skeleton=skeleton, indices=indices)
        self._stream = Stream(skeleton=skeleton, indices=indices, hear=hear, record=record)
        # Of a picture by index its MIME type and its checksum, which tells whether it came twice.
        self.seen: dict[int, tuple[str, int]] = {}
        self._recording = record > 0
        self._head = b""
        self._inner: Sieve | Stream | None = None

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

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Take the next bytes; raises Overflow past the limit."""
        if self._inner is None:
            data = self._head = (self._head + data).lstrip(_BLANK)
            if not data or any(len(data) < len(mark) and mark.startswith(data) for mark in _EVENTS):
                return
        yield from self._seen(self._chosen().feed(data))

    def finish(self) -> Iterator[Piece]:
        """Take the end of the bytes for the end of the answer."""
        if self._inner is None:
            yield from self._seen(self._chosen().feed(self._head))
        yield from self._seen(self._chosen().finish())

    def read(self, status: int) -> Reading:
        """Say what the whole answer means; raises Failed for what is no answer at all."""
        return self._stream.read(status) if self.stream else read(self._document.skeleton, status)

    def _seen(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        for piece in pieces:
            if self._recording:
                kind, sum_so_far = self.seen.get(piece.index, (_kind(piece.data), 0))
                self.seen[piece.index] = kind, crc32(piece.data, sum_so_far)
            yield piece

    def _chosen(self) -> Sieve | Stream:
        if self._inner is None:
            self._inner = self._stream if self._head.startswith(_EVENTS) else self._document
            self._head = b""
        return self._inner


def _kind(head: bytes) -> str:
    """Name the type of a picture by its first piece; empty for what is none."""
    return sniff(head) or ("image/svg" if svg.may_begin(head) else "")
