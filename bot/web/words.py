"""Words for what the database calls by codes: in English; the pages look them up in Chinese."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum

from bot.billing.access import Denial
from bot.domain import CostSource, JobState, OutcomeKind
from bot.domain.administration import AdminVerb, Facts
from bot.storage.columns import CallKind, LedgerKind
from bot.web.wording import Wording, figures

NOTHING = "\N{EN DASH}"
_WORDS: Mapping[type[StrEnum], Mapping[str, str]] = {
    JobState: {
        JobState.ACCEPTED: "waiting",
        JobState.RUNNING: "running",
        JobState.RENDERED: "being delivered",
        JobState.DELIVERED: "delivered",
        JobState.REFUSED: "refused",
        JobState.FAILED: "failed",
        JobState.CANCELLED: "cancelled",
        JobState.EXPIRED: "expired",
    },
    OutcomeKind: {
        OutcomeKind.DRAWN: "drawn",
        OutcomeKind.REFUSED: "refused by the model",
        OutcomeKind.TEXT_ONLY: "only words came",
        OutcomeKind.EMPTY: "no picture came",
        OutcomeKind.BROKEN: "damaged picture",
        OutcomeKind.CUT_OFF: "answer cut off",
        OutcomeKind.NOT_FETCHED: "picture not fetched",
        OutcomeKind.UNREADABLE: "answer not understood",
        OutcomeKind.TOO_LARGE: "picture too large",
        OutcomeKind.TIMEOUT: "no answer in time",
        OutcomeKind.RATE_LIMITED: "too many requests",
        OutcomeKind.OUT_OF_MONEY: "balance used up",
        OutcomeKind.BAD_KEY: "key refused",
        OutcomeKind.UNKNOWN_MODEL: "model not known",
        OutcomeKind.UNAVAILABLE: "gateway not available",
        OutcomeKind.GATEWAY_ERROR: "fault of the gateway",
        OutcomeKind.ASYNC_TASK: "only a task was begun",
        OutcomeKind.BAD_INPUT: "request not accepted",
        OutcomeKind.CANCELLED: "cancelled",
        OutcomeKind.EXPIRED: "waited too long",
        OutcomeKind.NO_ROOM: "disk full",
        OutcomeKind.INTERRUPTED: "interrupted",
        OutcomeKind.UNDELIVERABLE: "could not be delivered",
        OutcomeKind.INTERNAL: "fault of the bot",
    },
    LedgerKind: {
        LedgerKind.RESERVE: "reserved",
        LedgerKind.SETTLE: "charged",
        LedgerKind.RELEASE: "released",
        LedgerKind.COUNTED: "counted for the chat",
        LedgerKind.REFUND: "given back",
    },
    CostSource: {
        CostSource.REPORTED: "told by the gateway",
        CostSource.HEADER: "told by the gateway",
        CostSource.PRICE_TABLE: "by the price list",
        CostSource.FREE: "never came to the model",
        CostSource.UNKNOWN: "not known",
    },
    CallKind: {
        CallKind.IMAGE: "picture",
        CallKind.REWRITE: "better prompt",
        CallKind.VOICE: "voice message",
        CallKind.PROBE: "probe",
    },
    AdminVerb: {
        AdminVerb.BAN: "ban",
        AdminVerb.UNBAN: "ban lifted",
        AdminVerb.ALLOW: "allowed",
        AdminVerb.DISALLOW: "not allowed",
        AdminVerb.LIMIT: "limit",
        AdminVerb.OWN: "made an operator",
        AdminVerb.DISOWN: "operator no longer",
        AdminVerb.MAINTENANCE: "maintenance",
        AdminVerb.MODEL: "model switched",
        AdminVerb.ORDER: "place in menus",
        AdminVerb.RETRY: "drawn again",
        AdminVerb.CANCEL: "cancelled",
        AdminVerb.REFUND: "given back",
        AdminVerb.BROADCAST: "broadcast",
        AdminVerb.FORGET: "erased",
        AdminVerb.MIGRATE: "database migrated",
        AdminVerb.RESTORE: "backup restored",
        AdminVerb.PROBE: "probed",
    },
    Denial: {
        Denial.STRANGER: "not on the list",
        Denial.BANNED: "banned",
        Denial.MAINTENANCE: "maintenance",
    },
}
CHATS = {"private": "user", "group": "group", "supergroup": "large group", "channel": "channel"}
WAYS = {"telegram": "Telegram", "web": "dashboard", "cli": "command line"}
ORIGINS = ("the default", "the environment", "the sandbox")
LIMITS = {
    "day": "Pictures a day",
    "month": "Pictures a month",
    "calls": "Calls a day",
    "concurrency": "At once",
    "queue": "Waiting",
}
# What an action says of before and after; of a yes or no the words themselves.
_FACTS = LIMITS | {
    "banned_at": "banned",
    "ban_reason": "reason",
    "job": "new job",
    "pictures": "pictures",
    "cancelled": "cancelled",
    "people": "people",
    "place": "place",
    "schema": "schema",
    "backup": "backup of",
    "call": "call",
}
_EITHER = {
    "on": ("off", "on"),
    "allowed": ("not allowed", "allowed"),
    "owner": ("no operator", "operator"),
}
_MOMENTS = frozenset({"banned_at", "backup"})
_STATES = {"draft": "draft", "finished": "finished"}  # of broadcasts, beside those of jobs


def word(value: StrEnum) -> str:
    return _WORDS[type(value)].get(value, value.value)


def outcome(kind: str) -> str:
    """Give the words of one that figures name; itself, where it is none."""
    return _WORDS[OutcomeKind].get(kind, kind)


def origin(where: str, wording: Wording) -> str:
    """Say where a setting is from; its variable stands behind a comma, a file's name stays."""
    from_where, comma, key = where.partition(", ")
    return (wording(from_where) if from_where in ORIGINS else from_where) + comma + key


def facts(values: Facts, wording: Wording) -> str:
    """Write what an action says of before or after; what was not set is left out."""
    told = [
        _fact(name, value, wording) for name, value in values.items() if value not in (None, "")
    ]
    return ", ".join(told) or NOTHING


def _fact(name: str, value: object, wording: Wording) -> str:
    if name in _EITHER:
        return wording(_EITHER[name][bool(value)])
    if name == "state":
        return wording({**_STATES, **_WORDS[JobState]}.get(str(value), str(value)))
    if name == "outcome":
        return wording(outcome(str(value)))
    if name in _MOMENTS:
        value = figures(datetime.fromisoformat(str(value)))
    return f"{wording(_FACTS.get(name, name))}: {value}"


def texts() -> Iterator[str]:
    """List all of them."""
    for words in (*_WORDS.values(), CHATS, WAYS, _FACTS, _STATES):
        yield from words.values()
    yield from ORIGINS
    for either in _EITHER.values():
        yield from either
