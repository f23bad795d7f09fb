"""Images are cut out of an answer's bytes, decoded, while they arrive; the text is let through.

No JSON is parsed. An image starts after `base64,` (a data URL) or after a quotation mark that is
followed by the base64 of an image's first bytes, and ends with the first character that can be no
base64. Other base64 behind a quotation mark is cut out too once it is long: models sign their
thoughts with megabytes of it. The remainder has a placeholder where each of them was, and is small enough to be parsed whole. A decision is taken only when all it depends on is
visible, so how the bytes were split on their way changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pybase64

from bot.media import svg
from bot.media.formats import sniff

# Private characters: no model writes them, and an index that is none of ours is ignored.
PLACEHOLDER = re.compile("\ue000([0-9]{1,4}|x)\ue001")

_NOTHING = "\ue000x\ue001".encode()

# What JSON, JSON in a string of JSON, and the encoding of URLs make of the characters of base64.
_SPACE = rb"(?:[ \t\r\n]|\\{1,2}[nrt]|%(?:20|0[AaDd9]))"
_SLASH = rb"(?:[/_]|\\{1,2}/|\\{1,2}u00(?:2|5)[Ff]|%(?:2|5)[Ff])"
# The usual first: it stands in each line of base64.
_CODE = rb"u00(?:2[BbDdFf]|5[Ff])"
_ESCAPED_CHARACTER = rb"\\/|\\" + _CODE + rb"|\\\\/|\\\\" + _CODE + rb"|%(?:2[BbDdFf]|5[Ff])"
_MAGIC = rb"|".join(
    (
        rb"iVBORw0KGg",  # PNG
        _SLASH + rb"9j" + _SLASH,  # JPEG
        rb"UklGR",  # WebP, in RIFF
        rb"R0lGOD",  # GIF
        rb"AAAA[A-Za-z0-9+/]GZ0eX",  # HEIC and AVIF, in ftyp
        rb"PHN2Z",  # SVG
        rb"PD94bWwg",  # XML, which it may begin with
        rb"SUkqA|TU0AK",  # TIFF
        rb"Qk[0-3][A-Za-z0-9+/]{5}AAAAA",  # BMP
    )
)
_MARK = re.compile(rb'(?i:base64(?:,|%2C))|"(?=' + _SPACE + rb"{0,8}(?:" + _MAGIC + rb"))")
_SIGNED = rb"[A-Za-z0-9+/_=-]|\\/|\\u00(?:2[BbDdFf]|3[Dd]|5[Ff])"
_MAYBE_SIGNED = re.compile(rb'"(?=(?:' + _SIGNED + rb"){64})")
_SIGNATURE = re.compile(rb"(?:[A-Za-z0-9+/_=-]++|" + _SIGNED + rb")*+")
_LOOK = 4096  # holds the head of any run, however it is escaped and wrapped
_LONG = 16_384  # bytes of a string; nothing that we read is so long and all base64
_ESCAPED = 5  # bytes of an escape that is not whole


@dataclass(frozen=True, slots=True)
class ImageChunk:
    """Decoded bytes of the image with this index, in order."""

    index: int
    data: bytes


@dataclass(slots=True, kw_only=True)
class ImageExtractor:
    """Takes an answer's bytes in any pieces; gives decoded pieces of images and a remainder.

    Nothing more is taken once the remainder is larger than `limit`, in bytes. `indices` number the
    images, and end where no more are kept; the extractors of one answer share them.
    """

    limit: int
    indices: Iterator[int]
    _buffer: bytes = b""
    _at: int = 0
    _remainder: bytearray = field(default_factory=bytearray)
    _decoder: Base64Decoder | None = None
    _index: int | None = None
    _signed: bool = False  # inside of a long string of base64 that is no picture
    _looked: int = 0  # how much of the remainder holds none

    @property
    def remainder(self) -> bytes:
        """The answer without its pictures; whole once `finish` was called."""
        return bytes(self._remainder)

    @property
    def size(self) -> int:
        return len(self._remainder)

    @property
    def is_full(self) -> bool:
        return len(self._remainder) > self.limit

    @property
    def undecided(self) -> bytes:
        """Bytes that are text unless a picture begins in them."""
        return b"" if self._decoder else self._buffer[self._at :]

    def feed(self, data: bytes) -> list[ImageChunk]:
        self._buffer += data
        chunks = self._process(final=False)
        self._buffer, self._at = self._buffer[self._at :], 0  # what is done with is large
        return chunks

    def finish(self) -> list[ImageChunk]:
        return self._process(final=True)

    def _process(self, *, final: bool) -> list[ImageChunk]:
        chunks: list[ImageChunk] = []
        going = True
        while going and not self.is_full:
            decoder = self._decoder
            going = self._decode(decoder, final=final) if decoder else self._text(final=final)
            if self._decoder:
                data = self._decoder.take()
                if data and self._index is not None:
                    chunks.append(ImageChunk(self._index, data))
                if self._decoder.ended:
                    self._decoder = None
        return chunks

    def _text(self, *, final: bool) -> bool:
        """Let text through up to the next picture; False if more bytes are needed."""
        buffer, mark = self._buffer, _MARK.search(self._buffer, self._at)
        visible = len(buffer) if final else self._escape_start(len(buffer) - _HOLD)
        if mark is None:
            self._let_through(max(visible, self._at))
            return False
        if not final and mark.end() > len(buffer) - _LOOK:
            self._let_through(max(min(visible, self._escape_start(mark.start())), self._at))
            return False
        self._let_through(mark.end())
        decoder = Base64Decoder()
        end = decoder.feed(buffer, self._at, final=final)
        if len(decoder.head) >= _HEAD:
            self._at, self._decoder = end, decoder
            self._begin(decoder.head)
        return True

    def _decode(self, decoder: Base64Decoder, *, final: bool) -> bool:
        self._at = decoder.feed(self._buffer, self._at, final=final)
        return decoder.ended

    def _begin(self, head: bytes) -> None:
        known = sniff(head) or svg.may_begin(head)
        self._index = next(self.indices, None) if known else None
        self._leave(f"\ue000{'x' if self._index is None else self._index}\ue001".encode())

    def _escape_start(self, end: int) -> int:
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
        self._remainder += data
        if len(self._remainder) - self._looked > _LONG:
            self._shorten()

    def _shorten(self) -> None:
        while found := _MAYBE_SIGNED.search(self._remainder, self._looked):
            start = found.end()
            self._looked = end = self._signature(start)
            if end - start > _LONG:
                self._remainder[start:end] = _NOTHING
                self._looked = start + len(_NOTHING)
                self._signed = self._looked == len(self._remainder)
            elif end == len(self._remainder):
                self._looked = found.start()
                return
        quote = self._remainder.rfind(b'"', self._looked)
        open_ended = quote >= 0 and self._signature(quote + 1) == len(self._remainder)
        self._looked = quote if open_ended else len(self._remainder)

    def _signature(self, at: int) -> int:
        match = _SIGNATURE.match(self._remainder, at)
        return match.end() if match else at


_RUN = re.compile(rb"(?:[A-Za-z0-9+/_-]++|" + _ESCAPED_CHARACTER + rb")*+")
_GAP = re.compile(_SPACE + rb"{1,8}+")
_PADDING = re.compile(rb"(?:" + _SPACE + rb"{0,8}+(?:=|\\{1,2}u003[Dd]|%3[Dd])){1,2}+")
_ESCAPE = re.compile(rb"\\{1,2}" + _CODE + rb"|%(?:2[BbDdFf]|5[Ff])")
_STANDARD = bytes.maketrans(b"-_", b"+/")

# As long as a window is, base64 is never this: words of small letters, numbers, a ruled line.
_PROSE = re.compile(
    rb"[-_]{3,}|(?:[A-Za-z]?[a-z]++(?:[A-Z][a-z]{2,}+)*+|[0-9]++)"
    rb"(?:[-_/]{1,2}(?:[A-Za-z]?[a-z]++(?:[A-Z][a-z]{2,}+)*+|[0-9]++))*+[-_/]?"
)
_HOLD = 64  # no mark and nothing that ends or continues a run is longer
_HEAD = 48  # bytes; less is no picture
_WRAP = 128  # characters; base64 is wrapped at 64 or 76
_WORD = 18  # characters; more without a space are hardly ever prose


@dataclass(slots=True)
class Base64Decoder:
    """One run of base64: decodes it in steps of whole quanta and finds its end."""

    ended: bool = False
    _decoded: list[bytes] = field(default_factory=list)
    _carry: bytes = b""
    _line: int = 0
    _width: int = 0

    @property
    def head(self) -> bytes:
        """The first bytes, as long as none were taken away."""
        return b"".join(self._decoded)[:_HEAD]

    def take(self) -> bytes:
        data = b"".join(self._decoded)
        self._decoded.clear()
        return data

    def feed(self, buffer: bytes, at: int, *, final: bool) -> int:
        """Decode from `at`, most of it in one leap; returns how far, like `walk`."""
        return self.walk(buffer, self._leap(buffer, at), final=final)

    def walk(self, buffer: bytes, at: int, *, final: bool) -> int:
        """Decode from `at` by lines; returns how far, and sets `ended` when the run is over."""
        while not self.ended:
            at = self._step(buffer, at)
            if len(buffer) - at < _HOLD and not final:
                return at
            at = self._turn(buffer, at)
        return at

    def _leap(self, buffer: bytes, at: int) -> int:
        """Try all that is there at once, or else all up to a stop: 15 times faster than by lines."""
        reached = self._jump(buffer, at, len(buffer))
        return reached if reached > at else self._jump(buffer, at, _stop(buffer, at))

    def _jump(self, buffer: bytes, at: int, end: int) -> int:
        size = (len(self._carry) + end - at) // 4 * 4 - len(self._carry)
        if size <= 0 or buffer[at + size - 1] == ord("="):
            return at
        block = memoryview(buffer)[at : at + size]
        try:
            self._decode(self._carry + bytes(block) if self._carry else block)
        except ValueError:
            return at
        self._carry = b""
        self._line += size
        return at + size

    def _step(self, buffer: bytes, at: int) -> int:
        match = _RUN.match(buffer, at)
        found = match.group() if match else b""
        if b"\\" in found:
            found = found.replace(b"\\\\/", b"/").replace(b"\\/", b"/")
        if b"\\" in found or b"%" in found:
            found = _ESCAPE.sub(_unescape, found)
        self._line += len(found)
        data = self._carry + found.translate(_STANDARD)
        whole = len(data) // 4 * 4
        self._carry = data[whole:]
        if whole:
            self._decode(memoryview(data)[:whole])
        return match.end() if match else at

    def _turn(self, buffer: bytes, at: int) -> int:
        if padding := _PADDING.match(buffer, at):
            self._end()
            return padding.end()
        gap = _GAP.match(buffer, at)
        if gap is None or not self._continues(buffer, gap.end()):
            self._end()
            return at
        self._width = self._width or self._line
        self._line = 0
        return gap.end()

    def _continues(self, buffer: bytes, at: int) -> bool:
        """Tell wrapped base64 from a data URL with prose behind it.

        A line as long as the first, or a word longer than most, has more base64 behind it; the
        first line may be all of it, so what reads like prose behind a long one is prose.
        """
        word = _RUN.match(buffer, at, at + 2 * _WORD)
        found = word.group() if word else b""
        if self._line == (self._width or min(self._line, _WRAP)):
            return bool(found)
        return len(found) > _WORD and not _PROSE.fullmatch(found.replace(b"\\/", b"/"))

    def _end(self) -> None:
        self.ended = True
        if len(self._carry) > 1:  # the padding is often missing; one character alone is nothing
            self._decode(self._carry + b"=" * (4 - len(self._carry)))
        self._carry = b""

    def _decode(self, quanta: bytes | memoryview) -> None:
        self._decoded.append(pybase64.b64decode(quanta, validate=True))


def _stop(buffer: bytes, at: int) -> int:
    """Find the first byte that ends most runs: looking for one at a time is the fastest way."""
    end = len(buffer)
    for byte in (b'"', b")", b"=", b"\\", b"%", b"\n", b"\r", b" "):
        found = buffer.find(byte, at, end)
        end = end if found < 0 else found
    return end


def _unescape(match: re.Match[bytes]) -> bytes:
    return bytes([int(match.group()[-2:], 16)])
