"""An operator's files of TOML: the kinds of values in them, and one line about what is wrong."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    Strict,
    ValidationError,
)

from bot.config import ConfigError
from bot.values import complaint, matching

F = TypeVar("F", bound=BaseModel)

STRICT = ConfigDict(extra="forbid", str_strip_whitespace=True)

# An alias in these forms reads as a flag in a prompt.
_FLAGS = re.compile(r"-.*|x\d+|\d+:\d+|512|\d+k", re.IGNORECASE)
_JOINERS = {"\u200c", "\u200d"}  # Persian words and emoji are written with them
_STEEPEST = 21  # to 1; no gateway draws a longer strip
_LARGEST = 2**53  # which whoever reads JSON can hold


def quotient(sides: str, between: str = ":") -> float:
    """Divide width by height, of a ratio such as 16:9 or a size such as 1536x1024."""
    width, height = sides.split(between)
    return int(width) / int(height)


def _not_steep(ratio: str) -> str:
    if not 1 / _STEEPEST <= quotient(ratio) <= _STEEPEST:
        raise ValueError(f"has {ratio}, steeper than {_STEEPEST}:1")
    return ratio


def _not_flag(alias: str) -> str:
    if _FLAGS.fullmatch(alias):
        raise ValueError(f"has {alias}, which is a flag in a prompt")
    return alias


def _printable(label: str) -> str:
    # A control character could turn round the text that it stands in.
    if not all(char.isprintable() or char in _JOINERS for char in label):
        raise ValueError("must be of printable characters")
    return label


def _distinct(words: tuple[str, ...]) -> tuple[str, ...]:
    if len({word.casefold() for word in words}) != len(words):
        raise ValueError("has one twice")
    return words


def _scalar(value: object) -> object:
    if not isinstance(value, str) and not (
        isinstance(value, int | float) and abs(value) <= _LARGEST
    ):
        raise ValueError("must be a text, a number, true or false")
    return value


def _micros(value: object) -> object:
    if not isinstance(value, str) or not re.fullmatch(r"([0-9]{1,9}(\.[0-9]{1,6})?)?", value):
        raise ValueError('must be a decimal string such as "0.039"')
    return int(Decimal(value) * 1_000_000) if value else None


def _word(longest: int) -> BeforeValidator:
    return matching(
        f"[!-~]{{1,{longest}}}", f"must be 1 to {longest} plain characters without spaces"
    )


Seconds = Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)]
Micros = Annotated[int | None, BeforeValidator(_micros)]
# Telegram's callback_data holds 64 bytes; the id shares them with the button's own words.
Word = Annotated[str, _word(48)]
LongWord = Annotated[str, _word(200)]
Alias = Annotated[Word, AfterValidator(_not_flag)]
Distinct = AfterValidator(_distinct)  # of a tuple's items, upper and lower case being the same
Label = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)]
Size = Annotated[str, matching("512|[1-8]K", 'must be a size such as "2K"')]
Ratio = Annotated[
    str,
    matching(r"[1-9]\d?:[1-9]\d?", 'must be a ratio such as "16:9"'),
    AfterValidator(_not_steep),
]
Pixels = Annotated[
    str, matching(r"[1-9]\d{1,4}x[1-9]\d{1,4}", 'must be a size such as "1536x1024"')
]
ExtraName = Annotated[str, matching(r"[A-Za-z0-9_.-]{1,64}", "must be letters, digits and _")]
Scalar = Annotated[str | int | float | bool, PlainValidator(_scalar)]


def read_file(path: Path) -> str:
    """Read an operator's file; raises ConfigError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: cannot be read ({type(exc).__name__})") from exc


@contextmanager
def naming(place: str) -> Iterator[None]:
    """Put a file's or a setting's name before what is wrong, in one line whatever a key holds."""
    try:
        yield
    except ConfigError as exc:
        raise ConfigError(f"{place}: {' '.join(str(exc).split())}") from None


def read_toml(text: str) -> dict[str, Any]:
    """Read TOML; raises ConfigError."""
    try:
        return tomllib.loads(text)
    except ValueError as exc:  # a number may be too long for Python, where the syntax is right
        raise ConfigError(f"is not TOML: {exc}") from exc


def validated(kind: type[F], document: Mapping[str, Any], context: object = None) -> F:
    """Check a whole document; ConfigError names the entry and the field of the first error."""
    try:
        return kind.model_validate(document, context=context)
    except ValidationError as exc:
        error = exc.errors(include_input=False, include_url=False)[0]
        entry, path = _entry(document, error["loc"])
        field = ".".join(part for part in path if isinstance(part, str) and part != "[key]")
        raise ConfigError(f"{entry}: {field} {complaint(error)}") from None


def _entry(
    document: Mapping[str, Any], place: tuple[int | str, ...]
) -> tuple[str, tuple[int | str, ...]]:
    """Split where an error is into the entry's name, such as `model flux`, and the way inside it."""
    match place:
        case (str(table), str(name), *_):
            return f"{table} {name}", place[2:]
        case (str(table), int(index), *_):
            values = document[table][index]
            named = values.get("id") if isinstance(values, dict) else None
            return f"{table} {named or f'number {index + 1}'}", place[2:]
    return "top level", place
