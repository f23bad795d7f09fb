"""The events of a stream added up to one document, such as the answer would be without streaming."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.gateway.classify import ERROR_CODES, MESSAGES
from bot.gateway.image_extractor import PLACEHOLDER
from bot.gateway.json import Json, choice_number, mapping, mappings
from bot.gateway.response import (
    RESPONSE_ENDS,
    final_response,
    is_error,
    response_failure,
    unwrapped,
)
from bot.gateway.stray_images import stray_images

_IMAGE_KEYS = (
    "images",
    "image",
    "multi_mod_content",
    "multi_modal_content",
    "content_blocks",
    "content",
)
_REASONS = ("finish_reason", "native_finish_reason")
_THOUGHTS = ("reasoning", "reasoning_content", "reasoning_details")
_LATEST = frozenset(
    {
        *("id", "model", "usage", "modelVersion", "responseId", "usageMetadata", "promptFeedback"),
        *("task_id", "taskId", "success", "base_resp", *ERROR_CODES, *MESSAGES),
        *("object", "status", "incomplete_details"),
    }
) - {"error"}
_ITEM = "response.output_item.done"
_TEXT_PART = {"type", "text", "index"}  # the keys of a part that is nothing but text
_IMAGE = re.compile(PLACEHOLDER.pattern.replace("|x", "") + "|https?://")


class Speaker(NamedTuple):
    """Whose text it is: a choice's number, and whether it comes as `delta` or `message`."""

    choice: int
    name: str


def messages(event: Json) -> list[tuple[Speaker, Json]]:
    """List what an event's choices say, as deltas and as messages that sum them up."""
    return [
        (Speaker(choice_number(choice, position), name), said)
        for position, choice in enumerate(mappings(event.get("choices")))
        for name in ("delta", "message")
        if (said := choice.get(name)) and isinstance(said, dict)
    ]


