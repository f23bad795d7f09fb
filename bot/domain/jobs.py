"""Jobs: requests on their way from a message to their pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b

from bot.domain.pictures import Picture, Source
from bot.domain.usage import Usage

# In which the process that accepts a job sends its status message; others wait so long for it.
ANNOUNCED_WITHIN = timedelta(seconds=30)


class NoteKind(StrEnum):
    """What is drawn otherwise than it was written."""

    TWICE = "twice"  # a flag or word, and the other of its kind that counts
    FLAG = "flag"  # a misspelt flag, and what it was read as
    NO_FLAG = "no_flag"  # what looks like a flag and stays a word, and the flags that there are
    MODEL = "model"  # a misspelt model, and who draws
    GONE = "gone"  # a model that there was, and who draws
    CANNOT_EDIT = "cannot_edit"  # the model of the picture that is edited, and who draws
    NEAREST = "nearest"  # a ratio or size, and the one that is drawn
    THERE_ARE = "there_are"  # what is no ratio or size, and those that there are
    LEFT_OUT = "left_out"  # a ratio or size, of a model that has no choice of them
    STAYS = "stays"  # a ratio or size that stays a word, and the nearest one
    STAYS_ALONE = "stays_alone"  # the same, of a model that has no choice of them
    COUNT = "count"  # a number of pictures, and how many are drawn
    NO_NUMBER = "no_number"  # what is no number of pictures, and how many there can be


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that is drawn otherwise than written: the `word`, what is there `instead`.

    `model` is the label of the model that does not know the word.
    """

    kind: NoteKind
    word: str
    instead: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be drawn: kept with the job as typed JSON.

    `size` is a model's word for its resolution (`2K`); `mask` says that the last source is not to
    be drawn from but shows where to draw. `changed` says that a button made it of another, with
    another model, ratio or size. `notes` are told to who asked, and change nothing.
    """

    prompt: str
    model: str
    sources: tuple[Source, ...] = ()
    aspect_ratio: str | None = None
    size: str | None = None
    mask: bool = False
    changed: bool = field(default=False, compare=False)
    notes: tuple[Note, ...] = field(default=(), compare=False)

    @property
    def erased(self) -> bool:
        """Whether its owner had it erased: no job begins without words."""
        return not self.prompt


class JobState(StrEnum):
    """Where a job stands; the first three are unfinished, the others final."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    RENDERED = "rendered"
    DELIVERED = "delivered"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def final(self) -> bool:
        return self not in UNFINISHED


UNFINISHED = frozenset({JobState.ACCEPTED, JobState.RUNNING, JobState.RENDERED})


@dataclass(frozen=True, slots=True)
class Job:
    """One request on its way from a message to its pictures.

    `account_id` pays (a user's id, or a chat's where no user stands behind the message);
    `message_id` is the prompt's, `ordinal` tells jobs of one message apart; `claim` is the
    fencing token: every step of a job is conditional on it. A status message that was sent without
    learning its id can only have one above `after_message_id`. A job with an `inline_message_id`
    (see bot/features/inline) shows its picture there; its chat only stores it. `drawn_by` is the
    model that was asked last, None before that. `delivery_tries` are those that failed, of its
    result; pictures `missing` of it could not be used. Until `announced_until` the process that
    accepted it may be about to send its status message; None where that is known here.
    """

    id: int
    account_id: int
    chat_id: int
    thread_id: int | None
    message_id: int
    ordinal: int
    request: Request
    locale: str
    state: JobState
    claim: int
    dispatched: bool
    created_at: datetime
    started_at: datetime | None = None
    rendered_at: datetime | None = None
    ended_at: datetime | None = None
    status_message_id: int | None = None
    text: str = ""
    outcome: OutcomeKind | None = None
    detail: str = ""
    parent_picture_id: int | None = None
    private: bool = True
    after_message_id: int = 0
    inline_message_id: str | None = None
    drawn_by: str | None = None
    delivery_tries: int = 0
    missing: int = 0
    announced_until: datetime | None = None

    @property
    def counted_in(self) -> int | None:
        """The chat whose statistics this shows in: an inline job's is only where it is kept."""
        return None if self.inline_message_id else self.chat_id

    @property
    def allowed(self) -> bool:
        return not self.private and not self.inline_message_id

    def repeated(self, message_id: int, ordinal: int) -> NewJob:
        """The same for the same account and place, as another job of the message."""
        return NewJob(
            account_id=self.account_id,
            chat_id=self.chat_id,
            thread_id=self.thread_id,
            message_id=message_id,
            ordinal=ordinal,
            request=self.request,
            locale=self.locale,
            parent_picture_id=self.parent_picture_id,
            private=self.private,
            after_message_id=self.after_message_id,
            inline_message_id=self.inline_message_id,
        )


