"""A sieve: lets an answer's bytes through and cuts the pictures out, decoded, while they arrive.

It knows no JSON. A picture starts after `base64,` (a data URL) or after a quotation mark that is
followed by the base64 of an image's first bytes, and ends with the first character that can be no
base64. Other base64 behind a quotation mark is cut out too once it is long: models sign their
thoughts with megabytes of it. What is left, the skeleton, has a placeholder where each of them
was, and is small enough to be parsed whole. A decision is taken only when all it depends on is
visible, so how the bytes were split on their way changes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.media import svg
from bot.media.inspect import sniff
from bot.upstream.run import HEAD, HOLD, SPACE, Run

if TYPE_CHECKING:
    from collections.abc import Iterator

# Private characters: no model writes them, and an index that is none of ours is ignored.
PLACEHOLDER = re.compile("\ue000([0-9]{1,4}|x)\ue001")

_NOTHING = "\ue000x\ue001".encode()

_SLASH = rb"(?:[/_]|\\/|\\u00(?:2|5)[Ff])"
_MAGIC = rb"|".join(
    (
        rb"iVBORw0KGg",  # PNG
        _SLASH + rb"9j" + _SLASH,  # JPEG
        rb"UklGR",  # WebP, in RIFF
        rb"R0lGOD",  # GIF
        rb"AAAA[A-Za-z0-9+/]GZ0eX",  # HEIC and AVIF, in ftyp
        rb"PHN2Z",  # SVG
        rb"PD94bWwg",  # XML, which it may begin with
    )
)
_MARK = re.compile(rb'(?i:base64,)|"(?=' + SPACE + rb"{0,8}(?:" + _MAGIC + rb"))")
_SIGNED = rb"[A-Za-z0-9+/_=-]|\\/|\\u00(?:2[BbDdFf]|3[Dd]|5[Ff])"
_MAYBE_SIGNED = re.compile(rb'"(?=(?:' + _SIGNED + rb"){64})")
_SIGNATURE = re.compile(rb"(?:[A-Za-z0-9+/_=-]++|" + _SIGNED + rb")*+")
_LOOK = 4096  # holds the head of any run, however it is escaped and wrapped
_LONG = 16_384  # bytes of a string; nothing that we read is so long and all base64
_ESCAPED = 5  # bytes of an escape that is not whole


class Overflow(Exception):
    """What is left of an answer without its pictures is larger than we hold in memory."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Decoded bytes of the picture with this index, in order."""

    index: int
    data: bytes


class Sieve:
    """Takes an answer's bytes in any pieces; gives decoded pieces of pictures and a skeleton.

    `skeleton` is the largest that is held, in bytes. `indices` number the pictures, and end where
    no more are kept; sieves of one answer share them.
    """

    def __init__(self, *, skeleton: int, indices: Iterator[int]) -> None:
        self._limit = skeleton
        self._indices = indices
        self._buffer = b""
        self._at = 0
        self._skeleton = bytearray()
        self._run: Run | None = None
        self._index: int | None = None
        self._signed = False  # inside of a long string of base64 that is no picture
        self._looked = 0  # how much of the skeleton holds none

    @property
    def skeleton(self) -> bytes:
        """The answer without its pictures; whole once `finish` was called."""
        return bytes(self._skeleton)

    @property
    def size(self) -> int:
        """How many bytes of skeleton are held."""
        return len(self._skeleton)

    @property
    def undecided(self) -> bytes:
        """Bytes that are text unless a picture begins in them."""
        return b"" if self._run else self._buffer[self._at :]

    def take(self, end: bytes) -> bytes:
        """Take the skeleton away, as far as the last `end` in it."""
        size = self._skeleton.rfind(end) + 1
        taken = bytes(self._skeleton[:size])
        del self._skeleton[:size]
        self._looked = max(self._looked - size, 0)
        return taken

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Take the next bytes; raises Overflow past the skeleton's limit."""
        self._buffer = self._buffer[self._at :] + data
        self._at = 0
        yield from self._sift(final=False)

    def finish(self) -> Iterator[Piece]:
        """Take the end of the bytes for the end of the answer."""
        yield from self._sift(final=True)

    def _sift(self, *, final: bool) -> Iterator[Piece]:
        going = True
        while going:
            if self._run is None:
                going = self._text(final=final)
            else:
                going = self._picture(self._run, final=final)
            if self._run is not None:
                yield from self._take(self._run)
                if self._run.ended:
                    self._run = None

    def _text(self, *, final: bool) -> bool:
        """Let text through up to the next picture; False if more bytes are needed."""
        buffer, mark = self._buffer, _MARK.search(self._buffer, self._at)
        visible = len(buffer) if final else self._between(len(buffer) - HOLD)
        if mark is None:
            self._let_through(max(visible, self._at))
            return False
        if not final and mark.end() > len(buffer) - _LOOK:
            self._let_through(max(min(visible, self._between(mark.start())), self._at))
            return False
        self._let_through(mark.end())
        run = Run()
        end = run.feed(buffer, self._at, final=final)
        if len(run.head) >= HEAD:
            self._at, self._run = end, run
            self._begin(run)
        return True

    def _picture(self, run: Run, *, final: bool) -> bool:
        self._at = run.feed(self._buffer, self._at, final=final)
        return run.ended

    def _begin(self, run: Run) -> None:
        """Leave a placeholder; what is no picture, or one too many, is read but not kept."""
        known = sniff(run.head) or svg.may_begin(run.head)
        self._index = next(self._indices, None) if known else None
        self._leave(f"\ue000{'x' if self._index is None else self._index}\ue001".encode())

    def _take(self, run: Run) -> Iterator[Piece]:
        data = b"".join(run.decoded)
        run.decoded.clear()
        if data and self._index is not None:
            yield Piece(self._index, data)

    def _between(self, end: int) -> int:
        """Go back to where no escaped character is cut in two."""
        escape = self._buffer.rfind(b"\\", max(end - _ESCAPED, 0), max(end, 0))
        return end if escape < 0 else escape

    def _let_through(self, end: int) -> None:
        if self._signed:
            match = _SIGNATURE.match(self._buffer, self._at, end)
            self._at = match.end() if match else self._at
            self._signed = self._at == end
        self._leave(self._buffer[self._at : end])
        self._at = end

    def _leave(self, data: bytes) -> None:
        self._skeleton += data
        if len(self._skeleton) - self._looked > _LONG:
            self._shorten()
        if len(self._skeleton) > self._limit:
            raise Overflow

    def _shorten(self) -> None:
        """Put a placeholder in place of each long string of base64 that is no picture."""
        while found := _MAYBE_SIGNED.search(self._skeleton, self._looked):
            start = found.end()
            self._looked = end = self._signature(start)
            if end - start > _LONG:
                self._skeleton[start:end] = _NOTHING
                self._looked = start + len(_NOTHING)
                self._signed = self._looked == len(self._skeleton)
            elif end == len(self._skeleton):
                self._looked = found.start()
                return
        quote = self._skeleton.rfind(b'"', self._looked)
        open_ended = quote >= 0 and self._signature(quote + 1) == len(self._skeleton)
        self._looked = quote if open_ended else len(self._skeleton)

    def _signature(self, at: int) -> int:
        match = _SIGNATURE.match(self._skeleton, at)
        return match.end() if match else at
