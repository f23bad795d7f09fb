"""An answer as it arrives: images flow into files, the rest stays in memory, both bounded.

What an answer is, one document or a stream of events, is told by its first bytes: neither by its
Content-Type nor by what was asked for. Documents a line each, the first of which is a piece of a
message, are a stream whose events are written otherwise: a picture may go on in the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

from bot.gateway.accumulator import messages
from bot.gateway.documents import is_whole, parse_response
from bot.gateway.download import PAUSES
from bot.gateway.errors import CallFailed, MalformedJson
from bot.gateway.image_extractor import PLACEHOLDER, ImageChunk, ImageExtractor
from bot.gateway.json import parse_event
from bot.gateway.picture_body import PictureBody, is_picture
from bot.gateway.response import ParsedResponse
from bot.gateway.stream import StreamReader
from bot.log import redacted
from bot.media import svg
from bot.media.formats import HEAD_BYTES, sniff

RECORDED = 256 * 1024  # bytes of a recording
_MIB = 1 << 20
_ENDS_WITHIN = 64 * 1024  # bytes; more words come without pauses, and cost too much to look at
_BLANK = b"\xef\xbb\xbf \t\r\n"  # a byte order mark, and what some gateways keep alive with
_EVENTS = (b"data:", b"event:", b"id:", b"retry:", b":")
_DOCUMENTS = (b"{", b"[", b'"', b"<")
_PLACE = "\ue000".encode()  # where a picture was cut out
_LOOK = 64  # bytes behind a first line
_LONGEST_LINE = 256 * 1024  # bytes of a first line
_BETWEEN_EVENTS = b"\n\ndata: "
_BARE = b'"\n'  # in front of a text: base64 behind a quotation mark is known by its beginning


@dataclass(frozen=True, slots=True)
class ResponseLimits:
    """How much one answer may hold: sizes in bytes, `pixels` for an image, times in seconds.

    `remainder` is what is left of an answer without its images, `silence` how long nothing may
    come of a linked one, `grace` how long one that is there waits for the others, `pauses` stand
    between tries of one.
    """

    body: int = 96 * _MIB
    remainder: int = 2 * _MIB
    image: int = 32 * _MIB
    images: int = 16
    pixels: int = 100_000_000
    connect: float = 10.0
    silence: float = 60.0
    grace: float = 30.0
    pauses: tuple[float, ...] = PAUSES


class ResponseReader:
    """Takes an answer's bytes in any pieces; gives its images' bytes, and what else it says.

    `limit` in bytes bounds what is held of it: past that it `is_full`, and takes nothing more.
    `images` tells how many are kept. `on_text` is given the text so far of a stream when it grew.
    With `record` the first so many bytes of a stream's events are kept, and images told apart:
    `seen` has of each by index its type and its checksum.
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
        self._first_line: bytearray | None = None  # of a document, while it may be one of many
        self._by_lines = False
        self._reader: ImageExtractor | StreamReader | PictureBody | None = None
        self._indices = indices

    @property
    def is_stream(self) -> bool:
        return self._reader is self._stream

    @property
    def is_full(self) -> bool:
        return self._stream.is_full if self.is_stream else self._document.is_full

    @property
    def done(self) -> bool:
        """Whether nothing more can come: the stream says so itself."""
        return self._stream.done

    @property
    def is_whole(self) -> bool:
        """Whether a picture and the answer's own end have come, so that more is not waited for long."""
        if self.is_stream:
            return self._stream.is_whole
        if self._reader is not self._document:
            return False
        document = self._document
        small = document.size < _ENDS_WITHIN
        return small and is_whole(document.remainder + document.undecided)

    @property
    def recorded(self) -> bytes:
        return self._stream.recorded if self.is_stream else self._remainder

    def feed(self, data: bytes) -> list[ImageChunk]:
        if self._reader is None:
            data = self._head = (self._head + data).lstrip(_BLANK)
            if not data or _is_undecided(data):
                return []
        self._chosen()
        if self._first_line is not None:
            self._first_line += data
            data = self._begun_anew(self._first_line) or data
        if self._by_lines:
            data = data.replace(b"\n", _BETWEEN_EVENTS)
        return self._noted(self._chosen().feed(data))

    def finish(self) -> list[ImageChunk]:
        head, reader = self._head, self._chosen()
        begun = reader.feed(head) if head else []
        return self._noted(begun + reader.finish())

    def response(self, status: int, broken: CallFailed | None = None) -> ParsedResponse:
        """Say what an answer means; raises CallFailed for what is no answer at all.

        `broken` says why no more of it came: what is whole counts all the same.
        """
        if self.is_stream:
            return self._stream.response(status, broken)
        if broken and self.is_full and _PLACE not in self._remainder:  # not worth 15 MB
            raise broken
        response = parse_response(self._remainder, status, broken)
        is_cut = broken is not None and isinstance(self._reader, PictureBody)
        return response.with_error(broken) if broken and is_cut else response

    @property
    def _remainder(self) -> bytes:
        reader = self._reader if isinstance(self._reader, PictureBody) else self._document
        return reader.remainder.removeprefix(_BARE)

    def _begun_anew(self, seen: bytearray) -> bytes:
        """Give all that came as a stream's beginning, where the second line shows that it is one."""
        end = seen.find(b"\n")
        second = seen[end + 1 : end + 1 + _LOOK].lstrip(_BLANK) if end >= 0 else b""
        if second or len(seen) > _LONGEST_LINE:
            self._first_line = None
        if not second.startswith(b"{") or not _is_piece(bytes(seen[:end])):
            return b""
        self.seen.clear()  # what was cut out of it so far comes once more
        self._reader, self._by_lines = self._stream, True
        return b"data: " + seen

    def _noted(self, chunks: list[ImageChunk]) -> list[ImageChunk]:
        for chunk in chunks if self._recording else ():
            kind, checksum = self.seen.get(chunk.index, (_kind(chunk.data), 0))
            self.seen[chunk.index] = kind, crc32(chunk.data, checksum)
        return chunks

    def _chosen(self) -> ImageExtractor | StreamReader | PictureBody:
        if self._reader is None:
            if self._head.startswith(_EVENTS):
                self._reader = self._stream
            elif is_picture(self._head):
                self._reader = PictureBody(next(self._indices, 0))
            else:
                self._reader = self._document
                self._first_line = bytearray() if self._head.startswith(b"{") else None
                if not self._head.startswith(_DOCUMENTS):
                    self._document.feed(_BARE)
            self._head = b""
        return self._reader


