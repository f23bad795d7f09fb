"""A stream of events folded into one document, such as the answer would be without streaming."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from bot.upstream.decode import told
from bot.upstream.document import documents, mapping, mappings, numbered
from bot.upstream.response import ENDS, ITEM, better, fault, response
from bot.upstream.sieve import PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.upstream.voice import Voice

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


class Fold:
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
            event = response(event, end)
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
