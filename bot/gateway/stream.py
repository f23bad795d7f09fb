"""A streamed answer: its events are taken in while they come, and read as one answer."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain import OutcomeKind
from bot.gateway.content import Content
from bot.gateway.errors import CallFailed
from bot.gateway.events import Events
from bot.gateway.image_extractor import PLACEHOLDER, ImageExtractor, ResponseTooLarge
from bot.gateway.image_locations import spoken_words
from bot.gateway.json import MalformedJson, documents, mapping, mappings, numbered
from bot.gateway.response import ENDS, ITEM, better, fault, final_response, meaning, told
from bot.gateway.texts import Texts, unescaped_beginning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bot.gateway.content import Spoken
    from bot.gateway.image_extractor import ImageChunk
    from bot.gateway.json import Voice
    from bot.gateway.response import ParsedResponse


_HEARD = 24_000  # bytes of text; what is behind them is not heard before the end
_MORE = 32  # parts of the text
_THOUGHT = re.compile(
    rb'"reasoning(?:_content)?"\s{0,9}+:\s{0,9}+"[^"]|"reasoning_details"\s{0,9}+:\s{0,9}+\[\s{0,9}+\{'
)


class StreamReader:
    """Takes a stream's bytes; its pictures may stand in events or, cut anywhere, in the content.

    `skeleton` bounds in bytes what is held at one time, and with it each event. `indices` number
    the pictures.
    """

    def __init__(
        self,
        *,
        skeleton: int,
        indices: Iterator[int],
        hear: Callable[[str], None] | None = None,
        record: int = 0,
    ) -> None:
        self._limit = skeleton
        self._events = Events()
        self._content = Content()
        self._around = ImageExtractor(skeleton=skeleton, indices=indices)
        self._texts = Texts(skeleton=skeleton, indices=indices)
        self._fold = StreamAccumulator()
        self._malformed = False
        self._began = False  # with what is paid for but not kept: a draft, a thought
        self._hear = hear
        self._heard = (0, "")
        self._room = record
        self._record: list[bytes] = []

    @property
    def done(self) -> bool:
        """Whether `[DONE]` came: nothing behind it matters, not even how the connection ends."""
        return self._events.done

    @property
    def recorded(self) -> bytes:
        """The events as they came, with all of a choice's content in its first."""
        body = b"".join(self._record) or b":\n\n"
        if self.done:
            body = body.rstrip(b"\n") + b"\n\ndata: [DONE]\n\n"
        return self._texts.written(body)

    def feed(self, data: bytes) -> Iterator[ImageChunk]:
        """Take the next bytes; raises Overflow past the limit."""
        yield from self._drawing(self._content.split(self._events.feed(data)))
        self._gather(self._around.take(b"\n"))
        if self._hear:
            self._tell(self._hear)

    def finish(self) -> Iterator[ImageChunk]:
        """Take the end of the bytes for the end of the stream."""
        rest = self._events.feed(b"", final=True)
        yield from self._drawing(self._content.split(rest, final=True))
        for piece in (*self._around.finish(), *self._texts.finish()):
            self._began = True
            yield piece
        self._gather(self._around.skeleton)

    def read(self, status: int) -> ParsedResponse:
        """Say what the stream means.

        Without an end it is never a success, whatever pictures it brought. Pictures that came
        before an error are paid for, so they are the answer; one that the error cut short lacks
        its own end, by which it is found out later. A link has no such end, and does not count
        unless the answer had ended before the error.
        """
        reading = meaning(self._fold.document(self._words()), status, began=self._began)
        if self._fold.ended and not self._fold.drawn:
            return replace(reading, linked=())
        if self._malformed:
            return reading.without_pictures(CallFailed(OutcomeKind.BROKEN, "an event is malformed"))
        if not self._fold.ended and not self.done:
            error = CallFailed(OutcomeKind.BROKEN, "the stream ended early")
            return reading.without_pictures(error)
        return reading

    def _drawing(self, split: tuple[bytes, Spoken]) -> Iterator[ImageChunk]:
        for piece in self._sift(*split):
            self._began = True
            yield piece

    def _sift(self, events: bytes, spoken: Spoken) -> Iterator[ImageChunk]:
        yield from self._around.feed(events)
        yield from self._texts.feed(spoken)
        if self._around.size + self._texts.size + self._fold.size > self._limit:
            raise ResponseTooLarge

    def _gather(self, events: bytes) -> None:
        for event in events.splitlines(keepends=True):
            self._note(event)
            self._began = self._began or bool(_THOUGHT.search(event))
            try:
                self._fold.take(event.strip())
            except MalformedJson:
                # The last event may be half of one. What matters then is whether an end had come.
                self._malformed = self._malformed or event.endswith(b"\n")

    def _note(self, event: bytes) -> None:
        if self._room > 0:
            self._room -= len(event)
            self._record.append(b"data: " + event.replace(b"\n", b"\n\n"))

    def _words(self) -> dict[Voice, str]:
        words = self._texts.words()
        self._malformed = self._malformed or None in words.values()
        return {voice: text for voice, text in words.items() if text}

    def _tell(self, hear: Callable[[str], None]) -> None:
        """Tell what can be heard by now, if that is more than before.

        Each time costs as much as all of the text, so the longer it is the more must have come.
        """
        size, (heard, before) = self._texts.heard, self._heard
        if size <= heard + heard // _MORE or size > _HEARD:
            return
        text = unescaped_beginning(self._texts.first)
        words = before if text is None else spoken_words(text)
        self._heard = (size, words)
        if words and words != before:
            hear(words)


