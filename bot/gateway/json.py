"""JSON from outside: parsed without surprises, its values taken by their types."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

import orjson

from bot.gateway.errors import MalformedJson

Json = dict[str, object]
CHOICES = 16  # of one answer; whoever numbers them higher is not believed
CUT = "\ue002"  # stands where a string was cut; a private character, which no model writes
_COUNT = 2**31
_EXPONENT = 999  # past it arithmetic itself would fail, and nothing is counted so


_BETWEEN = re.compile(r"(?:\s|,|data:)*+")
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+(")?|[][{},]', re.DOTALL)
_PARTIAL = re.compile(r"(?<!\\)((?:\\\\)*+)\\(?:u[0-9A-Fa-f]{0,3})?\Z")
_CLOSING = {"{": "}", "[": "]"}


def number(text: str) -> Decimal | None:
    """Read a decimal number; None for what is none, or out of all proportion."""
    try:
        value = Decimal(text)
    except ArithmeticError:
        return None
    return value if value.is_finite() and abs(value.adjusted()) <= _EXPONENT else None


# Takes what orjson refuses: control characters in strings, lone surrogates, NaN, huge numbers.
_TOLERANT = json.JSONDecoder(strict=False, parse_float=number, parse_constant=lambda _: None)


def parse(text: str) -> object:
    """Parse a whole document, its fractions as Decimal; raises MalformedJson."""
    try:
        return _TOLERANT.decode(text)
    except (ValueError, RecursionError) as exc:
        raise MalformedJson from exc


def parse_documents(text: str) -> tuple[list[object], str]:
    """Parse documents that stand behind each other; gives them and what is left, which is none."""
    found: list[object] = []
    at = _next(text, 0)
    while at < len(text):
        try:
            document, end = _TOLERANT.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        found.append(document)
        at = _next(text, end)
    return found, text[at:]


def _next(text: str, at: int) -> int:
    match = _BETWEEN.match(text, at)
    return match.end() if match else at


def is_document(text: str) -> bool:
    """Whether a text begins like a document."""
    return text.startswith(("{", "["))


def parse_cut(text: str) -> object:
    """Parse the beginning of a document; a string that was cut ends with CUT.

    A key without its value is left out. Raises MalformedJson where this is no beginning of one.
    """
    open_at, last, closing = _scan(text)
    ends = "".join(reversed(closing))
    if not closing:
        raise MalformedJson
    shorter = text[:last] + ends
    if open_at is None:
        return _either(text + ends, shorter)
    whole = _PARTIAL.sub(r"\1", text)
    return _either(f'{whole}{CUT}"{ends}', shorter)


def _scan(text: str) -> tuple[int | None, int, list[str]]:
    """Find a string without its end, where all before is whole, and the brackets that are open."""
    closing: list[str] = []
    last = 0
    for match in _TOKEN.finditer(text):
        mark = match.group()
        if mark[0] == '"':
            if match[1] is None:
                return match.start(), last, closing
            continue
        if mark in _CLOSING:
            closing.append(_CLOSING[mark])
        elif mark != "," and (not closing or closing.pop() != mark):
            raise MalformedJson
        last = match.start() if mark == "," else match.end()
    return None, last, closing


def _either(text: str, shorter: str) -> object:
    try:
        return parse(text)
    except MalformedJson:
        return parse(shorter)


def parse_event(data: bytes) -> Iterable[Json]:
    """Parse an event: one document, or more where blank lines are missing.

    Fractions are float or Decimal. Raises MalformedJson where the documents end.
    """
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return _documents(data.decode("utf-8", "replace").rstrip())
    return [document] if isinstance(document, dict) else mappings(document)


def _documents(text: str) -> Iterator[Json]:
    at = 0
    while at < len(text) and text.startswith(("{", "["), at):
        try:
            document, at = _TOLERANT.raw_decode(text, at)
        except (ValueError, RecursionError) as exc:
            raise MalformedJson from exc
        at += len(text) - at - len(text[at:].lstrip())
        yield from mappings(document if isinstance(document, list) else [document])
    if at < len(text):
        raise MalformedJson


def amount(value: object, most: int = 10**6) -> Decimal | None:
    """Read an amount of money below `most`, as gateways write it; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    text = value[:60].strip() if isinstance(value, str) else repr(value)
    found = value if isinstance(value, Decimal) else number(text)
    return found if found is not None and found.is_finite() and 0 <= found < most else None


def count(*values: object) -> int | None:
    """Take the first that is a count, below 2^31."""
    for value in values:
        found: object = value
        if (
            isinstance(value, Decimal | float) and -_COUNT < value < _COUNT
        ):  # as some gateways count
            found = int(value)
        if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < _COUNT:
            return found
    return None


def mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def choice_number(choice: Mapping[str, object], position: int) -> int:
    """Take a choice's number, or its `position` in the list where it has none; else the first's."""
    index = choice.get("index")
    index = index if isinstance(index, int) else position
    return index if 0 <= index < CHOICES else 0
