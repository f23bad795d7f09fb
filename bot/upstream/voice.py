"""A voice of a stream: one choice's, by its deltas or by the message that sums them up."""

from __future__ import annotations

from typing import NamedTuple


class Voice(NamedTuple):
    """Whose text it is: a choice's number, and whether it comes as `delta` or `message`."""

    choice: int
    name: str
