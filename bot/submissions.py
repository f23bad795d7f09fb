"""Submissions: what becomes of a wish or a press, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.options import Inability, Misfit

if TYPE_CHECKING:
    from bot.domain import Ask, Job


@dataclass(frozen=True, slots=True)
class Accepted:
    """A picture that was asked for is a job now, with `ahead` others before it, or `started`.

    Not `dispatched` means that it waits for the account's own earlier jobs.
    """

    job: Job
    ahead: int
    dispatched: bool
    started: bool = False


@dataclass(frozen=True, slots=True)
class Entered:
    """A wish was accepted: a job for each of its pictures, in order."""

    jobs: tuple[Accepted, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """Something is missing: the wish waits for its words, or for a model that can draw it."""

    ask: Ask


@dataclass(frozen=True, slots=True)
class TooMany:
    """More pictures than one request may work on; nothing was accepted."""

    limit: int


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is neither prompt nor picture."""


@dataclass(frozen=True, slots=True)
class PhotoWanted:
    """Words alone came where a photo was asked for: `ask` is what it is for."""

    ask: Ask


@dataclass(frozen=True, slots=True)
class Duplicate:
    """This very message or press was dealt with before: there is nothing to say."""


@dataclass(frozen=True, slots=True)
class AlreadyDrawing:
    """This button's last press is still being worked on."""


@dataclass(frozen=True, slots=True)
class Stale:
    """What this button was for is over, or never was."""


@dataclass(frozen=True, slots=True)
class CalledOff:
    """What a cancel has ended: jobs, and pictures that waited for their prompt."""

    jobs: int
    asks: int


Submission = Entered | Asked | TooMany | Nothing | PhotoWanted | Duplicate | Misfit | Inability
