"""The sandbox's Telegram: a stateful Bot API server with people in it."""

from __future__ import annotations

from .faults import (
    BadRequest,
    Fault,
    Flood,
    Forbidden,
    Gate,
    Hang,
    ResetAfter,
    ResetBefore,
    ServerError,
)
from .person import Person
from .room import Place, Room
from .telegram import Telegram
from .world import Answer, Call

__all__ = [
    "Answer",
    "BadRequest",
    "Call",
    "Fault",
    "Flood",
    "Forbidden",
    "Gate",
    "Hang",
    "Person",
    "Place",
    "ResetAfter",
    "ResetBefore",
    "Room",
    "ServerError",
    "Telegram",
]
