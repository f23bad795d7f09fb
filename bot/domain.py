"""What the bot talks about: requests, jobs, pictures, usage and outcomes; no I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

# The exception tree
# ------------------
# BotError
# ├── StorageUnavailable   the database cannot commit now; the update must be redelivered
# ├── InputError           a picture that the user sent cannot be used (key: what to tell him)
# ├── Unreachable          the chat cannot be talked to, and never will be by trying again
# ├── TryLater             the chat cannot be talked to now; nothing is lost by waiting
# └── LimitReached         a quota is used up; nothing was reserved
#     └── AllowanceReached   a group's, of a day


class BotError(Exception):
    """The root of everything that the bot raises on purpose."""


class StorageUnavailable(BotError):
    """The database cannot commit now: nothing was changed, trying again is right."""


class InputProblem(StrEnum):
    """Why a picture that the user sent cannot be used."""

    NOT_A_PICTURE = "not_a_picture"
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_PIXELS = "too_many_pixels"
    GONE = "gone"
    NOT_FETCHED = "not_fetched"


class InputError(BotError):
    """A picture that the user sent cannot be used: permanent, the user is told why."""

    def __init__(self, problem: InputProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem


class Unreachable(BotError):
    """The chat cannot be talked to (blocked, kicked, deleted): permanent."""


class TryLater(BotError):
    """The chat cannot be talked to now; trying again after `seconds` is harmless and right."""

    def __init__(self, seconds: float = 1.0) -> None:
        super().__init__(f"again in {seconds:.0f} s")
        self.seconds = seconds


class Period(StrEnum):
    """The spans that usage is counted in, in UTC."""

    DAY = "day"
    MONTH = "month"
    ALL = "all"

    def key(self, at: datetime) -> str:
        """Name the span that holds `at`: `2026-11-22`, `2026-11` or `all`."""
        match self:
            case Period.DAY:
                return at.strftime("%Y-%m-%d")
            case Period.MONTH:
                return at.strftime("%Y-%m")
            case Period.ALL:
                return "all"


class LimitReached(BotError):
    """A quota of pictures does not suffice: nothing was reserved.

    `left` is what it still holds, `asked` what was wanted at once.
    """

    def __init__(self, period: Period, limit: int, left: int = 0, asked: int = 1) -> None:
        super().__init__(f"{period} limit of {limit} pictures")
        self.period = period
        self.limit = limit
        self.left = left
        self.asked = asked

    def told(self, left: int, asked: int) -> LimitReached:
        """Make the same of a larger wish."""
        return LimitReached(self.period, self.limit, left, asked)


class AllowanceReached(LimitReached):
    """A group's allowance of pictures a day is used up: of one member, or of `everybody`."""

    def __init__(self, limit: int, *, everybody: bool) -> None:
        super().__init__(Period.DAY, limit)
        self.everybody = everybody


@dataclass(frozen=True, slots=True)
class Source:
    """A picture that a request works on: where to get its bytes.

    `sha256` names bytes that we already keep, `file_id` a file at Telegram; at least one is set.
    `size` is in bytes, as declared, not as measured.
    """

    file_id: str | None = None
    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be drawn: kept with the job as typed JSON.

    `size` is a model's word for its resolution (`2K`); `mask` says that the last source is not to
    be drawn from but shows where to draw.
    """

    prompt: str
    model: str
    sources: tuple[Source, ...] = ()
    aspect_ratio: str | None = None
    size: str | None = None
    mask: bool = False

    @property
    def erased(self) -> bool:
        """Whether this was erased at its owner's wish: no job begins without words."""
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
        """Whether nothing more happens to such a job."""
        return self not in UNFINISHED


UNFINISHED = frozenset({JobState.ACCEPTED, JobState.RUNNING, JobState.RENDERED})


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
    UNDELIVERABLE = "undeliverable"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture: its bytes by sha256 in the media store, and where it stands in a chat.

    `size` in bytes, `width` and `height` in pixels, `mime` read from the bytes themselves.
    `file_id` is Telegram's name for it as delivered, `original_file_id` for the untouched bytes;
    `account_id` paid for it.
    """

    position: int
    sha256: str
    mime: str
    width: int
    height: int
    size: int
    id: int = 0
    job_id: int = 0
    chat_id: int | None = None
    message_id: int | None = None
    file_id: str | None = None
    original_file_id: str | None = None
    account_id: int = 0


class CostSource(StrEnum):
    """Who says what a call cost."""

    REPORTED = "reported"
    HEADER = "header"
    PRICE_TABLE = "price_table"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Cost:
    """What the gateway takes for a call: `micros` are millionths of `currency`, None if unknown."""

    micros: int | None = None
    currency: str = "USD"
    source: CostSource = CostSource.UNKNOWN


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call consumed; a count that the gateway did not report is None."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_image: int | None = None
    tokens_reasoning: int | None = None
    cost: Cost = Cost()


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
    usage: Usage = Usage()
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


@dataclass(frozen=True, slots=True)
class Job:
    """One request on its way from a message to its pictures.

    `account_id` pays (a user's id, or a chat's where no user stands behind the message);
    `message_id` is the prompt's, `ordinal` tells jobs of one message apart; `attempt` is the
    fencing token: every step of a job is conditional on it. A status message that was sent without
    learning its id can only have one above `after_message_id`. A job with an `inline_message_id`
    (see bot/inline.py) shows its picture there; its chat only stores it.
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
    attempt: int
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


