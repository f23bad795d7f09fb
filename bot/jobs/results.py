"""What becomes of a prompt or a press, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.jobs.options import InvalidOption, Unsupported

if TYPE_CHECKING:
    from bot.domain import Job, PendingPrompt


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A picture that was asked for is a job now, with `ahead` others before it.

    Not `dispatched` means that it waits for the account's own earlier jobs.
    """

    job: Job
    ahead: int
    dispatched: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """A job for each of the prompt's pictures, in order."""

    jobs: tuple[QueuedJob, ...]


@dataclass(frozen=True, slots=True)
class Incomplete:
    """The prompt waits for its words, or for a model that can draw it."""

    pending: PendingPrompt


@dataclass(frozen=True, slots=True)
class TooManyInputs:
    """More pictures than one request may work on; nothing was accepted."""

    limit: int


@dataclass(frozen=True, slots=True)
class NoInput:
    """There is neither prompt nor picture."""


@dataclass(frozen=True, slots=True)
class PhotoNeeded:
    """Words alone came where a photo was asked for: `pending` is what it is for."""

    pending: PendingPrompt


@dataclass(frozen=True, slots=True)
class Duplicate:
    """This very message or press was dealt with before: there is nothing to say."""


@dataclass(frozen=True, slots=True)
class AlreadyRunning:
    """This button's last press is still being worked on."""


@dataclass(frozen=True, slots=True)
class Stale:
    """What this button was for is over, or never was."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What a cancel has ended: jobs, and pictures that waited for their prompt."""

    jobs: int
    pending: int


SubmitResult = (
    Accepted
    | Incomplete
    | TooManyInputs
    | NoInput
    | PhotoNeeded
    | Duplicate
    | InvalidOption
    | Unsupported
)
