"""Telegram's errors, translated at the border.

Rejected(BotError)    Telegram understood and says no; `reason` in its own words
Moved(BotError)       the group became a supergroup with another id
Uncertain(TryLater)   nobody knows whether the call arrived
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from telegram import error

from bot.domain import BotError, TryLater, Unreachable

GONE = (
    "chat not found",
    "user is deactivated",
    "group is deactivated",
    "peer_id_invalid",
    "have no rights to send a message",
    "not enough rights to send text messages",
    "chat_write_forbidden",
    "need administrator rights in the channel chat",
)


class Rejected(BotError):
    """Telegram understood the call and refuses it: permanent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason.lower()

    def says(self, *phrases: str) -> bool:
        return any(phrase in self.reason for phrase in phrases)


class Moved(BotError):
    """The group became a supergroup: call again with `chat_id`."""

    def __init__(self, chat_id: int) -> None:
        super().__init__(f"the group is {chat_id} now")
        self.chat_id = chat_id


class Uncertain(TryLater):
    """The call may or may not have arrived: only what can be repeated may be repeated."""


@contextmanager
def translated() -> Iterator[None]:
    """Let nothing but our own errors out of a call to Telegram."""
    try:
        yield
    except error.RetryAfter as flood:
        raise TryLater(flood_seconds(flood)) from flood
    except error.ChatMigrated as migrated:
        raise Moved(migrated.new_chat_id) from migrated
    except error.Forbidden as forbidden:
        raise Unreachable(forbidden.message) from forbidden
    except error.BadRequest as refused:  # a NetworkError by class, but permanent by nature
        if any(phrase in refused.message.lower() for phrase in GONE):
            raise Unreachable(refused.message) from refused
        raise Rejected(refused.message) from refused
    except error.NetworkError as broken:
        if "Request Entity Too Large" in broken.message:
            raise Rejected(broken.message) from broken
        raise Uncertain from broken
    except TimeoutError as late:  # our own, around uploads
        raise Uncertain from late
    except error.TelegramError as other:
        raise Rejected(other.message) from other


def flood_seconds(flood: error.RetryAfter) -> float:
    wait = flood.retry_after
    return float(wait) if isinstance(wait, int) else wait.total_seconds()
