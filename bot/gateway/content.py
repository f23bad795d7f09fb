"""The content of a stream's events: the texts of its choices again, however cut into deltas.

Base64 may be cut anywhere between two deltas, so it can only be found when the pieces of a text
follow each other. They are cut out of the bytes as they are, still escaped. Only what a choice
says is taken: thoughts, cited pages and errors have a `content` too, which stays where it is. No
string is held, only its beginning until it is clear whether it is a key.
"""

from __future__ import annotations

import re

from bot.gateway.alike import Alike
from bot.gateway.json import Voice, within
from bot.gateway.path import Path

_TOKEN = re.compile(rb'["{}\[\]\n]')
_KEY = re.compile(rb'"([^"\\\n]{0,32}+)"[ \t]{0,8}+:[ \t]{0,8}+')
_SHORT = re.compile(rb'"[^"\\\n]{0,200}+"')
_NUMBER = re.compile(rb"[0-9]{1,3}(?![0-9.eE])")
_HOLD = 64  # bytes; no key, with as much of its value as is looked at, is longer
_WAITING = 16_384  # bytes of a content whose choice may be numbered behind it, as new-api does


Spoken = list[tuple[Voice, bytes]]
Waiting = list[tuple[str, bytes]]


class Content:
    """Takes payloads of events in any pieces; takes the `content` strings of choices out."""

    def __init__(self) -> None:
        self._buffer = b""
        self._path = Path()
        self._string = False  # inside of one that stays
        self._said: str | None = None  # inside of the content of a `delta` or a `message`
        self._index: int | None = None  # a choice's number, as far as it is known
        self._waiting: Waiting = []
        self._waits = 0  # bytes
        self._events: list[bytes] = []
        self._spoken: Spoken = []
        self._alike = Alike(_WAITING)
        self._start: tuple[Path, int | None, str] | None = None  # behind a remembered beginning

    def split(self, data: bytes, *, final: bool = False) -> tuple[bytes, Spoken]:
        """Take the next bytes; gives what is left of the events, and the texts, still escaped.

        Of events that differ in their texts alone, and say nothing else, one may be left for all.
        """
        buffer, at = self._buffer + data, 0
        going = True
        while going:
            if self._said is not None or self._string:
                at, going = self._pass(buffer, at, final=final)
            elif (end := self._another(buffer, at) or self._known(buffer, at)) > at:
                at = end
            else:
                at, going = self._outside(buffer, at, final=final)
        self._buffer = buffer[at:]
        if final:
            self._number(self._path.position)
        events, self._events = b"".join(self._events), []
        spoken, self._spoken = self._spoken, []
        return events, spoken

    def _another(self, buffer: bytes, at: int) -> int:
        """Pass an event that says nothing new but for its text; most of a stream's do."""
        voice, text, end = self._alike.match(buffer, at)
        if voice:
            self._spoken.append((voice, text))
        return end if voice else 0

    def _known(self, buffer: bytes, at: int) -> int:
        """Pass the beginning of an event, up to its text, where it is that of one before."""
        before = self._alike.before if self._start and self._alike.fresh else b""
        if not before or not self._start or not buffer.startswith(before, at):
            return 0
        path, self._index, self._said = self._start
        self._path = path.copy()
        self._leave(before)
        self._alike.split()
        return at + len(before)

    def _outside(self, buffer: bytes, at: int, *, final: bool) -> tuple[int, bool]:
        """Pass what is in no string; tells how far, and whether a string or an event begins."""
        start, at = at, self._empty(buffer, at)
        seen = len(buffer) if final else max(buffer.rfind(b"\n") + 1, len(buffer) - _HOLD)
        while token := _TOKEN.search(buffer, at):
            at = token.start()
            if token.group() != b'"':
                at += 1
                self._bracket(token.group())
            elif at >= seen:
                break
            else:
                at = self._quoted(buffer, at)
            if self._string or self._said is not None or token.group() == b"\n":
                self._leave(buffer[start:at])
                self._begin(token.group())
                return at, True
        at = at if token else len(buffer)
        self._leave(buffer[start:at])
        return at, False

    def _empty(self, buffer: bytes, at: int) -> int:
        """Go to the end of an event that is here and has no text any more."""
        end = -1 if self._waiting else buffer.find(b"\n", at)
        return at if end < 0 or buffer.find(b'"content"', at, end) >= 0 else end

    def _begin(self, token: bytes) -> None:
        """Begin a text or the next event, once all before it was left."""
        if token == b"\n":
            self._alike.end()
        elif self._said is not None and self._alike.split():
            self._start = self._path.copy(), self._index, self._said

    def _quoted(self, buffer: bytes, at: int) -> int:
        """Pass a key or a whole value, or the quotation mark of a longer one."""
        key = _KEY.match(buffer, at)
        if key is None:
            self._path.value()
            value = _SHORT.match(buffer, at)
            self._string = value is None
            return value.end() if value else at + 1
        self._path.key(key.group(1))
        at = key.end()
        number = _NUMBER.match(buffer, at) if self._path.numbered else None
        if number and self._index is None:
            self._number(int(number.group()))
        said = self._path.said
        if said and buffer.startswith(b'"', at):
            self._said = said
            self._path.value()
            return at + 1
        return at

    def _bracket(self, token: bytes) -> None:
        if token in b"{[":
            self._path.open(token)
            return
        if token == b"\n" or self._path.choice:
            self._number(self._path.position)
            self._index = None
        if token == b"\n":
            self._path.reset()
        else:
            self._path.close()

    def _number(self, index: int) -> None:
        """Number the choice, and with it what waited for that."""
        if self._index is None:
            self._index = within(index)
        waiting, self._waiting, self._waits = self._waiting, [], 0
        for name, text in waiting:
            self._speak(name, text)

    def _say(self, text: bytes) -> None:
        """Give a piece of text, as soon as it is known whose it is."""
        name = self._said or ""
        if self._index is not None:
            self._speak(name, text)
            return
        self._waiting.append((name, text))
        self._waits += len(text)
        if self._waits > _WAITING:
            self._alike.spoil()
            self._number(self._path.position)

    def _speak(self, name: str, text: bytes) -> None:
        voice = Voice(self._index or 0, name)
        self._alike.voice = voice
        self._spoken.append((voice, text))

    def _leave(self, data: bytes) -> None:
        self._events.append(data)
        self._alike.leave(data)

    def _pass(self, buffer: bytes, at: int, *, final: bool) -> tuple[int, bool]:
        """Pass a string; tells how far, and whether it ends there.

        A raw line feed ends it too: it is malformed, and the next event is not to suffer for it.
        """
        end, ended = _end(buffer, at)
        if not ended and not final:  # a backslash alone waits for what it escapes
            end -= _escapes(buffer, at, end) % 2
        take = self._leave if self._said is None else self._say
        take(buffer[at:end])
        if not ended:
            return end, False
        self._said, self._string = None, False
        quote = buffer[end : end + 1].rstrip(b"\n")
        self._leave(quote)
        return end + len(quote), True


def _end(buffer: bytes, start: int) -> tuple[int, bool]:
    """Find the quotation mark that ends a string, or the line feed that cuts it."""
    at = start
    while (quote := buffer.find(b'"', at)) >= 0:
        if _escapes(buffer, at, quote) % 2 == 0:
            break
        at = quote + 1
    end = len(buffer) if quote < 0 else quote
    feed = buffer.find(b"\n", start, end)
    return (end, quote >= 0) if feed < 0 else (feed, True)


def _escapes(buffer: bytes, start: int, end: int) -> int:
    """Count the backslashes right before `end`."""
    if not buffer.startswith(b"\\", max(end - 1, start), end):
        return 0
    return end - start - len(buffer[start:end].rstrip(b"\\"))
