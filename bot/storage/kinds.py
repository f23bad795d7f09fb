"""Kinds and states of rows that only the storage knows."""

from __future__ import annotations

from enum import StrEnum


class CallKind(StrEnum):
    """What a gateway is asked for."""

    IMAGE = "image"
    REWRITE = "rewrite"
    VOICE = "voice"


class PendingKind(StrEnum):
    """What a message waits as."""

    ALBUM = "album"
    ASK = "ask"
    REWRITE = "rewrite"
    VOICE = "voice"


class PendingState(StrEnum):
    """Whom a message waits for: a model of words, somebody, or nobody any more."""

    BUSY = "busy"
    OPEN = "open"
    CLOSED = "closed"


class LedgerKind(StrEnum):
    """What a ledger row moves.

    A job has one `reserve` and later one `settle` or `release`, all of its payer. `counted` says
    that the same pictures also show in the statistics of the chat where they were made.
    """

    RESERVE = "reserve"
    SETTLE = "settle"
    RELEASE = "release"
    COUNTED = "counted"
