"""The patience that a gateway asks for: its `Retry-After` (RFC 9110, 10.2.3)."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def retry_after(header: str, now: datetime) -> float | None:
    """Read seconds, or a date and how far it is from `now`; None for the past and for garbage.

    How long is too long is the caller's to say.
    """
    text = header.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    seconds = (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
    return seconds if seconds >= 0 and math.isfinite(seconds) else None