@dataclass(frozen=True, slots=True)
class Introduction:
    """Who wrote, and where: for the operator's eyes; `user_id` is None where no user is named."""

    user_id: int | None
    name: str
    username: str | None
    language: str | None
    chat_kind: str
    chat_title: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The message that a wish replies to, and the picture seen in it, if any."""

    message_id: int
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wrote to the bot, before it is known which pictures it works on."""

    account_id: int
    chat_id: int
    message_id: int
    prompt: str
    locale: str
    thread_id: int | None = None
    private: bool = True
    sources: tuple[Source, ...] = ()
    reply: Reply | None = None
    introduction: Introduction | None = None
    inline_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Wake:
    """A call to work on a job: void unless the job's attempt is still this one."""

    job_id: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Draft:
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


@dataclass(frozen=True, slots=True)
class AlbumItem:
    """One message of an album, as it waits for the others.

    `addressed` says whether this message alone would be for the bot; `prompt` is its caption
    without command and mention.
    """

    chat_id: int
    group_id: str
    message_id: int
    account_id: int
    source: Source
    prompt: str
    addressed: bool
    locale: str
    arrived_at: datetime
    thread_id: int | None = None
    private: bool = True


@dataclass(frozen=True, slots=True)
class Ask:
    """Pictures that wait: for their prompt, or, where `prompt` is there, for a model that edits.

    `message_id` is the pictures' message, `question_id` the bot's question below it, None until
    it was sent; `locale` and `private` say in which words and where it is sent. `flags` is what
    was said of the picture already, as it was written.
    """

    account_id: int
    chat_id: int
    thread_id: int | None
    message_id: int
    sources: tuple[Source, ...]
    asked_at: datetime
    parent_picture_id: int | None = None
    locale: str = "en"
    private: bool = True
    question_id: int | None = None
    prompt: str = ""
    flags: str = ""


class SendAs(StrEnum):
    """How a picture comes into the chat: as a photo, as its untouched bytes, or both."""

    PHOTO = "photo"
    FILE = "file"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice message on its way to words; `words` is what was heard, None until then.

    `seconds` as Telegram declares it, `caption` what was written under it, `heard_id` the bot's
    message that says what was heard.
    """

    account_id: int
    chat_id: int
    message_id: int
    source: Source
    seconds: int
    locale: str
    arrived_at: datetime
    thread_id: int | None = None
    private: bool = True
    caption: str = ""
    reply: Reply | None = None
    words: str | None = None
    heard_id: int | None = None

    def wish(self) -> Wish:
        """Take what was heard, and written, as a typed wish."""
        return Wish(
            account_id=self.account_id,
            chat_id=self.chat_id,
            message_id=self.message_id,
            prompt=f"{self.words or ''} {self.caption}".strip(),
            locale=self.locale,
            thread_id=self.thread_id,
            private=self.private,
            reply=self.reply,
        )


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A prompt that is made better before it is drawn.

    `words` as they were written, `bare` without their flags, which `flags` spells out; `better` is
    None until there are better words, and empty where none could be had. `shown_id` is the bot's
    message that shows them, and `shown` whether they stand in it.
    """

    account_id: int
    chat_id: int
    message_id: int
    words: str
    locale: str
    asked_at: datetime
    thread_id: int | None = None
    private: bool = True
    reply: Reply | None = None
    bare: str = ""
    flags: str = ""
    better: str | None = None
    shown_id: int | None = None
    shown: bool = False

    def wish(self, prompt: str) -> Wish:
        """Wish for one of the wordings."""
        return Wish(
            account_id=self.account_id,
            chat_id=self.chat_id,
            message_id=self.message_id,
            prompt=prompt,
            locale=self.locale,
            thread_id=self.thread_id,
            private=self.private,
            reply=self.reply,
        )


@dataclass(frozen=True, slots=True)
class Preferences:
    """What somebody has chosen; None means what he inherits, in the end the default.

    `send_as` is a word of SendAs, `language` a locale. `prefix` and the allowances are a group's
    only: the word that addresses the bot, pictures a day of each member and of all (0 = no limit).
    """

    model: str | None = None
    aspect_ratio: str | None = None
    size: str | None = None
    count: int | None = None
    send_as: str | None = None
    language: str | None = None
    prefix: str | None = None
    ready_ping: bool | None = None
    member_day: int | None = None
    chat_day: int | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """Whose preferences: a user's or chat's, or with a `thread_id` those of a chat's topic."""

    account_id: int
    thread_id: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """An account's usage in one period; `costs` maps a currency to millionths of it."""

    pictures: int = 0
    reserved: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    costs: tuple[tuple[str, int], ...] = ()
    unpriced_calls: int = 0


def now() -> datetime:
    """Tell the time in UTC: the clock that rules take as an argument."""
    return datetime.now(UTC)


_SECRETS = re.compile(r"\b\d{6,}:[A-Za-z0-9_-]{30,}|\b(?:sk|key|Bearer)[-_ ][A-Za-z0-9_\-.]{12,}")


def redacted(text: str) -> str:
    """Blank out what looks like a bot token or an API key; a last guard, not the first."""
    return _SECRETS.sub("<secret>", text)
