"""What can go wrong with a gateway, and in whose words.

BotError
├── CallFailed         a call that brings no picture; becomes an Undrawn
│   └── ResponseTooLarge   an answer without its pictures is larger than we hold in memory
└── AccountError       a provider did not tell about itself: one line for the operator
Exception              never leaves this package
├── CircuitOpen        no call is let through for a while
├── DownloadFailed     a link brings no picture
├── ImageTruncated     a picture without its end
└── MalformedJson      what should be JSON is none
"""

from __future__ import annotations

import contextlib
import html
import math
import re
from collections.abc import Collection, Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from bot.domain import BotError, OutcomeKind
from bot.log import redacted


class CallFailed(BotError):
    """A call that brings no picture. `repeatable`: nothing can have been bought."""

    def __init__(self, kind: OutcomeKind, detail: str = "", *, repeatable: bool = False) -> None:
        super().__init__(f"{kind}: {plain(detail)[:200]}")
        self.kind = kind
        self.detail = plain(detail)
        self.repeatable = repeatable

    def not_repeatable(self) -> CallFailed:
        """The same, but something may have been bought."""
        return CallFailed(self.kind, self.detail)


class ResponseTooLarge(CallFailed):
    """What is left of an answer without its pictures is more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(OutcomeKind.BROKEN, f"more than {limit} bytes of text")


class AccountError(BotError):
    """The provider did not tell: one line for the operator, without secrets."""


class CircuitOpen(Exception):
    """No call is let through; another one may be in so many `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"left alone for {seconds:.0f} s more, after too many failures in a row")
        self.seconds = seconds


class DownloadFailed(Exception):
    """The link brings no picture; its text says why, without the link."""


class ImageTruncated(Exception):
    """A picture without its end."""


class MalformedJson(Exception):
    """What should be JSON is none."""


# The codes that gateways of the one-api and new-api families, OpenAI and OpenRouter put in error
# bodies. The family rebrands `type`, so `code` decides before `type`, and both before the status.
_CODES = {
    "insufficient_user_quota": OutcomeKind.OUT_OF_MONEY,
    "pre_consume_token_quota_failed": OutcomeKind.OUT_OF_MONEY,
    "insufficient_quota": OutcomeKind.OUT_OF_MONEY,
    "billing_hard_limit_reached": OutcomeKind.OUT_OF_MONEY,
    "billing_not_active": OutcomeKind.OUT_OF_MONEY,
    "invalid_api_key": OutcomeKind.BAD_KEY,
    "authentication_error": OutcomeKind.BAD_KEY,
    "model_not_found": OutcomeKind.UNKNOWN_MODEL,
    "model_price_error": OutcomeKind.UNKNOWN_MODEL,
    "rate_limit_exceeded": OutcomeKind.RATE_LIMITED,
    "rate_limit_error": OutcomeKind.RATE_LIMITED,
    "content_policy_violation": OutcomeKind.REFUSED,
    "content_filter": OutcomeKind.REFUSED,
    "moderation_blocked": OutcomeKind.REFUSED,
    "prompt_blocked": OutcomeKind.REFUSED,
    "sensitive_words_detected": OutcomeKind.REFUSED,
    "image_content_policy_violation": OutcomeKind.REFUSED,
    "invalid_prompt": OutcomeKind.REFUSED,
    "invalid_image": OutcomeKind.BAD_INPUT,
    "invalid_base64_image": OutcomeKind.BAD_INPUT,
    "invalid_image_format": OutcomeKind.BAD_INPUT,
    "image_parse_error": OutcomeKind.BAD_INPUT,
    "image_too_large": OutcomeKind.BAD_INPUT,
    "image_too_small": OutcomeKind.BAD_INPUT,
    "image_file_too_large": OutcomeKind.BAD_INPUT,
    "empty_image_file": OutcomeKind.BAD_INPUT,
    "unsupported_image_media_type": OutcomeKind.BAD_INPUT,
}
# one-api sends no code at all for these; its words are all there is to tell them by.
_PHRASES = {
    "无可用渠道": OutcomeKind.UNKNOWN_MODEL,
    "额度不足": OutcomeKind.OUT_OF_MONEY,
    "额度已用尽": OutcomeKind.OUT_OF_MONEY,
}
_STATUSES = {
    401: OutcomeKind.BAD_KEY,
    402: OutcomeKind.OUT_OF_MONEY,
    413: OutcomeKind.BAD_INPUT,
    429: OutcomeKind.RATE_LIMITED,
    **dict.fromkeys((408, 504, 520, 524), OutcomeKind.TIMEOUT),
    **dict.fromkeys((502, 503, 521, 522, 523, 525, 526, 529), OutcomeKind.UNAVAILABLE),
}

# With these the gateway says that it did nothing. Behind all others a picture may have been drawn
# and charged: behind a timeout of whatever stands before the gateway above all, which outweighs
# any code, because whoever wrote the code did not wait for the end either.
_NOTHING_DONE = frozenset({429, 502, 503, 529})
_UNKNOWN_END = frozenset({408, 504, 520, 524})


def classify_error(error: object, status: int | None) -> CallFailed:
    """Classify an error body's `error`: an object, a string or anything else, by code and status.

    A code decides before the status, because gateways answer errors with 200 and even 500 for
    what is a 404; a number as code is the status of the gateway behind the gateway. A timeout is
    one whatever else is said.
    """
    if not isinstance(error, dict):
        return _failed(_kind(status), _words(error), {status or 0})
    code, metadata = error.get("code"), error.get("metadata")
    details = metadata if isinstance(metadata, dict) else {}
    words = _words(error.get("message") or code)
    names = (code, error.get("type"), details.get("error_type"))
    kinds = (_CODES.get(name) for name in names if isinstance(name, str))
    phrases = (kind for phrase, kind in _PHRASES.items() if phrase in words)
    flagged = OutcomeKind.REFUSED if "flagged_input" in details else None  # OpenRouter's 403
    statuses = {found for found in (_number(code), status) if found}
    timeout = OutcomeKind.TIMEOUT if statuses & _UNKNOWN_END else None
    kind = next(filter(None, (timeout, *kinds, flagged, *phrases)), None)
    return _failed(kind or _kind(_number(code) or status), words, statuses)


def _kind(status: int | None) -> OutcomeKind:
    return _STATUSES.get(status or 0, OutcomeKind.GATEWAY_ERROR)


def _failed(kind: OutcomeKind, words: str, statuses: Collection[int]) -> CallFailed:
    """Nothing can have been bought where all who say something say so, and another try helps."""
    passing = kind in (OutcomeKind.RATE_LIMITED, OutcomeKind.UNAVAILABLE)
    return CallFailed(kind, words, repeatable=passing and _NOTHING_DONE.issuperset(statuses))


def classify_status(status: int, words: str) -> CallFailed:
    """Classify an answer that is none, by its HTTP status alone."""
    kind = OutcomeKind.BROKEN if httpx.codes.is_success(status) else _kind(status)
    return _failed(kind, words, {status})


def classify_page(body: str, status: int) -> CallFailed:
    """Classify a body that is no JSON: an HTML page of whatever stands before the gateway."""
    return classify_status(status, _title(body) if body.startswith("<") else body)


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_KEYS = re.compile(r"\bsk-[A-Za-z0-9_*\-.]{4,}|(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{200,}+={0,2}")
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,300})", re.IGNORECASE)
_THREE_DIGITS = re.compile("[0-9]{3}")
_HTML = re.compile(r"<(?:!doctype html|html|head|body)\b", re.IGNORECASE)


_key: ContextVar[str] = ContextVar("key", default="")


@contextlib.contextmanager
def hiding(key: str) -> Iterator[None]:
    """Have `plain` blank out our key meanwhile: some gateways quote what they were sent."""
    token = _key.set(key)
    try:
        yield
    finally:
        _key.reset(token)


def _hidden(text: str) -> str:
    key = _key.get()
    return text.replace(key, "<secret>") if key else text


def plain(text: str, limit: int = 1000) -> str:
    """Make foreign words safe to keep and to show: no control characters, no secrets, short."""
    # Our key goes before each cut, which would leave a part of it that nothing finds any more.
    text = _hidden(text)[: 4 * limit + 4000]
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = _hidden(_CONTROL.sub("", text))
    return redacted(_KEYS.sub("<secret>", text)).strip()[:limit]


def _words(message: object) -> str:
    """Take an error's own words; some gateways hand on the HTML page they were answered with."""
    text = (
        message if isinstance(message, str) else "" if message is None else plain(str(message), 200)
    )
    return _title(text) if _HTML.search(text[:2000]) else text


def _title(page_text: str) -> str:
    found = _TITLE.search(_hidden(page_text)[:20_000])
    return html.unescape(found.group(1)).strip() if found else "HTML page"


def _number(code: object) -> int | None:
    number = int(code) if isinstance(code, str) and _THREE_DIGITS.fullmatch(code) else code
    return number if isinstance(number, int) and number in range(400, 600) else None


_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def parse_retry_after(header: str, now: datetime) -> float | None:
    """Read seconds, or a date and how far it is from `now`; None for the past and for garbage.

    How long is too long is the caller's to say.
    """
    text = header.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    seconds = (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
    return seconds if seconds >= 0 and math.isfinite(seconds) else None
