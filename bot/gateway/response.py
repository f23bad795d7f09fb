"""An answer's meaning: its skeleton becomes pictures to take, words, usage and reasons; no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx

from bot.domain import OutcomeKind
from bot.gateway.errors import CallFailed, failure, page, plain, unexplained
from bot.gateway.image_extractor import PLACEHOLDER
from bot.gateway.image_locations import ImageLocations
from bot.gateway.json import JSON, amount, mapping, mappings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.gateway.image_locations import FoundImage


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """What an answer says it consumed, as the gateway counts; `cost` in its own currency."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_image: int | None = None
    tokens_reasoning: int | None = None
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ParsedResponse:
    """What an answer says.

    `pictures` stand in it, or where nothing but pictures stands; `marked` are Markdown images by
    link, `linked` mere links, `written` is SVG among the words. The later count only if the earlier
    bring nothing: they repeat them (one-hub does), or mean something else. `shape` names the places
    where pictures stood.
    """

    pictures: tuple[FoundImage, ...] = ()
    marked: tuple[FoundImage, ...] = ()
    linked: tuple[FoundImage, ...] = ()
    written: tuple[FoundImage, ...] = ()
    text: str = ""
    refusal: str = ""
    finish_reason: str | None = None
    native_reason: str | None = None
    model: str | None = None
    id: str | None = None
    counts: TokenCounts = field(default_factory=TokenCounts)
    task: bool = False
    error: CallFailed | None = None
    shape: str = ""

    @property
    def bought(self) -> bool:
        """Whether anything came that is paid for."""
        came = (self.pictures, self.marked, self.linked, self.text, self.refusal)
        return any(came) or bool(self.counts.tokens_out or self.counts.cost)

    def without_pictures(self, error: CallFailed | None = None) -> ParsedResponse:
        """The same, but what stands in it for pictures does not count, because of `error`."""
        return replace(
            self, pictures=(), marked=(), linked=(), written=(), error=self.error or error
        )


def parse_response(skeleton: bytes, status: int) -> ParsedResponse:
    """Read an answer's skeleton.

    Raises Failed for what is no JSON object: a page of HTML, a cut body.
    """
    body = skeleton.decode("utf-8-sig", "replace").strip()
    if not body:
        raise unexplained(status, "an empty body")
    return meaning(_parse(body, status), status, began=bool(PLACEHOLDER.search(body)))


def meaning(document: Mapping[str, object], status: int, *, began: bool) -> ParsedResponse:
    """Read a whole document; `began` tells that some picture's bytes came, or a thought did.

    Pictures behind an HTTP error are none. An error under status 200 says of itself that nothing
    was done, but that is believed only where nothing but the error came.
    """
    reading = _reading(document, _error(document, status))
    if not httpx.codes.is_success(status):
        return reading.without_pictures()
    if reading.error and (began or reading.bought):
        return replace(reading, error=reading.error.for_good())
    return reading


def _parse(body: str, status: int) -> Mapping[str, object]:
    try:
        document: object = JSON.decode(body)
    except (ValueError, RecursionError) as exc:
        if not httpx.codes.is_success(status) or not body.startswith(("{", "[")):
            raise page(body, status) from exc
        raise CallFailed(OutcomeKind.BROKEN, "the JSON is cut or malformed") from exc
    if isinstance(document, list):
        document = document[0] if len(document) == 1 else None  # Google wraps errors in a list
    if not isinstance(document, dict):
        raise unexplained(status, "JSON, but no object")
    return document


def _error(document: Mapping[str, object], status: int) -> CallFailed | None:
    """Find the failure that an answer tells of, at the top or in a choice, whatever the status."""
    behind = None if httpx.codes.is_success(status) else status
    for place in (document, *_choices(document)):
        if told(error := place.get("error")):
            return failure(error, behind)
    if unnamed := fault(document):
        return failure(unnamed, behind)
    if document.get("success") is False or behind:
        words = (document.get(key) for key in ("message", "msg", "detail", "error"))
        message = next((word for word in words if isinstance(word, str)), None)
        return failure({"message": message, "code": document.get("code")}, behind)
    return None


def told(error: object) -> bool:
    """Whether an `error` tells of one: some gateways always send the key."""
    return any(error.values()) if isinstance(error, dict) else bool(error)


def _choices(document: Mapping[str, object]) -> list[dict[str, object]]:
    return mappings(document.get("choices"))


