"""Sendings: how urgent a call to Telegram is, and whether it has left the bot.

What only waited for its turn was never sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import IntEnum


class Priority(IntEnum):
    """In which order calls leave where Telegram takes no more of them; the first goes first."""

    PICTURE = 0  # a finished picture, or why there is none
    ANSWER = 1  # to what somebody wrote or pressed
    STARTED = 2  # the first word of a job that is drawn at once
    WAITING = 3  # the first word of one that waits
    MOVING = 4  # where a job stands now: left out where there is no room
    MENU = 5  # what nobody waits for: only while nothing else is said


@dataclass(slots=True, eq=False)
class Sending:
    """The calls of a piece of work that have left, and were not sent back by flood control.

    `move` takes the call that waits for its turn, while there is one, to a better place.
    """

    priority: Priority
    calls: int = 0
    move: Callable[[Priority], None] | None = field(default=None, repr=False)

    @property
    def begun(self) -> bool:
        return self.calls > 0

    def hurry(self, priority: Priority) -> None:
        """Make it at least as urgent as this: something more urgent waits for it."""
        if priority >= self.priority:
            return
        self.priority = priority
        if self.move:
            self.move(priority)


_current: ContextVar[Sending | None] = ContextVar("sending", default=None)


def watched(priority: Priority | None = None) -> AbstractContextManager[Sending]:
    """Watch the calls that are made meanwhile, in this task; they are as urgent as that.

    None leaves it as it is: an answer, if nothing else was said.
    """
    return watching(Sending(urgency() if priority is None else priority))


@contextmanager
def watching(sending: Sending) -> Iterator[Sending]:
    """Do the same for a sending that others know."""
    token = _current.set(sending)
    try:
        yield sending
    finally:
        _current.reset(token)


def current() -> Sending | None:
    return _current.get()


def urgency() -> Priority:
    """Tell how urgent the calls of this task are."""
    sending = _current.get()
    return sending.priority if sending else Priority.ANSWER


def leaves() -> None:
    """Note that a call is about to leave."""
    if sending := _current.get():
        sending.calls += 1


def sent_back() -> None:
    """Note that Telegram has refused the last call unseen."""
    if sending := _current.get():
        sending.calls -= 1