@dataclass(frozen=True, slots=True)
class Recording:
    """An answer as it came, to become a test: without pictures and keys.

    `{{png}}` and the like stand where pictures were, `{{key}}` for our key. The content of a
    `stream` stands whole in its first event. `shape` names the places where pictures stood. `body`
    is cut at 256 KB.
    """

    status: int
    content_type: str
    body: bytes
    stream: bool
    shape: str


def redacted_body(reader: ResponseReader, key: str) -> bytes:
    """Put names in place of pictures (`{{png}}`, `{{png2}}`, `{{audio}}` for others) and of `key`."""
    names: dict[tuple[str, int], str] = {}  # the same bytes are the same picture
    for _, picture in sorted(reader.seen.items()):
        kind = picture[0].removeprefix("image/")
        number = sum(known == picture[0] for known, _ in names) + 1
        names.setdefault(picture, f"{kind}{number}" if number > 1 else kind)

    def name(match: re.Match[str]) -> str:
        picture = None if match[1] == "x" else reader.seen.get(int(match[1]))
        return f"{{{{{names[picture] if picture else 'audio'}}}}}"

    text = PLACEHOLDER.sub(name, reader.recorded[: 2 * RECORDED].decode("utf-8", "replace"))
    text = redacted(text.replace(key, "{{key}}") if key else text)
    return text.encode()[:RECORDED].decode("utf-8", "ignore").encode()


def _is_piece(line: bytes) -> bool:
    """Whether a line is an event of a stream, with a piece of a message."""
    try:
        return any(who.name == "delta" for one in parse_event(line) for who, _ in messages(one))
    except MalformedJson:
        return False


def _is_undecided(head: bytes) -> bool:
    """Whether a body that begins so may be a stream or a picture yet."""
    if head.startswith(_DOCUMENTS) and not head.startswith(b"<"):
        return False
    if any(len(head) < len(mark) and mark.startswith(head) for mark in _EVENTS):
        return True
    return len(head) < HEAD_BYTES and not head.startswith(_EVENTS)


def _kind(head: bytes) -> str:
    return sniff(head) or ("image/svg" if svg.may_begin(head) else "")
