"""Directives: `sandbox:` words in a prompt, which change how the gateway answers it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from sandbox.gateway.replies import (
    Failure,
    Format,
    Reply,
    Shape,
    Stream,
    UsageForm,
    UsagePlace,
    Wire,
)


class UnknownDirective(Exception):
    """A prompt holds a `sandbox:` word that means nothing."""


def apply_directives(prompt: str, base: Reply) -> Reply:
    """Change `base` as the `sandbox:` words of a prompt demand.

    Raises UnknownDirective, with a sentence that names the words there are.
    """
    reply = base
    for word, value in _WORD.findall(prompt):
        try:
            reply = _WORDS[word](reply, value)
        except (KeyError, ValueError) as exc:
            raise UnknownDirective(f"sandbox:{word}={value} means nothing here. {HELP}") from exc
    return reply


_WORD = re.compile(r"\bsandbox:(\w+)(?:=([\w.-]+))?")
_TEXT = "I would rather describe it: a picture full of light, with nothing in it that moves."
_SORRY = "I can't create that image."
_COMMENTS = ("OPENROUTER PROCESSING", "PING", "keep-alive")


def _refuse(reply: Reply, value: str) -> Reply:
    """Refuse in the dialect asked for; gateways flatten the reason differently."""
    reply = replace(reply, pictures=0, text="")
    match value:
        case "native":
            return replace(reply, finish_reason="stop", native_finish_reason="image_safety")
        case "message":
            return replace(reply, refusal=_SORRY)
        case "plain":
            return replace(reply, finish_reason="content_filter")
        case "":
            return replace(
                reply, finish_reason="content_filter", native_finish_reason="IMAGE_SAFETY"
            )
    raise ValueError(value)


def _retry(reply: Reply, value: str) -> Reply:
    """Say when to come again: seconds, `date` for a date five seconds ahead, or `never`."""
    if value == "never":
        return replace(reply, retry_after=None)
    if value == "date":
        then = datetime.now(UTC) + timedelta(seconds=5)
        return replace(reply, retry_after=format_datetime(then, usegmt=True))
    return replace(reply, retry_after=_count(value, 0, 3600))


def _number(value: str, low: float, high: float) -> float:
    number = float(value)
    if not low <= number <= high:
        raise ValueError(value)
    return number


def _count(value: str, low: int, high: int) -> int:
    return int(_number(value, low, high))


_WORDS: Mapping[str, Callable[[Reply, str], Reply]] = {
    "shape": lambda reply, value: replace(reply, shape=Shape(value)),
    "pictures": lambda reply, value: replace(reply, pictures=_count(value, 1, 10)),
    "format": lambda reply, value: replace(reply, format=Format(value)),
    "usage": lambda reply, value: replace(reply, usage=UsageForm(value)),
    "error": lambda reply, value: replace(reply, failure=Failure(value)),
    "retry": _retry,
    "html": lambda reply, _: replace(reply, failure=Failure.OK_BUT_HTML),
    "empty": lambda reply, _: replace(reply, failure=Failure.EMPTY_CHOICES),
    "text": lambda reply, _: replace(reply, pictures=0, text=_TEXT),
    "nothing": lambda reply, _: replace(reply, pictures=0, text=""),
    "refuse": _refuse,
    "slow": lambda reply, value: replace(reply, delay=_number(value or "5", 0, 600)),
    "hang": lambda reply, _: replace(reply, hang=True),
    "space": lambda reply, _: replace(reply, lead=b"\n\n \n"),
    "keepalive": lambda reply, value: replace(reply, keepalives=_count(value or "3", 1, 1000)),
    "truncated": lambda reply, _: replace(reply, truncate=0.6),
    "cut": lambda reply, value: replace(reply, cut=_number(value or "0.6", 0, 1)),
    "sse": lambda reply, _: replace(reply, wire=Wire.SSE),
    "json": lambda reply, _: replace(reply, wire=Wire.JSON),
    "stream": lambda reply, value: replace(reply, stream=Stream(value)),
    "deltas": lambda reply, value: replace(
        reply, stream=Stream.SPLIT, deltas=_count(value, 1, 100_000)
    ),
    "seed": lambda reply, value: replace(reply, seed=int(value)),
    "pause": lambda reply, value: replace(reply, pause=_number(value or "0.5", 0, 60)),
    "comments": lambda reply, _: replace(reply, comments=_COMMENTS),
    "usage_place": lambda reply, value: replace(reply, usage_place=UsagePlace(value)),
    "nodone": lambda reply, _: replace(reply, done=False),
    "crlf": lambda reply, _: replace(reply, crlf=True),
    "multiline": lambda reply, _: replace(reply, multiline=True),
    "midstream": lambda reply, value: replace(reply, midstream=_count(value or "429", 200, 599)),
    "partials": lambda reply, value: replace(reply, partials=_count(value, 0, 3)),
}

HELP = f"Words: {', '.join(f'sandbox:{word}' for word in _WORDS)}."
