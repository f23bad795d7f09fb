"""A streamed answer (server-sent events): parsed event by event, and read as one answer."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial

from bot.domain import OutcomeKind
from bot.gateway.accumulator import Speaker, StreamAccumulator, messages
from bot.gateway.errors import CallFailed, MalformedJson
from bot.gateway.events import EventParser
from bot.gateway.image_extractor import ImageChunk, ImageExtractor
from bot.gateway.image_locations import spoken_words
from bot.gateway.json import CUT, Json, mappings, parse_cut, parse_event
from bot.gateway.response import ParsedResponse, interpret

_HELD = 256 * 1024  # bytes of an event; of longer ones the images are cut out before it is parsed
_SHOWN = 24_000  # bytes of text; what is behind them is not shown before the end
_MORE = 32  # parts of the text
_SHORTEST = 64  # characters of base64; less is no image
_BODIES = (b"{", b"[")
_MARK = "\x01"
_HALVES = "".join(map(chr, range(0xD800, 0xDC00)))  # of characters cut in two by deltas
_CONTENT = re.compile(rb'"content"\s{0,9}:\s{0,9}"')
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_ESCAPE = 6  # bytes
_BRACKET = re.compile(rb"[][{}]")
_CLOSING = {b"{": b"}", b"[": b"]"}


class StreamReader:
    """Takes a stream's bytes; its images may stand in events or, cut anywhere, in a choice's text.

    Nothing more is taken once more than `limit` bytes are held. `indices` number the images. `on_text` is
    given the first choice's text so far when it grew. The first `record` bytes of events are kept.
    """

    def __init__(
        self,
        *,
        limit: int,
        indices: Iterator[int],
        on_text: Callable[[str], None] | None = None,
        record: int = 0,
    ) -> None:
        self._limit = limit
        self.is_full = False
        self._longest = min(limit, _HELD)
        self._new_extractor = partial(ImageExtractor, limit=limit, indices=indices)
        self._parser = EventParser()
        self._event = bytearray()  # as far as it came
        self._long: ImageExtractor | None = None  # what takes an event too long to be held
        self._said: dict[Speaker, list[str]] = defaultdict(list)
        self._texts: dict[Speaker, ImageExtractor] = {}
        self._accumulator = StreamAccumulator()
        self._size = 0  # of the events that are held, in bytes
        self._chunks: list[ImageChunk] = []
        self._repeated: Json | None = None  # the last event, if nothing is held of it
        self._malformed = False
        self._ends_cut = False  # in an event that may be the answer's end
        self._paid = False  # for images that began, drafts and thoughts too
        self._on_text = on_text
        self._shown = (0, "")
        self._room = record
        self._recorded: list[Json | bytes] = []

    @property
    def done(self) -> bool:
        """Whether `[DONE]` came: nothing behind it matters, not even how the connection ends."""
        return self._parser.done

    @property
    def recorded(self) -> bytes:
        """The events as they came, with all of a choice's text in its first."""
        texts = self._all_texts()
        for event in self._recorded:
            for speaker, message in messages(event) if isinstance(event, dict) else ():
                if message.get("content") == "":
                    message["content"] = texts.pop(speaker, "")
        lines = [_written(event) for event in self._recorded] or [b":\n\n"]
        return b"".join([*lines, b"data: [DONE]\n\n" if self.done else b""])

    def feed(self, data: bytes) -> list[ImageChunk]:
        if self.is_full:
            return []
        self._read_events(self._parser.feed(data))
        if self._on_text:
            self._show_text(self._on_text)
        return self._taken()

    def finish(self) -> list[ImageChunk]:
        self._read_events(self._parser.feed(b"", final=True))
        # What is left may be half an event; a picture in it may be whole.
        self._parse(self._whole_event(b""), complete=False)
        self._add_texts()
        for text in self._texts.values():
            self._chunks += text.finish()
        return self._taken()

    @property
    def is_whole(self) -> bool:
        """Whether the answer has ended, though more may come: what it has cost, an error."""
        return self.done or (self._accumulator.ended and not self._ends_cut)

    def response(self, status: int, broken: CallFailed | None = None) -> ParsedResponse:
        """Say what the stream means; `broken` says why more of it did not come.

        Images that came before an error, or before the stream was cut, are paid for, so they are
        the answer; one that was cut short itself lacks its own end, by which it is found out
        later. A link has no such end: one that the cut may have shortened does not count, and
        before an error none does unless the answer had ended.
        """
        state, texts = self._accumulator, self._all_texts()
        if not self.is_whole:
            texts = {speaker: text + CUT for speaker, text in texts.items()}
        parsed = interpret(state.document(texts), status, paid=self._paid or state.thought)
        if state.ended and not state.succeeded:
            return replace(parsed, links=())
        if not self.is_whole:
            early = CallFailed(OutcomeKind.CUT_OFF, "the stream ended early")
            return parsed.with_error(broken or early)
        if self._malformed:
            return parsed.with_error(CallFailed(OutcomeKind.UNREADABLE, "an event is malformed"))
        return parsed

    def _taken(self) -> list[ImageChunk]:
        chunks, self._chunks = self._chunks, []
        self._paid = self._paid or bool(chunks)
        return chunks

    def _read_events(self, payloads: bytes) -> None:
        *events, rest = payloads.split(b"\n")
        for event in events:
            self._parse(self._whole_event(event), complete=True)
        self._begin_event(rest)
        self._add_texts()
        held = self._size + sum(text.size for text in self._texts.values())
        self.is_full = held + (self._long.size if self._long else 0) > self._limit

    def _begin_event(self, piece: bytes) -> None:
        """Take a piece of an event whose end is still to come.

        One that grows too long is taken as far as it came where it is a choice's text; else its
        images are cut out from here on.
        """
        if self._long:
            self._chunks += self._long.feed(piece)
            return
        self._event += piece
        if len(self._event) <= self._longest:
            return
        if found := _open_text(bytes(self._event), self._longest // 2):
            speaker, text, start, end = found
            del self._event[start:end]
            self._said[speaker].append(text)
        else:
            self._long = self._new_extractor()
            self._chunks += self._long.feed(bytes(self._event))
            self._event.clear()

    def _whole_event(self, rest: bytes) -> bytes:
        event = bytes(self._event) + rest if self._event else rest
        self._event.clear()
        if self._long:
            self._chunks += self._long.feed(rest) + self._long.finish()
            event, self._long = self._long.remainder, None
        return event.strip()

    def _parse(self, event: bytes, *, complete: bool) -> None:
        if not event.startswith(_BODIES):  # what is no JSON at all is a keep-alive
            return
        try:
            for document in parse_event(event):
                self._add(document, len(event))
        except (MalformedJson, RecursionError):
            self._paid = True  # nobody knows for what
            self._malformed = self._malformed or complete
            ending = b"\n\n" if complete else b""
            self._keep_record(b"data: " + event + ending, len(event))
            self._ends_cut = not (complete or self.is_whole)
            with suppress(MalformedJson, RecursionError):
                for document in mappings([parse_cut(event.decode("utf-8", "replace"))]):
                    self._add(document, len(event))

    def _add(self, document: Json, size: int) -> None:
        for speaker, message in messages(document):
            text = message.get("content")
            if isinstance(text, str) and text:
                size -= len(text)
                message["content"] = ""
                self._said[speaker].append(text)
        if document == self._repeated:  # nearly all events differ in their text alone
            return
        size -= self._cut_images(document)
        grown = self._accumulator.add(document)
        self._size += size * grown
        self._repeated = None if grown else document
        self._keep_record(document, size)

    def _add_texts(self) -> None:
        for speaker, texts in self._said.items():
            text = "".join(texts)
            if speaker not in self._texts:
                self._texts[speaker] = self._new_extractor()
                text = f'"{text}'  # raw base64 is known by the quotation mark
            self._chunks += self._texts[speaker].feed(text.encode("utf-8", "surrogatepass"))
        self._said.clear()

    def _cut_images(self, holder: Json | list[object]) -> int:
        """Put placeholders for the images into a document; tells how much shorter that makes it."""
        saved = 0
        items = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for key, value in items:
            if isinstance(value, dict | list):
                saved += self._cut_images(value)
            elif isinstance(value, str) and len(value) >= _SHORTEST:
                extractor = self._new_extractor()
                self._chunks += extractor.feed(f'"{value}'.encode("utf-8", "surrogatepass"))
                self._chunks += extractor.finish()
                holder[key] = text = _text(extractor.remainder)  # type: ignore[index]
                saved += len(value) - len(text)
        return saved

    def _keep_record(self, event: Json | bytes, size: int) -> None:
        if self._room > 0:
            self._room -= size
            self._recorded.append(event)

    def _all_texts(self) -> dict[Speaker, str]:
        texts = {speaker: _text(found.remainder) for speaker, found in self._texts.items()}
        return {speaker: text for speaker, text in texts.items() if text}

    def _show_text(self, on_text: Callable[[str], None]) -> None:
        """Show the text so far, if it is more than before.

        Each time costs as much as all of the text, so the longer it is the more must have come.
        """
        deltas = self._texts.get(Speaker(0, "delta"))
        first = deltas or self._texts.get(Speaker(0, "message"))
        if first is None:
            return
        so_far, (shown, before) = first.remainder + first.undecided, self._shown
        if len(so_far) <= shown + shown // _MORE or len(so_far) > _SHOWN:
            return
        words = spoken_words(_text(so_far).replace(CUT, "").rstrip(_HALVES))
        self._shown = (len(so_far), words)
        if words and words != before:
            on_text(words)


def _text(quoted: bytes) -> str:
    return quoted[1:].decode("utf-8", "surrogatepass")


def _written(event: Json | bytes) -> bytes:
    if isinstance(event, bytes):
        return event
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"), default=float)
    return b"data: %s\n\n" % text.encode("utf-8", "backslashreplace")


def _open_text(event: bytes, least: int) -> tuple[Speaker, str, int, int] | None:
    """Find the text of a choice that an event's beginning ends in, if that is `least` bytes long.

    Gives whose it is, the text, and where in the event it stands.
    """
    key = _CONTENT.match(event, max(event.rfind(b'"content"'), 0))
    if key is None:
        return None
    start, end = key.end(), _open_end(event, key.end())
    if end - start < least:
        return None
    try:
        documents = list(parse_event(event[:end] + rb"\u0001" + _closing(event[: start - 1])))
    except MalformedJson:
        return None
    for speaker, message in (one for document in documents for one in messages(document)):
        text = message.get("content")
        if isinstance(text, str) and text.endswith(_MARK):
            return speaker, text.removesuffix(_MARK), start, end
    return None


def _open_end(event: bytes, start: int) -> int:
    """Go to where a string that has no end yet can be cut in two; 0 if it has its end."""
    quote = start
    while (quote := event.find(b'"', quote)) >= 0:
        before = quote
        while event[before - 1 : before] == b"\\":
            before -= 1
        if (quote - before) % 2 == 0:
            return 0
        quote += 1
    # Neither an escape nor a character may be cut in two.
    escape = event.rfind(b"\\", len(event) - _ESCAPE)
    end = len(event if escape < 0 else event[:escape].rstrip(b"\\"))
    while end > start and not event[end - 1 : end].isascii():
        end -= 1
    return end


def _closing(event: bytes) -> bytes:
    """Give what ends a string and all brackets that are open at the end of an event's beginning."""
    brackets: list[bytes] = []
    for bracket in _BRACKET.findall(_STRING.sub(b"", event)):
        if bracket in _CLOSING:
            brackets.append(_CLOSING[bracket])
        elif brackets:
            brackets.pop()
    return b'"' + b"".join(reversed(brackets))
