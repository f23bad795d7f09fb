"""Replies: what the gateway is to answer, said in Python or by `sandbox:` words in a prompt."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Shape(StrEnum):
    """Where gateways in the wild put their pictures; the values are the words of a prompt."""

    MARKDOWN = "1"
    URL = "2"
    URL_BARE = "2-bare"
    ONE_HUB = "2b"
    IMAGES = "3"
    IMAGES_STRING = "3-string"
    PARTS = "4"
    PARTS_INLINE = "4-inline_data"
    PARTS_INLINE_CAMEL = "4-inlineData"
    PARTS_IMAGE = "4-image"
    PARTS_B64_JSON = "4-b64_json"
    PARTS_IMAGE_BASE64 = "4-image_base64"
    PARTS_OUTPUT_IMAGE = "4-output_image"
    MULTI_CAMEL = "5"
    MULTI_SNAKE = "5-snake"
    MULTI_MODAL = "5-modal"
    LEGACY = "7"


class UsageForm(StrEnum):
    """How the consumption of a call is told, or not."""

    FULL = "full"
    COST = "cost"
    ABSENT = "absent"
    NULL = "null"
    NULLS = "nulls"
    ZERO = "zero"
    IMAGES = "images"


class Format(StrEnum):
    """The file format of drawn pictures."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"


class Failure(StrEnum):
    """The ways to fail that gateways have; the values are the words after `sandbox:error=`."""

    UNAUTHORIZED = "401"
    PAYMENT_REQUIRED = "402"
    NO_QUOTA = "403"
    RATE_LIMITED = "429"
    SERVER_ERROR = "500"
    BAD_GATEWAY = "502"
    NO_CHANNEL = "503"
    GATEWAY_TIMEOUT = "504"
    CLOUDFLARE_TIMEOUT = "524"
    OK_BUT_ERROR = "200"
    OK_BUT_HTML = "html"
    OK_BUT_TASK = "task"
    EMPTY_CHOICES = "empty"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the gateway; the default is a picture as the first shape.

    `delay` is in seconds; `hang` never answers. `noise` replaces the drawing by a picture of
    that many bytes of noise (no two alike), for benches. `truncate` and `cut` are fractions of
    the body: `truncate` ends it there as if it were whole, `cut` drops the connection there.
    `failure` and `body` replace the completion; `status` belongs to `body`.
    """

    shape: Shape = Shape.MARKDOWN
    pictures: int = 1
    text: str | None = None
    format: Format = Format.PNG
    noise: int = 0
    usage: UsageForm = UsageForm.FULL
    finish_reason: str | None = "stop"
    native_finish_reason: str | None = None
    refusal: str | None = None
    delay: float = 0.0
    hang: bool = False
    lead: bytes = b""
    truncate: float | None = None
    cut: float | None = None
    failure: Failure | None = None
    retry_after: int = 3
    body: bytes | None = None
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class UnknownWord(Exception):
    """A prompt holds a `sandbox:` word that means nothing."""


def by_words(prompt: str, base: Reply) -> Reply:
    """Change `base` as the `sandbox:` words of a prompt demand.

    Raises UnknownWord, with a sentence that names the words there are.
    """
    reply = base
    for word, value in _WORD.findall(prompt):
        try:
            reply = _WORDS[word](reply, value)
        except (KeyError, ValueError) as exc:
            raise UnknownWord(f"sandbox:{word}={value} means nothing here. {HELP}") from exc
    return reply


_WORD = re.compile(r"\bsandbox:(\w+)(?:=([\w.-]+))?")
_TEXT = "I would rather describe it: a picture full of light, with nothing in it that moves."
_SORRY = "I can't create that image."


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


def _number(value: str, low: float, high: float) -> float:
    number = float(value)
    if not low <= number <= high:
        raise ValueError(value)
    return number


_WORDS: Mapping[str, Callable[[Reply, str], Reply]] = {
    "shape": lambda reply, value: replace(reply, shape=Shape(value)),
    "pictures": lambda reply, value: replace(reply, pictures=int(_number(value, 1, 10))),
    "format": lambda reply, value: replace(reply, format=Format(value)),
    "usage": lambda reply, value: replace(reply, usage=UsageForm(value)),
    "error": lambda reply, value: replace(reply, failure=Failure(value)),
    "html": lambda reply, _: replace(reply, failure=Failure.OK_BUT_HTML),
    "empty": lambda reply, _: replace(reply, failure=Failure.EMPTY_CHOICES),
    "text": lambda reply, _: replace(reply, pictures=0, text=_TEXT),
    "refuse": _refuse,
    "slow": lambda reply, value: replace(reply, delay=_number(value or "5", 0, 600)),
    "hang": lambda reply, _: replace(reply, hang=True),
    "space": lambda reply, _: replace(reply, lead=b"\n\n \n"),
    "truncated": lambda reply, _: replace(reply, truncate=0.6),
    "cut": lambda reply, _: replace(reply, cut=0.6),
}

HELP = f"Words: {', '.join(f'sandbox:{word}' for word in _WORDS)}."
