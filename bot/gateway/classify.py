"""Which failure it is: told by an error's code, a finish reason, a status or a page.

Who may ask again is decided here, too: `CallFailed.repeatable` says that nothing can have been
bought, and bot/jobs/retries.py builds on it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Mapping

import httpx

from bot.domain import OutcomeKind
from bot.gateway.errors import CallFailed, hidden, plain
from bot.gateway.phrases import likely_kind, sure_kind

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
_STATUSES = {
    401: OutcomeKind.BAD_KEY,
    402: OutcomeKind.OUT_OF_MONEY,
    413: OutcomeKind.BAD_INPUT,
    429: OutcomeKind.RATE_LIMITED,
    **dict.fromkeys((408, 504, 524), OutcomeKind.TIMEOUT),
    # Cloudflare's 520 is an answer that it could not read: anything may be behind it.
    **dict.fromkeys((502, 503, 521, 522, 523, 525, 526, 527, 529, 530), OutcomeKind.UNAVAILABLE),
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
_UNKNOWN_END = frozenset({408, 504, 524})
_REJECTED = frozenset({400, 422})

# Where errors that have no name put their number and their words, and what else stands in answers.
ERROR_CODES = ("code", "error_code", "errcode", "status_code", "statusCode")
MESSAGES = ("message", "msg", "error_msg", "errmsg", "status_msg", "detail", "errors", "error")
_GOOD_CODES = frozenset({"0", "200", "201", "true", "ok", "success", "succeeded", ""})
_FAILED_STATUSES = frozenset({"error", "fail", "failed", "failure"})
_ANSWERS = ("choices", "candidates", "output", "data", "images", "image", "result", "task_id", "id")
_MOST_SAID = 5

_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,300})", re.IGNORECASE)
_THREE_DIGITS = re.compile("[0-9]{3}")
_HTML = re.compile(r"<(?:!doctype html|html|head|body)\b", re.IGNORECASE)


def classify_error(error: object, status: int | None) -> CallFailed:
    """Classify an error body's `error`: an object, a string or anything else.

    A code decides before the words, and words that leave no doubt before the status: gateways
    answer errors with 200, an empty account with 429 and even a 404 with 500. A number as code is
    the status of the gateway behind the gateway. A timeout is one whatever else is said.
    """
    found = error if isinstance(error, dict) else {"message": error}
    code, metadata = found.get("code"), found.get("metadata")
    details = metadata if isinstance(metadata, dict) else {}
    words = _words(_message(found) or code)
    names = [code, found.get("type"), found.get("status"), details.get("error_type")]
    named = [name for name in names if isinstance(name, str)]
    flagged = OutcomeKind.REFUSED if "flagged_input" in details else None  # OpenRouter's 403
    statuses = {number for number in (_number(code), status) if number}
    timeout = OutcomeKind.TIMEOUT if statuses & _UNKNOWN_END else None
    coded = timeout or next(filter(None, map(_CODES.get, named)), None) or flagged
    kind = coded or _told_kind(" ".join([*named, words]), _number(code) or status)
    return _failed(kind, words, statuses if statuses or coded else {0})


def unnamed_error(document: Mapping[str, object]) -> dict[str, object] | None:
    """Find the error of an answer that does not call it one; None if there is none.

    `{code, msg}` of the Chinese panels, MiniMax's `base_resp`, FastAPI's `detail`, `errors`.
    """
    base = document.get("base_resp")
    place = base if isinstance(base, dict) else document
    code = next((place[key] for key in ERROR_CODES if place.get(key) is not None), None)
    message = _message(place)
    failed = document.get("success") is False or document.get("status") in _FAILED_STATUSES
    answers = any(document.get(key) for key in _ANSWERS)
    wrong = isinstance(code, int | str) and str(code).lower() not in _GOOD_CODES
    if failed or (wrong and message and not document.get("choices")):
        return {"message": message, "code": code}
    if message and not answers and code is None:
        return {"message": message}
    return None


def _message(place: Mapping[str, object]) -> str:
    given = filter(None, map(place.get, MESSAGES))
    return next(filter(None, map(_said, given)), "")


def _said(value: object) -> str:
    """Take words out of a string, an object or a list of them: `[{loc, msg, type}]`."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return _message(value)
    if isinstance(value, list):
        return "; ".join(filter(None, map(_said, value[:_MOST_SAID])))
    return ""


def _told_kind(words: str, status: int | None) -> OutcomeKind:
    """Classify by an error's words and a status, the surer first."""
    kind = sure_kind(words) or _STATUSES.get(status or 0) or likely_kind(words)
    return kind or (OutcomeKind.BAD_INPUT if status in _REJECTED else OutcomeKind.GATEWAY_ERROR)


def _failed(kind: OutcomeKind, words: str, statuses: Collection[int]) -> CallFailed:
    """Nothing can have been bought where all who say something say so, and another try helps."""
    passing = kind in (OutcomeKind.RATE_LIMITED, OutcomeKind.UNAVAILABLE)
    return CallFailed(kind, words, repeatable=passing and _NOTHING_DONE.issuperset(statuses))


def classify_status(status: int, words: str) -> CallFailed:
    """Classify an answer that is none, by its HTTP status and what it says instead."""
    if httpx.codes.is_success(status):
        return CallFailed(sure_kind(words) or OutcomeKind.UNREADABLE, words)
    timeout = OutcomeKind.TIMEOUT if status in _UNKNOWN_END else None
    return _failed(timeout or _told_kind(words, status), words, {status})


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
