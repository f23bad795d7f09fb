"""The clock that rules take as an argument."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Tell the time in UTC: the clock that rules take as an argument."""
    return datetime.now(UTC)
