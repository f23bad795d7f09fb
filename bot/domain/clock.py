"""The clock that rules take as an argument."""

from datetime import UTC, datetime


def now() -> datetime:
    """Tell the time in UTC."""
    return datetime.now(UTC)
