"""What an answer means: its images, text, tokens and reasons, and who is to blame for no image."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal

import httpx

from bot.domain import OutcomeKind, Usage
from bot.gateway.classify import classify_error, is_refusal, unnamed_error
from bot.gateway.errors import LINKED_WORDS, CallFailed, MalformedJson, PictureNotFetched, plain
from bot.gateway.image_locations import FoundImage, ImageLocations, LinkedImage
from bot.gateway.json import CUT, Json, amount, count, mapping, mappings, parse
from bot.gateway.links import with_links

# The Responses shape: the events that end one, and the status that they give it.
RESPONSE_ENDS = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
    "response.canceled": "cancelled",
}
_ENVELOPES = ("data", "result", "response", "body", "output")
_ANSWERS = ("choices", "candidates")
_TEXTS = ("text", "response", "answer", "result", "output", "output_text")
_DEEPEST = 3
_FAILURES = {
    "failed": "the response failed",
    "cancelled": "the response was cancelled",
    "canceled": "the response was cancelled",
}
# OpenAI's words for it in Chat Completions; `content_filter` is the same in both.
_INCOMPLETE_REASONS = {"max_output_tokens": "length"}


@dataclass(frozen=True, slots=True)
class ParsedResponse:
    """What an answer says.

    `images` stand in it, or where nothing but images stands; `markdown_images` are Markdown's by
    link, `links` mere links, `svgs` are written among the words. The later count only if the
    earlier bring nothing: they repeat them (one-hub does), or mean something else. `shape` names
    the places where images stood, `cost` is in the gateway's currency. `task`: a task was started, whose result must be asked for.
    """

    images: tuple[FoundImage, ...] = ()
    markdown_images: tuple[FoundImage, ...] = ()
    links: tuple[FoundImage, ...] = ()
    svgs: tuple[FoundImage, ...] = ()
    text: str = ""
    refusal: str = ""
    finish_reason: str | None = None
    native_reason: str | None = None
    model: str | None = None
    id: str | None = None
    tokens: Usage = field(default_factory=Usage)
    cost: Decimal | None = None
    task: bool = False
    error: CallFailed | None = None
    shape: str = ""

    @property
    def is_paid(self) -> bool:
        came = (self.images, self.markdown_images, self.links, self.text, self.refusal)
        return any(came) or bool(self.tokens.tokens_out or self.cost)

    def without_images(self) -> ParsedResponse:
        """The same, but what stands in it for images does not count."""
        return replace(self, images=(), markdown_images=(), links=(), svgs=())

    def with_error(self, error: CallFailed) -> ParsedResponse:
        """The same, and why it is not whole; images that came are the answer nevertheless."""
        return replace(self, error=self.error or error)


def interpret(document: Json, status: int, *, paid: bool) -> ParsedResponse:
    """Read a whole document; `paid` tells that some image's bytes came, or a thought did.

    Images behind an HTTP error are none. An error under status 200 says of itself that nothing
    was done, but that is believed only where nothing but the error came.
    """
    document = unwrapped(document)
    parsed = _read(document, _error(document, status))
    if not httpx.codes.is_success(status):
        return parsed.without_images()
    if parsed.error and (paid or parsed.is_paid):
        return replace(parsed, error=parsed.error.not_repeatable())
    return parsed


def classify_failure(
    response: ParsedResponse, spoiled: CallFailed | None = None, unfetched: Sequence[str] = ()
) -> CallFailed:
    """Classify an answer without an image: the gateway's error, native reason, finish reason, text.

    `spoiled` says why something that looked like an image was none; None if there was nothing.
    `unfetched` are links to images that could not be fetched.
    """
    if response.error:
        return response.error
    if response.task:
        return CallFailed(OutcomeKind.ASYNC_TASK, "a task was started instead of a picture drawn")
    words = response.refusal or response.text
    detail = words or response.native_reason or response.finish_reason or ""
    if response.refusal or is_refusal(response.native_reason, response.finish_reason):
        return CallFailed(OutcomeKind.REFUSED, detail)
    if (response.finish_reason or "").lower() == "error":
        return CallFailed(OutcomeKind.GATEWAY_ERROR, detail)
    if unfetched:
        spoiled = PictureNotFetched(with_links(response.text, unfetched, LINKED_WORDS))
    if spoiled:
        return spoiled
    return CallFailed(OutcomeKind.TEXT_ONLY if words else OutcomeKind.EMPTY, detail)


def is_error(error: object) -> bool:
    """Whether an `error` tells of one: some gateways always send the key."""
    return any(error.values()) if isinstance(error, dict) else bool(error)


def final_response(event: Json, status: str) -> Json:
    inner = mapping(event.get("response")) or event
    return {"object": "response", **inner, "status": status}


def response_failure(document: Json) -> Json | None:
    words = _FAILURES.get(_response_status(document))
    return {"message": words} if words else None


def _error(document: Json, status: int) -> CallFailed | None:
    http_error = None if httpx.codes.is_success(status) else status
    for place in (document, *mappings(document.get("choices"))):
        if is_error(error := place.get("error")):
            named = isinstance(error, dict | str)
            return classify_error(error if named else place, http_error)
    if unnamed := response_failure(document) or unnamed_error(document):
        return classify_error(unnamed, http_error)
    return classify_error(document, http_error) if http_error else None


def unwrapped(document: Json, deepest: int = _DEEPEST) -> Json:
    """Take an answer out of what some gateways put round it: `{code, msg, data: {choices}}`."""
    if not deepest or "type" in document or any(map(document.get, _ANSWERS)):
        return document
    for name in _ENVELOPES:
        if inner := _document_in(document.get(name)):
            inner = unwrapped(inner, deepest - 1)
            if any(map(inner.get, (*_ANSWERS, "error"))):
                return {key: value for key, value in document.items() if key != name} | inner
    return document


def _document_in(value: object) -> Json:
    """Give an object, or the one that a string is JSON of: functions behind a proxy answer so."""
    if isinstance(value, str) and value.startswith("{"):
        with suppress(MalformedJson):
            return mapping(parse(value))
    return mapping(value)


def _read(document: Json, error: CallFailed | None) -> ParsedResponse:
    found = ImageLocations()
    choices = _choices(document)
    for choice in choices:
        name = "message" if mapping(choice.get("message")) else "delta"
        said = mapping(choice.get(name)) or {"content": choice.get("text")}
        found.message(said, name)
    found.data(document.get("data"))
    found.output(mappings(document.get("output")))
    candidates = mappings(document.get("candidates"))
    for candidate in candidates:
        found.candidate(mapping(candidate.get("content")))
    if error is None and not choices and not candidates:
        _read_bare(document, found)
    if error is None:
        found.anywhere(document)
    first: Json = next(iter((*choices, *candidates)), {})
    blocked = mapping(document.get("promptFeedback")).get("blockReason")
    native = (blocked, first.get("native_finish_reason"), first.get("finishReason"))
    return ParsedResponse(
        images=_distinct(found.images),
        markdown_images=_distinct(found.markdown_images),
        links=_distinct(found.links),
        svgs=_distinct(found.svgs),
        text=found.text().replace(CUT, "").rstrip(),
        refusal=plain("\n".join(found.refusals).replace(CUT, "")),
        finish_reason=_word(first.get("finish_reason") or _incomplete_reason(document)),
        native_reason=next(filter(None, map(_word, native)), None),
        model=_word(document.get("model") or document.get("modelVersion")),
        id=_word(document.get("id") or document.get("responseId")),
        tokens=_tokens(document),
        cost=amount(mapping(document.get("usage")).get("cost")),
        task=_is_task(document),
        error=error,
        shape=found.shape(),
    )


def _choices(document: Json) -> list[Json]:
    choices = document.get("choices")
    return mappings([choices] if isinstance(choices, dict) else choices)


def _read_bare(document: Json, found: ImageLocations) -> None:
    """Read a message that stands in no choice: Anthropic's, Ollama's, or a text by some name."""
    found.message(document, "document")
    found.message(mapping(document.get("message")))
    for name in _TEXTS:
        if isinstance(text := document.get(name), str):
            found.message({"content": text}, name)


def _distinct(found: Sequence[FoundImage]) -> tuple[FoundImage, ...]:
    """Take each once; half a link leads nowhere."""
    if not found:
        return ()
    whole = (one for one in found if not (isinstance(one, LinkedImage) and CUT in one.url))
    return tuple(dict.fromkeys(whole))


def _incomplete_reason(document: Json) -> object:
    if _response_status(document) != "incomplete":
        return None
    reason = mapping(document.get("incomplete_details")).get("reason")
    return _INCOMPLETE_REASONS.get(str(reason), reason or "incomplete")


def _response_status(document: Json) -> str:
    status = document.get("status")
    is_response = document.get("object") == "response"
    return status if is_response and isinstance(status, str) else ""


def _is_task(document: Json) -> bool:
    data = document.get("data")
    places = (document, mapping(data), *mappings(data))
    return any(place.get("task_id") or place.get("taskId") for place in places)


def _tokens(document: Json) -> Usage:
    usage = mapping(document.get("usage"))
    native = mapping(document.get("usageMetadata"))
    outs = mapping(usage.get("completion_tokens_details") or usage.get("output_tokens_details"))
    return Usage(
        tokens_in=count(
            usage.get("prompt_tokens"), usage.get("input_tokens"), native.get("promptTokenCount")
        ),
        tokens_out=count(
            usage.get("completion_tokens"),
            usage.get("output_tokens"),
            native.get("candidatesTokenCount"),
        ),
        tokens_image=count(outs.get("image_tokens")),
        tokens_reasoning=count(outs.get("reasoning_tokens"), native.get("thoughtsTokenCount")),
    )


def _word(value: object) -> str | None:
    return plain(value, 200) or None if isinstance(value, str) else None
