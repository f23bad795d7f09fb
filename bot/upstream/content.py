"""The content of a stream's events: one text again, however it was cut into deltas.

Base64 may be cut anywhere between two deltas, so it can only be found when the pieces of the text
follow each other. They are cut out of the bytes as they are, still escaped: inside JSON, a
quotation mark behind no backslash always begins or ends a string, and a string with a colon
behind it is always a key.
"""

from __future__ import annotations

import re

_KEY = b'"content"'
_CITED = b'"url_citation"'
_VALUE = re.compile(rb'[ \t]{0,8}:[ \t]{0,8}"')
_HOLD = 40  # no key with its colon and quotation mark is longer


class Content:
    """Takes payloads of events in any pieces; takes their `content` strings out.

    Cited pages (OpenRouter's `url_citation`) have a content of their own, which stays.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._inside = False
        self._cited = False

    def split(self, data: bytes, *, final: bool = False) -> tuple[bytes, bytes]:
        """Take the next bytes; gives what is left of the events, and the content, still escaped."""
        buffer, at = self._buffer + data, 0
        events: list[bytes] = []
        content: list[bytes] = []
        going = True
        while going:
            start = at
            if self._inside:
                at, going = self._string(buffer, at)
                content.append(buffer[start:at])
            else:
                at, going = self._outside(buffer, at, final=final)
                events.append(buffer[start:at])
        self._buffer = buffer[at:]
        return b"".join(events), b"".join(content)

    def _outside(self, buffer: bytes, at: int, *, final: bool) -> tuple[int, bool]:
        """Pass what is no content; tells how far, and whether a content begins there."""
        while (key := buffer.find(_KEY, at)) >= 0:
            value = _VALUE.match(buffer, key + len(_KEY))
            if value is None and not final and key > len(buffer) - _HOLD:
                break
            self._pass(buffer, at, key)
            at = value.end() if value else key + len(_KEY)
            if value and not self._cited:
                self._inside = True
                return at, True
            self._cited = self._cited and not value
        end = len(buffer) if final else max(at, len(buffer) - _HOLD)
        self._pass(buffer, at, end)
        return end, False

    def _pass(self, buffer: bytes, at: int, end: int) -> None:
        """Note whether the next content of this event is that of a cited page."""
        cited = buffer.rfind(_CITED, at, end + len(_CITED) - 1)  # it may reach into what is held
        line = buffer.rfind(b"\n", at, end)
        self._cited = cited > line or (self._cited and line < 0)

    def _string(self, buffer: bytes, at: int) -> tuple[int, bool]:
        """Pass a content; tells how far, and whether it ends there.

        A raw line feed ends it too: it is malformed, and the next event is not to suffer for it.
        """
        while True:
            quote = buffer.find(b'"', at)
            end = len(buffer) if quote < 0 else quote
            if (feed := buffer.find(b"\n", at, end)) >= 0:
                self._inside = False
                return feed, True
            escapes = end - at - len(buffer[at:end].rstrip(b"\\"))
            if quote >= 0 and escapes % 2 == 0:
                self._inside = False
                return quote, True
            if quote < 0:  # a backslash alone waits for what it escapes
                return end - escapes % 2, False
            at = quote + 1
