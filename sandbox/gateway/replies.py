"""Replies: what the gateway is to answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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


class Stream(StrEnum):
    """How a streamed completion carries its pictures.

    WHOLE as the shape has them, a Markdown picture in one `delta.content` (new-api); SPLIT the
    same, cut anywhere into many; IMAGES in `delta.images` (OpenRouter, LiteLLM), one in each
    chunk; IMAGE in `delta.image` (one-hub).
    """

    WHOLE = "whole"
    SPLIT = "split"
    IMAGES = "images"
    IMAGE = "image"


class Wire(StrEnum):
    """Whether the answer is a stream of events: as asked, or whatever was asked."""

    ASKED = "asked"
    SSE = "sse"
    JSON = "json"


class UsagePlace(StrEnum):
    """Where a stream tells its usage: a chunk of its own if asked for one, always, or the last."""

    ASKED = "asked"
    FINAL = "final"
    LAST = "last"


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
    BAD_GATEWAY_JSON = "502-json"
    NO_CHANNEL = "503"
    OVERLOADED = "503-overloaded"
    GATEWAY_TIMEOUT = "504"
    CLOUDFLARE_UNKNOWN = "520"
    CLOUDFLARE_TIMEOUT = "524"
    BLOCKED = "400-blocked"
    OK_BUT_ERROR = "200"
    OK_BUT_HTML = "html"
    OK_BUT_TASK = "task"
    EMPTY_CHOICES = "empty"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the gateway; the default is what was asked for, as the model usually does it.

    What is drawn: `pictures` None draws as many as were asked for; `noise` replaces the drawing
    by a picture of that many bytes of noise (no two alike), for benches; `format` None is as
    asked. `shape` None is the model's habit; on the images routes a URL shape gives
    URLs and any other base64, whatever was asked for.

    When: `delay` is in seconds; `hang` never answers; `pause` is in seconds, between the chunks
    of a stream and between `keepalives`, blank lines that fix status 200 before the JSON.

    How it is distorted: `truncate` and `cut` are fractions of the body: `truncate` ends it there as
    if it were whole, `cut` drops the connection there, 0.0 before any byte of an answer.
    `failure` and `body` replace the answer; `status` belongs to `body`. `retry_after`, in seconds
    or an HTTP date, stands on 429 and on an overload's 503; None leaves it out.

    Streams: `deltas` is how many pieces SPLIT cuts, at places that `seed` decides; `comments` are
    put between the first events; `done` ends with `[DONE]`; `multiline` breaks each event's JSON
    over several `data:` lines; `midstream` is an error's code under status 200, after
    `midstream_after` events. `partials` is how many drafts an images stream shows before each
    picture; None is as asked.
    """

    shape: Shape | None = None
    pictures: int | None = None
    text: str | None = None
    format: Format | None = None
    noise: int = 0
    usage: UsageForm = UsageForm.FULL
    finish_reason: str | None = "stop"
    native_finish_reason: str | None = None
    refusal: str | None = None
    delay: float = 0.0
    hang: bool = False
    lead: bytes = b""
    keepalives: int = 0
    truncate: float | None = None
    cut: float | None = None
    failure: Failure | None = None
    retry_after: int | str | None = 3
    body: bytes | None = None
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    wire: Wire = Wire.ASKED
    stream: Stream = Stream.WHOLE
    deltas: int = 16
    seed: int = 0
    pause: float = 0.0
    comments: tuple[str, ...] = ()
    usage_place: UsagePlace = UsagePlace.ASKED
    done: bool = True
    crlf: bool = False
    multiline: bool = False
    midstream: int | None = None
    midstream_after: int = 3
    partials: int | None = None

    @property
    def refuses(self) -> bool:
        """Whether the model declines, in any dialect."""
        native = (self.native_finish_reason or "").upper()
        blocked = any(word in native for word in ("SAFETY", "PROHIBITED", "CONTENT_FILTER"))
        return blocked or self.finish_reason == "content_filter" or self.refusal is not None
