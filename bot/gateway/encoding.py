"""Content encodings: undone while a body arrives, whatever was asked for.

We ask for none, and gateways, proxies and object stores send them nevertheless; some name one that
the bytes do not have. What is no encoding of HTTP (`aws-chunked`, `utf-8`) is left alone: whether
the body is of any use its own first bytes tell.
"""

from __future__ import annotations

import asyncio
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from typing import Protocol, cast

import brotli
import httpx

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_PIECE = 128 * 1024  # bytes that one step makes of however few: whoever counts them can stop
_BARREN = 1024 * 1024  # bytes that come to nothing at all; no honest body has as many
_HEAD = 4  # bytes by which an encoding is known
_MOST = 3  # encodings upon each other
_MEMBERS = 1024  # of one body; as many as 64 MiB have in blocks of 64 KiB
_WINDOW_LOG = 23  # RFC 8878: at least 8 MiB, and what asks for more need not be decoded

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_NAMES = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate", "br": "br", "zstd": "zstd"}
_ERRORS = (zlib.error, zstd.ZstdError, brotli.error)

Decode = Callable[[bytes], Iterator[bytes]]


async def decoded(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield a body's bytes without its encodings, in pieces of at most 128 KiB or as they came.

    Raises httpx.DecodingError, after all that could be decoded. A body that merely ends too early
    raises nothing: what is whole is told by what is in it.
    """
    named = response.headers.get("content-encoding", "").lower().split(",")
    names = [_NAMES[name.strip()] for name in named if name.strip() in _NAMES]
    if len(names) > _MOST:
        raise httpx.DecodingError(f"{len(names)} encodings upon each other")
    pieces = aiter(cast(httpx.AsyncByteStream, response.stream))
    for name in reversed(names or ["gzip"]):  # it is known by its beginning where nothing names it
        pieces = _undone(pieces, name)
    async for piece in pieces:
        yield piece
        piece = b""  # noqa: PLW2901 - it is large, and the next may be long in coming


async def _undone(pieces: AsyncIterator[bytes], name: str) -> AsyncIterator[bytes]:
    decode, head, barren = None, b"", 0
    async for piece in pieces:
        data = head + piece
        if decode is None and len(data) < _HEAD:
            head = data
            continue
        decode, head, barren = decode or _decoder(name, data), b"", barren + len(data)
        for number, found in enumerate(_steps(decode, data)):
            if number:  # others have their turn beside a body that unpacks to very much
                await asyncio.sleep(0)
            barren = 0
            yield found
        piece = data = found = b""  # noqa: PLW2901
        if barren > _BARREN:
            raise httpx.DecodingError("it decodes to nothing")
    if head:
        for found in _steps(_decoder(name, head), head):
            yield found


def _steps(decode: Decode, data: bytes) -> Iterator[bytes]:
    try:
        yield from filter(None, decode(data))
    except _ERRORS as exc:
        raise httpx.DecodingError(f"{type(exc).__name__}: {exc}") from None


def _decoder(name: str, head: bytes) -> Decode:
    """Choose by the name and by the first bytes: a name that does not fit them means nothing."""
    if name == "br":
        return _Brotli().decode
    if name == "deflate":  # with zlib's header as RFC 9110 wants it, or without as many send it
        zlib_header = head[0] & 0x0F == zlib.DEFLATED and int.from_bytes(head[:2], "big") % 31 == 0
        return _Members(lambda: _Inflate(zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS)).decode
    if name == "gzip" and head.startswith(_GZIP):
        return _Members(lambda: _Inflate(zlib.MAX_WBITS | 16), _GZIP).decode
    if name == "zstd" and head.startswith(_ZSTD):
        return _Members(_Zstd, _ZSTD).decode
    return _plain


def _plain(data: bytes) -> Iterator[bytes]:
    yield data


class _Member(Protocol):
    """One compressed whole, of which a body may have several; `rest` is what stands behind it."""

    ended: bool
    rest: bytes

    def decode(self, data: bytes) -> Iterator[bytes]: ...


class _Members:
    """Decodes one member after the other; what begins like none is padding, and left out."""

    def __init__(self, new: Callable[[], _Member], magic: bytes = b"") -> None:
        self._new, self._magic = new, magic
        self._member: _Member | None = new()
        self._between = b""
        self._numbers = count(2)

    def decode(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member is None:
                data = self._between + data
                self._between = data[: len(self._magic)]
            member = self._member = self._member or self._next(data)
            if member is None:
                return
            yield from member.decode(data)
            if not member.ended:
                return
            data, self._member, self._between = member.rest, None, b""

    def _next(self, data: bytes) -> _Member | None:
        if not self._magic or not data.startswith(self._magic):
            return None
        if next(self._numbers) > _MEMBERS:
            raise httpx.DecodingError(f"more than {_MEMBERS} compressed parts")
        return self._new()


class _Inflate:
    def __init__(self, window: int) -> None:
        self._zlib = zlib.decompressobj(window)
        self.ended, self.rest = False, b""

    def decode(self, data: bytes) -> Iterator[bytes]:
        full = True
        while full and not self.ended:
            found = self._zlib.decompress(data, _PIECE)
            data, full = self._zlib.unconsumed_tail, len(found) == _PIECE
            self.ended, self.rest = self._zlib.eof, self._zlib.unused_data
            yield found


class _Zstd:
    def __init__(self) -> None:
        largest = {int(zstd.DecompressionParameter.window_log_max): _WINDOW_LOG}
        self._zstd = zstd.ZstdDecompressor(options=largest)
        self.ended, self.rest = False, b""

    def decode(self, data: bytes) -> Iterator[bytes]:
        waits = True
        while waits:
            found = self._zstd.decompress(data, _PIECE)
            self.ended = self._zstd.eof
            data, waits = b"", not self.ended and not self._zstd.needs_input
            self.rest = self._zstd.unused_data if self.ended else b""
            yield found


class _Brotli:
    def __init__(self) -> None:
        self._brotli = brotli.Decompressor()

    def decode(self, data: bytes) -> Iterator[bytes]:
        waits = not self._brotli.is_finished()  # what stands behind the end is left out
        while waits:
            yield self._brotli.process(data, output_buffer_limit=_PIECE)
            data, waits = b"", not self._brotli.can_accept_more_data()
