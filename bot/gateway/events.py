"""Server-sent events: the payloads of a stream, while they arrive, without their wrapping.

A line may be 20 MB long, so no line is ever held: only its beginning, until it is clear what it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BODIES = (b"{", b"[")
_DATA = b"data:"
_DONE = b"[DONE]"
_LINE_HEAD = len(_DATA) + 1 + len(_DONE)
# Some gateways send more comments than anything else; one by one they would cost a lot.
_IDLE = re.compile(rb"(?:[\r\n]|:[^\r\n]*+[\r\n])++")


@dataclass(slots=True)
class EventParser:
    """Takes a stream's bytes in any pieces; gives the payloads of its events, one on each line.

    The lines of one event are joined by blanks: outside of JSON's strings they mean nothing, and
    inside there are none. A bare line of JSON counts as data, because some gateways write their
    errors so. `done` is set by `[DONE]`; what comes behind it is ignored.
    """

    done: bool = False
    _head: bytes = b""
    _line: bool | None = None  # whether it is data; None as long as that is not clear
    _returned: bool = False  # the last byte was a carriage return: a line feed belongs to it
    _open: bool = False  # an event has begun

    def feed(self, data: bytes, *, final: bool = False) -> bytes:
        """Take the next bytes; `final` ends the last line where the stream did not."""
        out: list[bytes] = []
        at = 0
        while at < len(data) and not self.done:
            if self._returned:
                self._returned = False
                if data[at] == ord("\n"):
                    at += 1
                    continue
            if self._line is None and not self._head and not self._open:
                at = self._take_whole(data, at, out)
            end = _line_end(data, at)
            self._take(data[at:end], out)
            if end < len(data):
                self._end_line(out)
                self._returned = data[end] == ord("\r")
            at = end + 1
        if final and not self.done:
            self._end_line(out)
        return b"".join(out)

    def _take_whole(self, data: bytes, at: int, out: list[bytes]) -> int:
        while True:
            if idle := _IDLE.match(data, at):
                at = idle.end()
            end = data.find(b"\n", at)
            if end < 0 or not data.startswith((b"data: {", b"data:{"), at):
                return at
            if not data.startswith(b"\n\n", end) or data.find(b"\r", at, end) >= 0:
                return at
            out += data[data.index(b"{", at) : end], b"\n"
            at = end + 2

    def _take(self, piece: bytes, out: list[bytes]) -> None:
        if self._line is None:
            self._head += piece
            if len(self._head) >= _LINE_HEAD:
                self._begin_line(out)
        elif self._line:
            out.append(piece)

    def _begin_line(self, out: list[bytes]) -> None:
        head, self._head = self._head, b""
        self._line = head.startswith((_DATA, *_BODIES))
        if not self._line:
            return
        payload = head.removeprefix(_DATA).removeprefix(b" ")
        if payload.startswith(_DONE):
            self.done = True
            return
        out.append(b" " + payload if self._open else payload)
        self._open = True

    def _end_line(self, out: list[bytes]) -> None:
        blank = self._line is None and not self._head
        if self._line is None and self._head:
            self._begin_line(out)
        self._line = None
        if blank and self._open:
            out.append(b"\n")
            self._open = False


def _line_end(data: bytes, at: int) -> int:
    feed = data.find(b"\n", at)
    end = len(data) if feed < 0 else feed
    returned = data.find(b"\r", at, end)
    return end if returned < 0 else returned
