"""A run of base64: where it ends, and the bytes in it."""

from __future__ import annotations

import re

import pybase64

SPACE = rb"(?:[ \t\r\n]|\\[nrt])"

_RUN = re.compile(rb"(?:[A-Za-z0-9+/_-]++|\\/|\\u00(?:2[BbDdFf]|5[Ff]))*+")
_GAP = re.compile(SPACE + rb"{1,8}+")
_PADDING = re.compile(rb"(?:" + SPACE + rb"{0,8}+(?:=|\\u003[Dd])){1,2}+")
_ESCAPE = re.compile(rb"\\(?:/|u00(?:2[BbDdFf]|5[Ff]))")
_STANDARD = bytes.maketrans(b"-_", b"+/")

# As long as a window is, base64 is never this: words of small letters, numbers, a ruled line.
_PROSE = re.compile(
    rb"[-_]{3,}|(?:[A-Za-z]?[a-z]++(?:[A-Z][a-z]{2,}+)*+|[0-9]++)"
    rb"(?:[-_/]{1,2}(?:[A-Za-z]?[a-z]++(?:[A-Z][a-z]{2,}+)*+|[0-9]++))*+[-_/]?"
)
HOLD = 64  # no mark and nothing that ends or continues a run is longer
HEAD = 48  # bytes; less is no picture
_WRAP = 128  # characters; base64 is wrapped at 64 or 76
_WORD = 18  # characters; more without a space are hardly ever prose


class Run:
    """One run of base64: decodes it in steps of whole quanta and finds its end."""

    def __init__(self) -> None:
        self.decoded: list[bytes] = []
        self.ended = False
        self._carry = b""
        self._line = 0
        self._width = 0

    @property
    def head(self) -> bytes:
        """The first bytes, as long as none were taken away."""
        return b"".join(self.decoded)[:HEAD]

    def feed(self, buffer: bytes, at: int, *, final: bool) -> int:
        """Decode from `at`, most of it in one leap; returns how far, like `walk`."""
        return self.walk(buffer, self._leap(buffer, at), final=final)

    def walk(self, buffer: bytes, at: int, *, final: bool) -> int:
        """Decode from `at` by lines; returns how far, and sets `ended` when the run is over."""
        while not self.ended:
            at = self._step(buffer, at)
            if len(buffer) - at < HOLD and not final:
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
            found = _ESCAPE.sub(_unescape, found)
        self._line += len(found)
        data = self._carry + found.translate(_STANDARD)
        whole = len(data) // 4 * 4
        self._carry = data[whole:]
        if whole:
            self._decode(memoryview(data)[:whole])
        return match.end() if match else at

    def _turn(self, buffer: bytes, at: int) -> int:
        """Pass a gap between two lines, or end."""
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
        self.decoded.append(pybase64.b64decode(quanta, validate=True))


def _stop(buffer: bytes, at: int) -> int:
    """Find the first byte that ends most runs: looking for one at a time is the fastest way."""
    end = len(buffer)
    for byte in (b'"', b")", b"=", b"\\", b"\n", b"\r", b" "):
        found = buffer.find(byte, at, end)
        end = end if found < 0 else found
    return end


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match.group()
    return b"/" if code == b"\\/" else bytes([int(code[4:], 16)])