def _reading(document: Mapping[str, object], error: CallFailed | None) -> ParsedResponse:
    places = ImageLocations()
    choices = _choices(document)
    for choice in choices:
        name = "message" if mapping(choice.get("message")) else "delta"
        places.message(mapping(choice.get(name)), name)
    places.data(document.get("data"))
    places.output(mappings(document.get("output")))
    candidates = mappings(document.get("candidates"))
    for candidate in candidates:
        places.candidate(mapping(candidate.get("content")))
    first: Mapping[str, object] = next(iter((*choices, *candidates)), {})
    feedback = mapping(document.get("promptFeedback"))
    native = (first.get("native_finish_reason"), first.get("finishReason"))
    return ParsedResponse(
        pictures=tuple(dict.fromkeys(places.pictures)),
        marked=tuple(dict.fromkeys(places.marked)),
        linked=tuple(dict.fromkeys(places.linked)),
        written=tuple(dict.fromkeys(places.written)),
        text=places.text(),
        refusal=plain("\n".join(places.refusals)),
        finish_reason=_word(first.get("finish_reason") or stopped(document)),
        native_reason=next(filter(None, map(_word, (feedback.get("blockReason"), *native))), None),
        model=_word(document.get("model") or document.get("modelVersion")),
        id=_word(document.get("id") or document.get("responseId")),
        counts=_counts(document),
        task=_is_task(document),
        error=error,
        shape=places.shape(),
    )


def _is_task(document: Mapping[str, object]) -> bool:
    data = document.get("data")
    places = (document, mapping(data), *mappings(data))
    return any(place.get("task_id") or place.get("taskId") for place in places)


def _counts(document: Mapping[str, object]) -> TokenCounts:
    usage = mapping(document.get("usage"))
    native = mapping(document.get("usageMetadata"))
    outs = mapping(usage.get("completion_tokens_details") or usage.get("output_tokens_details"))
    return TokenCounts(
        tokens_in=_count(
            usage.get("prompt_tokens"), usage.get("input_tokens"), native.get("promptTokenCount")
        ),
        tokens_out=_count(
            usage.get("completion_tokens"),
            usage.get("output_tokens"),
            native.get("candidatesTokenCount"),
        ),
        tokens_image=_count(outs.get("image_tokens")),
        tokens_reasoning=_count(outs.get("reasoning_tokens"), native.get("thoughtsTokenCount")),
        cost=amount(usage.get("cost")),
    )


def _count(*values: object) -> int | None:
    for value in values:
        if isinstance(value, Decimal) and value.is_finite() and abs(value) < 2**31:
            value = int(value)  # noqa: PLW2901 - some gateways count in floats
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31:
            return value
    return None


def _word(value: object) -> str | None:
    return plain(value, 200) or None if isinstance(value, str) else None


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


def classify_failure(reading: ParsedResponse, spoiled: str) -> CallFailed:
    """Classify an answer without a picture: the gateway's error, native reason, finish reason, text.

    `spoiled` says why something that looked like a picture was none; empty if there was nothing.
    """
    if reading.error:
        return reading.error
    if reading.task:
        return CallFailed(OutcomeKind.ASYNC_TASK, "a task was started instead of a picture drawn")
    words = reading.refusal or reading.text
    if _refused(reading):
        return CallFailed(OutcomeKind.REFUSED, words or _reason(reading))
    if (reading.finish_reason or "").lower() == "error":
        return CallFailed(OutcomeKind.GATEWAY_ERROR, words or _reason(reading))
    if spoiled:
        return CallFailed(OutcomeKind.BROKEN, spoiled)
    return CallFailed(
        OutcomeKind.TEXT_ONLY if words else OutcomeKind.EMPTY, words or _reason(reading)
    )


def _refused(reading: ParsedResponse) -> bool:
    """Tell a refusal; a native reason outweighs a finish reason, into which all is flattened."""
    native = (reading.native_reason or "").upper()
    finish = (reading.finish_reason or "").upper()
    deciding = finish if native in _NEUTRAL else native
    return bool(reading.refusal) or deciding in _REFUSALS


def _reason(reading: ParsedResponse) -> str:
    return reading.native_reason or reading.finish_reason or ""


ITEM = "response.output_item.done"
ENDS = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
    "response.canceled": "cancelled",
}
_FAILURES = {
    "failed": "the response failed",
    "cancelled": "the response was cancelled",
    "canceled": "the response was cancelled",
}
# OpenAI's words for it in Chat Completions; `content_filter` is the same in both.
_INCOMPLETE_REASONS = {"max_output_tokens": "length"}


def final_response(event: Mapping[str, object], status: str) -> dict[str, object]:
    """Take the response out of the event that ends it."""
    inner = mapping(event.get("response")) or event
    return {"object": "response", **inner, "status": status}


def fault(document: Mapping[str, object]) -> dict[str, object] | None:
    """Tell an error of a response that has failed without naming one."""
    words = _FAILURES.get(_status(document))
    return {"message": words} if words else None


def stopped(document: Mapping[str, object]) -> object:
    """Say as a finish reason why a response is incomplete; None if it is not."""
    if _status(document) != "incomplete":
        return None
    reason = mapping(document.get("incomplete_details")).get("reason")
    return _INCOMPLETE_REASONS.get(str(reason), reason or "incomplete")


def better(output: object, items: list[object]) -> object:
    """Choose the whole output, unless more pictures came in the items before it."""
    return items if not output or _image_count(items) > _image_count(output) else output


def _status(document: Mapping[str, object]) -> str:
    status = document.get("status")
    known = document.get("object") == "response" and isinstance(status, str)
    return str(status) if known else ""


def _image_count(output: object) -> int:
    return sum(bool(item.get("result")) for item in mappings(output))
