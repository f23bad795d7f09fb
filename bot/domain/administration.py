"""Administration: what operators decide while the bot runs, and who did what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

# What an action was about, before and after it: named values, no words of people.
Facts = Mapping[str, str | int | bool | None]


class AdminVerb(StrEnum):
    """What operators do; each time leaves an Action."""

    BAN = "ban"
    UNBAN = "unban"
    ALLOW = "allow"
    DISALLOW = "disallow"
    LIMIT = "limit"
    OWN = "own"
    DISOWN = "disown"
    MAINTENANCE = "maintenance"
    MODEL = "model"
    ORDER = "order"
    RETRY = "retry"
    CANCEL = "cancel"
    REFUND = "refund"
    BROADCAST = "broadcast"
    FORGET = "forget"
    MIGRATE = "migrate"
    RESTORE = "restore"
    PROBE = "probe"


class AdminResult(StrEnum):
    """What came of it; only DONE has changed anything."""

    DONE = "done"
    UNCHANGED = "unchanged"  # it was so before
    UNKNOWN = "unknown"  # there is no such job or model
    REFUSED = "refused"  # an operator is not banned, the last one stays, the default model stays on
    RETRY_BANNED = "retry_banned"  # whose job it is, is banned
    RETRY_MAINTENANCE = "retry_maintenance"  # nothing new is begun


class LimitName(StrEnum):
    """Which limit of one account is set, see bot/billing/limits.py."""

    DAY = "day"
    MONTH = "month"
    CALLS = "calls"
    CONCURRENCY = "concurrency"
    QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class AccountRules:
    """What operators have decided about a user or chat; None is what holds for all.

    `allowed` goes before ALLOWED_IDS, a limit before that of the settings (0 = no limit).
    """

    account_id: int
    banned_at: datetime | None = None
    ban_reason: str = ""
    allowed: bool | None = None
    owner: bool = False
    day: int | None = None
    month: int | None = None
    calls: int | None = None
    concurrency: int | None = None
    queue: int | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that somebody did: `actor` is `telegram:ID`, `web:ID` or `cli:NAME`.

    NAME is that of the operating system's user. `target` is `account:ID`, `job:ID`, `model:ID`, `broadcast:ID` or `bot`.
    """

    id: int
    at: datetime
    actor: str
    verb: AdminVerb
    target: str
    before: Facts
    after: Facts


class BroadcastState(StrEnum):
    """How far a broadcast is."""

    DRAFT = "draft"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Audience:
    """To whom a broadcast goes: who was seen since then, and speaks a language; empty is any."""

    seen_since: datetime
    language: str = ""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A message of an operator's to many; `entities` are Telegram's, of its text, as JSON.

    With a `photo`, a file id, the text is its caption.

    `chat_id` and `message_id` say where he sees how it goes; of those `tried` up to `last_chat_id`
    some are neither `sent` nor `failed`: nobody knows whether it arrived. `told` is whether he has
    heard of the end; `at` when it was written, then when it was begun.
    """

    id: int
    chat_id: int
    message_id: int | None
    text: str
    entities: str
    photo: str | None
    seen_since: datetime
    language: str
    state: BroadcastState
    at: datetime
    last_chat_id: int
    total: int
    tried: int
    sent: int
    failed: int
    told: bool