@dataclass(frozen=True, slots=True)
class Wake:
    """A call to work on a job: void unless the job's claim is still this one.

    What is `said` has its outcome, of which only its chat has to be told.
    """

    job_id: int
    claim: int
    said: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job before it has a row: who asks, where, for what.

    `after_message_id` is a message that was there before any of the job's own; None means the
    prompt's.
    """

    account_id: int
    chat_id: int
    message_id: int
    request: Request
    locale: str
    thread_id: int | None = None
    ordinal: int = 0
    parent_picture_id: int | None = None
    private: bool = True
    after_message_id: int | None = None
    inline_message_id: str | None = None


class OutcomeKind(StrEnum):
    """How a job or a gateway call ended: the words of the database, texts and logs."""

    DRAWN = "drawn"
    REFUSED = "refused"
    TEXT_ONLY = "text_only"
    EMPTY = "empty"
    BROKEN = "broken"  # a picture came, and it is damaged
    CUT_OFF = "cut_off"  # the connection or the stream ended before the answer did
    NOT_FETCHED = "not_fetched"  # a link came, and no picture from it
    UNREADABLE = "unreadable"  # what came is no answer that anybody knows
    TOO_LARGE = "too_large"  # a picture came that is past our limits
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


# What lasts until an operator does something about it.
LASTING = frozenset({OutcomeKind.OUT_OF_MONEY, OutcomeKind.BAD_KEY, OutcomeKind.NO_ROOM})
# What a model said is the reason: that is for who asked, and in no log.
SPOKEN = frozenset({OutcomeKind.TEXT_ONLY, OutcomeKind.REFUSED})


@dataclass(frozen=True, slots=True)
class Drawn:
    """The gateway answered with pictures; they are in the media store, in order.

    `missing` counts those that came beside them and cannot be shown: cut, damaged or too large.
    """

    pictures: tuple[Picture, ...]
    text: str = ""
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Undrawn:
    """There is no picture: `kind` says why, `detail` is the model's or gateway's own words.

    `detail` is plain text without secrets, at most 1000 characters (3000 where it holds a link that
    could not be fetched); only a refusal's, a text-only answer's and such a link's may be shown to
    users.
    """

    kind: OutcomeKind
    detail: str = ""


Outcome = Drawn | Undrawn


@dataclass(frozen=True, slots=True)
class CallReport:
    """What one gateway call came to, for its row. `latency_ms` in milliseconds.

    `model` is the catalogue's id of who was asked, None where nobody was.

    `repeatable` says that nothing can have been bought, so that the same call may be made again,
    not before `retry_after` seconds where the gateway named a time. Not `asked` means that the
    gateway or the model was left alone, after too many failures.
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
    model: str | None = None
    asked: bool = True

    @property
    def logged(self) -> dict[str, str]:
        """What a log may have of the reason, as a field of its own where there is one."""
        told = "" if self.kind in SPOKEN else self.detail[:200]
        return {"detail": told} if told else {}


@dataclass(frozen=True, slots=True)
class Answer:
    """A gateway's answer: what it means, and the report of the call that brought it."""

    outcome: Outcome
    report: CallReport


GUEST = "guest:"  # before a guest query's id, until its answer has become a message


def account_of_admins(group_id: int) -> int:
    """Number a group's anonymous administrators; no chat has this number."""
    return number_of(f"administrators of {group_id}")


def number_of(name: str) -> int:
    """Give an inline message, or what asks for one, a number below zero of 56 bits."""
    return -1 - int.from_bytes(blake2b(name.encode(), digest_size=7).digest())
