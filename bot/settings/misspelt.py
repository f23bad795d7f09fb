"""Misspelt names: variables of the `.env` file that look like a setting and are none."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LIKE = 0.8  # of 1; TELEGRAM_TOKEN is as near as 0.875 to TELEGRAM_BOT_TOKEN


def misspelt(names: Iterable[str], known: Iterable[str]) -> list[tuple[str, str]]:
    """Pair each name that is no known one, but near to one, with that."""
    right = sorted({name.upper() for name in known})
    strange = sorted({name for name in names if name.upper() not in right})
    near = [(name, get_close_matches(name.upper(), right, 1, _LIKE)) for name in strange]
    return [(name, found[0]) for name, found in near if found]