_LISTS = ("images", "image", "multi_mod_content", "multi_modal_content", "content")
_REASONS = ("finish_reason", "native_finish_reason")
_LAST = (
    *("id", "model", "usage", "modelVersion", "responseId", "usageMetadata", "promptFeedback"),
    *("task_id", "taskId", "success", "message", "msg"),
    *("object", "status", "incomplete_details"),
)
_WORDS = {"type", "text", "index"}  # the keys of a part that is nothing but words
_PICTURE = re.compile(PLACEHOLDER.pattern.replace("|x", "") + "|https?://")
_BODIES = (b"{", b"[")
Json = dict[str, object]


class StreamAccumulator:
    """Takes events one by one and keeps what they add up to.

    `ended`: the answer is whole. `drawn`: an end came that is no error, so that an error behind it
    does not spoil the pictures before it. `size` bounds what is held, in bytes of events.
    """

    def __init__(self) -> None:
        self.ended = False
        self.drawn = False
        self.size = 0
        self._idle = b""
        self._document: Json = {}
        self._choices: dict[int, Json] = {}
        self._candidate: Json = {}
        self._parts: list[object] = []
        self._items: list[object] = []  # of a response, before its end repeats them

    def take(self, event: bytes) -> None:
        """Take an event's payload; raises Malformed. What is no JSON at all is a keep-alive."""
        # Nearly all events of a stream are the same once their content was cut out.
        if event == self._idle or not event.startswith(_BODIES):
            return
        grown = [self._merge(document) for document in documents(event.decode("utf-8", "replace"))]
        self.size += len(event) * any(grown)
        self._idle = b"" if any(grown) else event

    def document(self, texts: Mapping[Voice, str]) -> Json:
        """Give the whole document; `texts` were cut out of the events."""
        for voice, text in texts.items():
            message = self._message(voice.choice, voice.name)
            message["content"] = _with_parts(text, message.get("content"))
        document = dict(self._document)
        if self._items:
            document["output"] = better(document.get("output"), self._items)
        if self._parts:
            self._candidate["content"] = {"parts": self._parts}
        if self._candidate:
            document["candidates"] = [self._candidate]
        if self._choices:
            document["choices"] = [_settled(choice) for _, choice in sorted(self._choices.items())]
        return document

    def _merge(self, event: Json) -> bool:
        """Merge one event; tells whether it added to what is held."""
        kind = event.get("type")
        kind = kind if isinstance(kind, str) else ""
        if kind.endswith("partial_image"):
            return False
        if kind == ITEM:
            self._items.append(event.get("item"))
            return True
        if end := ENDS.get(kind):
            event = final_response(event, end)
            self._end("error" if fault(event) else "stop")
        elif kind.endswith(".completed") and not kind.startswith("response."):
            self._end("stop")
            event = {**event, "data": [event]}
        elif kind == "error" and not told(event.get("error")):
            event = {"error": event}
        return self._merge_fields(event)

    def _merge_fields(self, event: Json) -> bool:
        self._document |= {key: event[key] for key in _LAST if event.get(key) is not None}
        if told(error := event.get("error")):
            self._document.setdefault("error", error)
            self._end("error")
        if any(event.get(key) for key in ("promptFeedback", "task_id", "taskId")):
            self._end("stop")
        choices = enumerate(mappings(event.get("choices")))
        grown = [self._choice(choice, numbered(choice, at)) for at, choice in choices]
        grown += [self._extend(key, event.get(key)) for key in ("data", "output")]
        grown += [self._native(candidate) for candidate in mappings(event.get("candidates"))[:1]]
        return any(grown)

    def _end(self, reason: object) -> None:
        self.ended = True
        self.drawn = self.drawn or reason != "error"

    def _extend(self, key: str, value: object) -> bool:
        items = value if isinstance(value, list) else []
        known = self._document.setdefault(key, []) if items else []
        if isinstance(known, list):
            known.extend(items)
        return bool(items)

    def _choice(self, choice: Json, index: int) -> bool:
        kept = self._choices.setdefault(index, {})
        for key in _REASONS:
            if choice.get(key) is not None:
                kept[key] = choice[key]
        if choice.get("finish_reason"):
            self._end(choice["finish_reason"])
        if told(error := choice.get("error")):
            kept.setdefault("error", error)
            self._end("error")
        said = [(name, mapping(choice.get(name))) for name in ("delta", "message")]
        grown = [_add(self._message(index, name), one) for name, one in said if one]
        return any(grown)

    def _message(self, index: int, name: str) -> Json:
        """Find what a choice has said so far, by deltas or in a message, or begin it."""
        found = self._choices.setdefault(index, {}).setdefault(name, {})
        return found if isinstance(found, dict) else {}

    def _native(self, candidate: Json) -> bool:
        """Take Gemini's own shape."""
        if reason := candidate.get("finishReason"):
            self._candidate["finishReason"] = reason
            self._end(reason)
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        items = parts if isinstance(parts, list) else []
        _append(self._parts, items)
        return bool(items)


