"""Whether a call to Telegram has left the bot: what only waited for its turn was never sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Sending:
    """The calls of a piece of work that have left, and were not sent back by flood control."""

    calls: int = 0

    @property
    def begun(self) -> bool:
        return self.calls > 0


_current: ContextVar[Sending | None] = ContextVar("sending", default=None)


@contextmanager
def watched() -> Iterator[Sending]:
    """Watch the calls that are made meanwhile, in this task."""
    sending = Sending()
    token = _current.set(sending)
    try:
        yield sending
    finally:
        _current.reset(token)


def leaves() -> None:
    """Note that a call is about to leave."""
    if sending := _current.get():
        sending.calls += 1


def sent_back() -> None:
    """Note that Telegram has refused the last call unseen."""
    if sending := _current.get():
        sending.calls -= 1
