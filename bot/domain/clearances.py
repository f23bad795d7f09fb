"""Clearances: what an erasure has to take out of the storage chat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Clearance:
    """A message with a picture that was erased `at` a moment."""

    chat_id: int
    message_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Leftover:
    """How many messages of an account could not be taken out."""

    account_id: int
    locale: str
    messages: int
