"""What a doctor finds: a line about one thing, and how bad it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """`OK` and `NOTE` need nobody; a `WARNING` may be meant so; `WRONG` keeps something from working."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """A line for the operator: never a secret, never people's words."""

    subject: str
    level: Level
    text: str
