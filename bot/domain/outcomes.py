"""Outcomes: how a job or a gateway call ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.pictures import Picture
from bot.domain.usage import Usage


class OutcomeKind(StrEnum):
    """How a job or a gateway call ended: the words of the database, texts and logs."""

    DRAWN = "drawn"
    REFUSED = "refused"
    TEXT_ONLY = "text_only"
    EMPTY = "empty"
    BROKEN = "broken"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    OUT_OF_MONEY = "out_of_money"
    BAD_KEY = "bad_key"
    UNKNOWN_MODEL = "unknown_model"
    UNAVAILABLE = "unavailable"
    GATEWAY_ERROR = "gateway_error"
    ASYNC_TASK = "async_task"
    BAD_INPUT = "bad_input"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NO_ROOM = "no_room"
    INTERRUPTED = "interrupted"
    UNDELIVERABLE = "undeliverable"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Drawn:
    """The gateway answered with pictures; they are in the media store, in order."""

    pictures: tuple[Picture, ...]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Undrawn:
    """There is no picture: `kind` says why, `detail` is the model's or gateway's own words.

    `detail` is plain text without secrets, at most 1000 characters; only a refusal's and a
    text-only answer's may be shown to users.
    """

    kind: OutcomeKind
    detail: str = ""


Outcome = Drawn | Undrawn


@dataclass(frozen=True, slots=True)
class CallReport:
    """What one gateway call came to, for its attempt row. `latency_ms` in milliseconds.

    `repeatable` says that nothing can have been bought, so that the same call may be made again,
    not before `retry_after` seconds where the gateway named a time.
    """

    kind: OutcomeKind
    usage: Usage = field(default_factory=Usage)
    http_status: int | None = None
    finish_reason: str | None = None
    native_reason: str | None = None
    model_returned: str | None = None
    upstream_id: str | None = None
    latency_ms: int = 0
    detail: str = ""
    repeatable: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A gateway's answer: what it means, and the report of the call that brought it."""

    outcome: Outcome
    report: CallReport