@dataclass(slots=True)
class StreamAccumulator:
    """Takes events one by one and keeps what they add up to.

    `ended`: the answer is whole. `succeeded`: an end came that is no error, so that an error behind
    it does not spoil the images before it. `thought`: a thought came, which is paid for but
    not kept.
    """

    ended: bool = False
    succeeded: bool = False
    thought: bool = False
    _document: Json = field(default_factory=dict)
    _choices: dict[int, Json] = field(default_factory=dict)
    _candidate: Json = field(default_factory=dict)
    _parts: list[object] = field(default_factory=list)
    _items: list[object] = field(default_factory=list)  # of a response, before its end repeats them

    def add(self, event: Json) -> bool:
        """Add an event; tells whether more is held for it than before."""
        event = unwrapped(event)
        kind = event.get("type")
        kind = kind if isinstance(kind, str) else ""
        if kind.endswith("partial_image"):
            return False
        if kind == _ITEM:
            self._items.append(event.get("item"))
            return True
        if status := RESPONSE_ENDS.get(kind):
            event = final_response(event, status)
            self._end("error" if response_failure(event) else "stop")
        elif kind.endswith(".completed") and not kind.startswith("response."):
            self._end("stop")
            event = {**event, "data": [event]}
        elif kind == "error" and not is_error(event.get("error")):
            event = {"error": event}
        return self._add_fields(event) or self._add_stray(event, kind)

    def _add_stray(self, event: Json, kind: str) -> bool:
        """Keep the last event that has a picture at a place of its own: those before are drafts."""
        known = event.keys() & {"choices", "candidates"} or kind.startswith("response.")
        stray = not known and any(stray_images(event))
        if stray:
            self._document["last"] = event
        return stray

    def document(self, texts: Mapping[Speaker, str]) -> Json:
        """Give the whole document; `texts` are the contents of the choices, not in the events."""
        for speaker, text in texts.items():
            message = self._message(*speaker)
            parts = message.get("content")
            message["content"] = [text, *parts] if isinstance(parts, list) and parts else text
        document = dict(self._document)
        if self._items:
            output = document.get("output")
            fewer = _images(self._items) > _images(output)
            document["output"] = self._items if not output or fewer else output
        if self._parts:
            self._candidate["content"] = {"parts": self._parts}
        if self._candidate:
            document["candidates"] = [self._candidate]
        if self._choices:
            document["choices"] = [_merged(choice) for _, choice in sorted(self._choices.items())]
        return document

    def _add_fields(self, event: Json) -> bool:
        self._document |= {k: v for k, v in event.items() if k in _LATEST and v is not None}
        if is_error(error := event.get("error")):
            self._document.setdefault("error", error)
            self._end("error")
        if any(event.get(key) for key in ("promptFeedback", "task_id", "taskId")):
            self._end("stop")
        for position, choice in enumerate(mappings(event.get("choices"))):
            self._add_choice(choice, choice_number(choice, position))
        grown = [self._add_message(speaker, said) for speaker, said in messages(event)]
        grown += [self._extend(key, event.get(key)) for key in ("data", "output", "images")]
        grown += [self._add_candidate(one) for one in mappings(event.get("candidates"))[:1]]
        return any(grown)

    def _end(self, reason: object) -> None:
        self.ended = True
        self.succeeded = self.succeeded or reason != "error"

    def _extend(self, key: str, value: object) -> bool:
        items = value if isinstance(value, list) else []
        known = self._document.setdefault(key, []) if items else []
        if isinstance(known, list):
            known.extend(items)
        return bool(items)

    def _add_choice(self, choice: Json, number: int) -> None:
        kept = self._choices.setdefault(number, {})
        for key in _REASONS:
            if choice.get(key) is not None:
                kept[key] = choice[key]
        if choice.get("finish_reason"):
            self._end(choice["finish_reason"])
        if is_error(error := choice.get("error")):
            kept.setdefault("error", error)
            self._end("error")

    def _add_message(self, speaker: Speaker, said: Json) -> bool:
        """Add what a choice says to its message; tells whether that grew."""
        message, grown = self._message(*speaker), False
        self.thought = self.thought or any(map(said.get, _THOUGHTS))
        for key in _IMAGE_KEYS:
            value = said.get(key)
            items = value if isinstance(value, list) else [value] if value else []
            if items:
                held = message.setdefault(key, [])
                _append(held if isinstance(held, list) else [], items)
                grown = True
        if isinstance(refusal := said.get("refusal"), str) and refusal:
            message["refusal"] = f"{message.get('refusal', '')}{refusal}"
            grown = True
        return grown

    def _message(self, number: int, name: str) -> Json:
        found = self._choices.setdefault(number, {}).setdefault(name, {})
        return found if isinstance(found, dict) else {}

    def _add_candidate(self, candidate: Json) -> bool:
        if reason := candidate.get("finishReason"):
            self._candidate["finishReason"] = reason
            self._end(reason)
        parts = mapping(candidate.get("content")).get("parts")
        items = parts if isinstance(parts, list) else []
        _append(self._parts, items)
        return bool(items)


def _append(parts: list[object], more: list[object]) -> None:
    """Append parts; a text that follows a text continues it."""
    for part in more:
        last = parts[-1] if parts else None
        if isinstance(part, dict) and isinstance(last, dict) and _is_text(part) and _is_text(last):
            parts[-1] = {**last, "text": f"{last['text']}{part['text']}"}
        else:
            parts.append(part)


def _is_text(part: Json) -> bool:
    return isinstance(part.get("text"), str) and part.keys() <= _TEXT_PART


def _images(output: object) -> int:
    return sum(bool(item.get("result")) for item in mappings(output))


def _merged(choice: Json) -> Json:
    """Make one of what a choice said by deltas and of the message that repeats all of it.

    Of each place for images, and of the text, the one with more images counts, which is the
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
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False, default=str)
    return len(_IMAGE.findall(text)), len(PLACEHOLDER.sub("", text))
