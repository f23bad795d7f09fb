"""A JSON document of a stranger: parsed without surprises, its values taken by their types."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


_EXPONENT = 999  # past it arithmetic itself would fail, and nothing is counted so


def number(text: str) -> Decimal | None:
    """Read a decimal number; None for what is none, or out of all proportion."""
    try:
        value = Decimal(text)
    except ArithmeticError:
        return None
    return value if value.is_finite() and abs(value.adjusted()) <= _EXPONENT else None


CHOICES = 16  # of one answer; whoever numbers them higher is not believed


class MalformedJson(Exception):
    """What should be JSON is none."""


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


def numbered(choice: Mapping[str, object], position: int) -> int:
    """Take a choice's number, or its `position` in the list where it has none."""
    index = choice.get("index")
    return within(index if isinstance(index, int) else position)


def within(index: int) -> int:
    """Take a choice's number for what it is, or for the first's."""
    return index if 0 <= index < CHOICES else 0


def documents(text: str) -> Iterator[dict[str, object]]:
    """Parse an event: one document, or more where blank lines are missing; may raise Malformed."""
    at, text = 0, text.rstrip()
    while at < len(text) and text.startswith(("{", "["), at):
        try:
            document, at = JSON.raw_decode(text, at)
        except (ValueError, RecursionError) as exc:
            raise MalformedJson from exc
        at += len(text) - at - len(text[at:].lstrip())
        yield from mappings(document if isinstance(document, list) else [document])
    if at < len(text):
        raise MalformedJson


class Voice(NamedTuple):
    """Whose text it is: a choice's number, and whether it comes as `delta` or `message`."""

    choice: int
    name: str
