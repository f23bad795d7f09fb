"""An entry: one table of a catalogue's file, which gives out checked values."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

_MICROS = 1_000_000
_LARGEST = 2**53

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


class Wrong(Exception):
    """What is wrong, and where inside the file."""


class Entry:
    """One table: knows its name for errors, and which of its keys were asked for."""

    def __init__(self, name: str, values: object) -> None:
        if not isinstance(values, dict):
            raise Wrong(f"{name}: must be a table")
        self.name = name
        self._values = dict(values)

    def __contains__(self, field: str) -> bool:
        return field in self._values

    def take(self, field: str, kind: type[T], default: T | None = None) -> T:
        """Take a value of that type; without a default it must be there."""
        value = self._values.pop(field, default)
        if value is None:
            raise self.wrong(field, "is missing")
        # A bool is an int to Python, not to a reader.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.wrong(field, f"must be {_KINDS[kind]}")
        return value

    def words(self, field: str) -> str:
        """Take a text that is there and not empty."""
        text = self.take(field, str).strip()
        if not text:
            raise self.wrong(field, "is empty")
        return text

    def count(self, field: str, default: int, low: int, high: int) -> int:
        """Take a whole number between two others."""
        value = self.take(field, int, default)
        if not low <= value <= high:
            raise self.wrong(field, f"must be from {low} to {high}")
        return value

    def seconds(self, field: str, high: float) -> float | None:
        """Take a time that is more than none; one that is not there is None."""
        value = self._values.pop(field, None)
        if value is None:
            return None
        number = not isinstance(value, bool) and isinstance(value, int | float)
        if not number or not 0 < value <= high:
            raise self.wrong(field, f"must be a number of seconds up to {high:g}")
        return float(value)

    def texts(self, field: str, pattern: str, example: str) -> tuple[str, ...]:
        """Take a list of different texts of one form; a list that is not there is empty."""
        values = self.take(field, list, [])
        if not all(isinstance(value, str) and re.fullmatch(pattern, value) for value in values):
            raise self.wrong(field, f'must be a list of texts such as "{example}"')
        if len({value.casefold() for value in values}) != len(values):
            raise self.wrong(field, "has one twice")
        return tuple(values)

    def one_of(self, field: str, kind: type[E], default: E | None = None) -> E:
        """Take one word of an enumeration."""
        value = self.take(field, str, default)
        for word in kind:
            if word.value == value:
                return word
        raise self.wrong(field, f"must be one of {', '.join(word.value for word in kind)}")

    def micros(self, field: str) -> int | None:
        """Take an amount of money, in millionths; a decimal string, since floats cannot hold it."""
        text = self.take(field, str, "")
        if not text:
            return None
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text):
            raise self.wrong(field, 'must be a decimal string such as "0.039"')
        return int(Decimal(text) * _MICROS)

    def scalars(self, field: str) -> Mapping[str, str | int | float | bool]:
        """Take a table of texts, numbers and booleans; one that is not there is empty."""
        values = self.take(field, dict, {})
        for name, value in values.items():
            if not isinstance(value, str) and not _number(value):
                raise self.wrong(f"{field}.{name}", "must be a text, a number, true or false")
        return values

    def rest(self, field: str) -> object:
        """Take whatever stands there, unchecked."""
        return self._values.pop(field, None)

    def end(self) -> None:
        """Nothing may be left that nobody asked for."""
        for field in self._values:
            raise self.wrong(field, "is not known")

    def wrong(self, field: str, what: str) -> Wrong:
        """Make the error that names this entry and a field."""
        return Wrong(f"{self.name}: {field} {what}")


def _number(value: object) -> bool:
    """Whether JSON can say it, and whoever reads it can hold it."""
    return isinstance(value, int | float) and abs(value) <= _LARGEST


_KINDS: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}
