"""Errors: everything that the bot raises on purpose."""

from __future__ import annotations

from enum import StrEnum

from bot.domain.usage import Period

# The exception tree
# ------------------
# BotError
# ├── StartError           the bot cannot start: one line for its operator
# ├── StorageUnavailable   the database cannot commit now; the update must be redelivered
# │   └── StorageLost      nor will it ever: it is damaged, gone or another one; the bot stops
# ├── ClaimLost            another worker has the job; whoever had it stops
# ├── InputError           a picture that the user sent cannot be used (key: what to tell him)
# ├── Unreachable          the chat cannot be talked to, and never will be by trying again
# ├── TryLater             the chat cannot be talked to now; nothing is lost by waiting
# │   └── MediaUnavailable   nor can pictures be kept or found again: their bucket does not answer
# └── LimitReached         a quota is used up; nothing was reserved
#     ├── AllowanceReached   a group's, of a day
#     ├── CallsReached       an account's calls of a day
#     ├── QueueFull          an account's jobs that wait
#     └── NotAdmitted        an account may not ask any more


class BotError(Exception):
    """The root of everything that the bot raises on purpose."""


class StartError(BotError):
    """The bot cannot start: one line for its operator."""


class Abandoned(Exception):
    """Nobody waits for the work any more."""


class CommandFailed(BotError):
    """A command was asked in the right way, and refused: one line for the operator."""


class StorageUnavailable(BotError):
    """The database cannot commit now: nothing was changed, trying again is right."""


class StorageLost(StorageUnavailable):
    """The database is damaged, gone or not ours: what is committed now would be lost, or is."""


class ClaimLost(BotError):
    """Another worker has taken a job over: who raises this must not work on it any more."""


class InputProblem(StrEnum):
    """Why a picture that the user sent cannot be used."""

    NOT_A_PICTURE = "not_a_picture"
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_COMPLEX = "too_complex"
    GONE = "gone"
    NOT_FETCHED = "not_fetched"
    NOT_READABLE = "not_readable"  # on the disk of one's own Bot API server


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


class MediaUnavailable(TryLater):
    """Pictures cannot be kept or found again now; it is nobody's fault who writes to the bot."""

    def __init__(self, reason: str) -> None:
        super().__init__(10.0)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


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

    def of_request(self, left: int, asked: int) -> LimitReached:
        """Say the same of all pictures that were asked for at once."""
        return LimitReached(self.period, self.limit, left, asked)


class AllowanceReached(LimitReached):
    """A group's allowance of pictures a day is used up: of one member, or of `everybody`."""

    def __init__(self, limit: int, *, everybody: bool) -> None:
        super().__init__(Period.DAY, limit)
        self.everybody = everybody


class CallsReached(LimitReached):
    """An account has caused as many calls as it may in a day, whatever came of them."""

    def __init__(self, limit: int) -> None:
        super().__init__(Period.DAY, limit)

    def of_request(self, left: int, asked: int) -> CallsReached:  # noqa: ARG002 - pictures are no calls
        return self


class QueueFull(LimitReached):
    """As many of an account's jobs wait for their turn as may."""

    def __init__(self, limit: int) -> None:
        super().__init__(Period.DAY, limit)


class NotAdmitted(LimitReached):
    """An account may not ask any more, or nobody may: `denial` says why, as Denial does."""

    def __init__(self, denial: str, account_id: int, chat_id: int) -> None:
        super().__init__(Period.DAY, 0)
        self.denial, self.account_id, self.chat_id = denial, account_id, chat_id
