"""Telegram's errors, translated at the border.

Rejected(BotError)          Telegram understood and says no; `reason` in its own words
Moved(BotError)             the group became a supergroup with another id
Uncertain(TryLater)         nobody knows whether the call arrived
UnreadableAnswer(Uncertain) it was answered, in a way that PTB cannot read
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from telegram import error

from bot.domain import BotError, TryLater, Unreachable

log = structlog.get_logger(__name__)

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


class UnreadableAnswer(Uncertain):
    """The call was answered with what PTB cannot read: a newer Bot API, or another's server."""


# What PTB's classes raise where an answer lacks what they need, or has it otherwise.
UNPARSED = (AttributeError, KeyError, TypeError, ValueError)
MOST_WORDS = 200


@contextmanager
def translated() -> Iterator[None]:
    """Let nothing but our own errors out of a call to Telegram."""
    try:
        yield
    except (error.TelegramError, TimeoutError) as failure:  # TimeoutError: our own, round uploads
        raise _translate(failure) from failure
    except UNPARSED as odd:
        log.warning("Telegram's answer cannot be read", error=type(odd).__name__, reason=str(odd))
        raise UnreadableAnswer from odd


def _translate(failure: error.TelegramError | TimeoutError) -> BotError:
    match failure:
        case error.RetryAfter():
            return TryLater(flood_seconds(failure))
        case error.ChatMigrated():
            return Moved(failure.new_chat_id)
        case error.Forbidden():
            return Unreachable(failure.message)
        case error.BadRequest():  # a NetworkError by class, but permanent by nature
            gone = any(phrase in failure.message.lower() for phrase in GONE)
            return Unreachable(failure.message) if gone else Rejected(failure.message)
        case error.NetworkError() if "Request Entity Too Large" not in failure.message:
            pass
        case error.TelegramError():
            return Rejected(failure.message)
    return Uncertain()


def words_of(failure: Exception) -> str:
    """Tell an error's own words in one line: Telegram's, or those of what stands before it."""
    return " ".join(str(failure).split())[:MOST_WORDS]


def flood_seconds(flood: error.RetryAfter) -> float:
    wait = flood.retry_after
    return float(wait) if isinstance(wait, int) else wait.total_seconds()
