"""A JSON document of a stranger: parsed without surprises, its values taken by their types."""

from __future__ import annotations

import json
from decimal import Decimal

_EXPONENT = 999  # past it arithmetic itself would fail, and nothing is counted so


def number(text: str) -> Decimal | None:
    """Read a decimal number; None for what is none, or out of all proportion."""
    try:
        value = Decimal(text)
    except ArithmeticError:
        return None
    return value if value.is_finite() and abs(value.adjusted()) <= _EXPONENT else None


JSON = json.JSONDecoder(strict=False, parse_float=number, parse_constant=lambda _: None)


def amount(value: object, most: int = 10**6) -> Decimal | None:
    """Read an amount of money below `most`, as gateways write it; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    found = number(value[:60].strip()) if isinstance(value, str) else Decimal(value)
    return found if found is not None and found.is_finite() and 0 <= found < most else None


def mapping(value: object) -> dict[str, object]:
    """Take an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[dict[str, object]]:
    """Take the objects of a list; none of anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
