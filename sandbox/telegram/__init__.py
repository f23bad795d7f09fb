"""The sandbox's Telegram: a stateful Bot API server with people in it."""

from __future__ import annotations

from .chats import Place
from .faults import (
    BadRequest,
    Fault,
    Flood,
    Forbidden,
    Hang,
    MethodGate,
    ResetAfter,
    ResetBefore,
    ServerError,
    Strange,
    Unauthorized,
)
from .person import Person
from .room import Room
from .telegram import Telegram
from .world import Answer, MethodCall

__all__ = [
    "Answer",
    "BadRequest",
    "Fault",
    "Flood",
    "Forbidden",
    "Hang",
    "MethodCall",
    "MethodGate",
    "Person",
    "Place",
    "ResetAfter",
    "ResetBefore",
    "Room",
    "ServerError",
    "Strange",
    "Telegram",
    "Unauthorized",
]
