"""An answer's meaning: its skeleton becomes pictures to take, words, usage and reasons; no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx

from bot.domain import OutcomeKind
from bot.upstream.document import JSON, amount, mapping, mappings
from bot.upstream.errors import Failed, failure, page, plain, unexplained
from bot.upstream.places import Places
from bot.upstream.response import fault, stopped
from bot.upstream.sieve import PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.upstream.places import Found


@dataclass(frozen=True, slots=True)
class Counts:
    """What an answer says it consumed, as the gateway counts; `cost` in its own currency."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_image: int | None = None
    tokens_reasoning: int | None = None
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says.

    `pictures` stand in it, or where nothing but pictures stands; `marked` are Markdown images by
    link, `linked` mere links, `written` is SVG among the words. The later count only if the earlier
    bring nothing: they repeat them (one-hub does), or mean something else. `shape` names the places
    where pictures stood.
    """

    pictures: tuple[Found, ...] = ()
    marked: tuple[Found, ...] = ()
    linked: tuple[Found, ...] = ()
    written: tuple[Found, ...] = ()
    text: str = ""
    refusal: str = ""
    finish_reason: str | None = None
    native_reason: str | None = None
    model: str | None = None
    id: str | None = None
    counts: Counts = field(default_factory=Counts)
    task: bool = False
    error: Failed | None = None
    shape: str = ""

    @property
    def bought(self) -> bool:
        """Whether anything came that is paid for."""
        came = (self.pictures, self.marked, self.linked, self.text, self.refusal)
        return any(came) or bool(self.counts.tokens_out or self.counts.cost)

    def without_pictures(self, error: Failed | None = None) -> Reading:
        """The same, but what stands in it for pictures does not count, because of `error`."""
        return replace(
            self, pictures=(), marked=(), linked=(), written=(), error=self.error or error
        )


def read(skeleton: bytes, status: int) -> Reading:
    """Read an answer's skeleton.

    Raises Failed for what is no JSON object: a page of HTML, a cut body.
    """
    body = skeleton.decode("utf-8-sig", "replace").strip()
    if not body:
        raise unexplained(status, "an empty body")
    return meaning(_parse(body, status), status, began=bool(PLACEHOLDER.search(body)))


def meaning(document: Mapping[str, object], status: int, *, began: bool) -> Reading:
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
        raise Failed(OutcomeKind.BROKEN, "the JSON is cut or malformed") from exc
    if isinstance(document, list):
        document = document[0] if len(document) == 1 else None  # Google wraps errors in a list
    if not isinstance(document, dict):
        raise unexplained(status, "JSON, but no object")
    return document


def _error(document: Mapping[str, object], status: int) -> Failed | None:
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


def _reading(document: Mapping[str, object], error: Failed | None) -> Reading:
    places = Places()
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
    return Reading(
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


def _counts(document: Mapping[str, object]) -> Counts:
    usage = mapping(document.get("usage"))
    native = mapping(document.get("usageMetadata"))
    outs = mapping(usage.get("completion_tokens_details") or usage.get("output_tokens_details"))
    return Counts(
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
