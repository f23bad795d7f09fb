"""Which failure it is: told by an error's code, a finish reason, a status or a page.

Who may ask again is decided here, too: `CallFailed.repeatable` says that nothing can have been
bought, and bot/jobs/retries.py builds on it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection

import httpx

from bot.domain import OutcomeKind
from bot.gateway.errors import CallFailed, hidden, plain

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

# Gemini's reasons (google-genai's FinishReason and BlockedReason) that mean "we will not draw it";
# the others (NO_IMAGE, IMAGE_OTHER, MALFORMED_RESPONSE, MAX_TOKENS ...) mean "it did not work".
_REFUSALS = frozenset(
    {
        "SAFETY",
        "IMAGE_SAFETY",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "IMAGE_PROHIBITED_CONTENT",
        "RECITATION",
        "IMAGE_RECITATION",
        "SPII",
        "MODEL_ARMOR",
        "JAILBREAK",
        "CONTENT_FILTER",
        "REFUSAL",
    }
)
_NEUTRAL = frozenset({"", "STOP", "FINISH_REASON_UNSPECIFIED"})

# With these the gateway says that it did nothing. Behind all others a picture may have been drawn
# and charged: behind a timeout of whatever stands before the gateway above all, which outweighs
# any code, because whoever wrote the code did not wait for the end either.
_NOTHING_DONE = frozenset({429, 502, 503, 529})
_UNKNOWN_END = frozenset({408, 504, 520, 524})

_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,300})", re.IGNORECASE)
_THREE_DIGITS = re.compile("[0-9]{3}")
_HTML = re.compile(r"<(?:!doctype html|html|head|body)\b", re.IGNORECASE)


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
    kind = OutcomeKind.UNREADABLE if httpx.codes.is_success(status) else _kind(status)
    return _failed(kind, words, {status})


def classify_page(body: str, status: int) -> CallFailed:
    """Classify a body that is no JSON: an HTML page of whatever stands before the gateway."""
    return classify_status(status, _title(body) if body.startswith("<") else body)


def is_refusal(native_reason: str | None, finish_reason: str | None) -> bool:
    """Tell a refusal; a native reason outweighs a finish reason, into which all is flattened."""
    native, finish = (native_reason or "").upper(), (finish_reason or "").upper()
    return (finish if native in _NEUTRAL else native) in _REFUSALS


def _words(message: object) -> str:
    """Take an error's own words; some gateways hand on the HTML page they were answered with."""
    text = (
        message if isinstance(message, str) else "" if message is None else plain(str(message), 200)
    )
    return _title(text) if _HTML.search(text[:2000]) else text


def _title(page_text: str) -> str:
    found = _TITLE.search(hidden(page_text)[:20_000])
    return html.unescape(found.group(1)).strip() if found else "HTML page"


def _number(code: object) -> int | None:
    number = int(code) if isinstance(code, str) and _THREE_DIGITS.fullmatch(code) else code
    return number if isinstance(number, int) and number in range(400, 600) else None