def _add(message: Json, said: Mapping[str, object]) -> bool:
    """Add what a delta says to a message; tells whether it grew."""
    grown = False
    for key in _LISTS:
        value = said.get(key)
        items = [] if value in (None, "") else value if isinstance(value, list) else [value]
        if items:
            held = message.setdefault(key, [])
            _append(held if isinstance(held, list) else [], items)
            grown = True
    if isinstance(refusal := said.get("refusal"), str) and refusal:
        message["refusal"] = f"{message.get('refusal', '')}{refusal}"
        grown = True
    return grown


def _append(parts: list[object], more: list[object]) -> None:
    """Append parts; words that follow words are one text."""
    for part in more:
        if parts and isinstance(part, dict) and _is_words(part) and _is_words(parts[-1]):
            last = parts[-1]
            if isinstance(last, dict):
                parts[-1] = {**last, "text": f"{last['text']}{part['text']}"}
                continue
        parts.append(part)


def _is_words(part: object) -> bool:
    return isinstance(part, dict) and isinstance(part.get("text"), str) and set(part) <= _WORDS


def _with_parts(content: str, parts: object) -> object:
    return [content, *parts] if isinstance(parts, list) and parts else content


def _settled(choice: Json) -> Json:
    """Make one of what a choice said by deltas and of the message that repeats all of it.

    Of each place for pictures, and of the text, the one with more pictures counts, which is the
    deltas' where they are as many: a message may have been cut short, or brought less.
    """
    deltas, message = mapping(choice.get("delta")), mapping(choice.get("message"))
    if not deltas or not message:
        return choice
    merged = {
        key: max((said[key] for said in (deltas, message) if said.get(key)), key=_weight)
        for key in deltas | message
        if deltas.get(key) or message.get(key)
    }
    return {key: said for key, said in choice.items() if key != "message"} | {"delta": merged}


def _weight(said: object) -> tuple[int, int]:
    """Weigh by pictures, then by words."""
    written = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False, default=str)
    return len(_PICTURE.findall(written)), len(PLACEHOLDER.sub("", written))
