"""Fields: the kinds of values that an operator's file may hold, and what is said of others."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainValidator, Strict

from bot.config import matching

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


def _different(words: tuple[str, ...]) -> tuple[str, ...]:
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
    """Take millionths from a decimal string, since floats cannot hold them."""
    if not isinstance(value, str) or not re.fullmatch(r"([0-9]{1,9}(\.[0-9]{1,6})?)?", value):
        raise ValueError('must be a decimal string such as "0.039"')
    return int(Decimal(value) * 1_000_000) if value else None


def _word(longest: int) -> BeforeValidator:
    return matching(
        f"[!-~]{{1,{longest}}}", f"must be 1 to {longest} plain characters without spaces"
    )


Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict()]
Seconds = Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)]
Micros = Annotated[int | None, BeforeValidator(_micros)]
# Telegram's callback_data holds 64 bytes; the id shares them with the button's own words.
Word = Annotated[str, _word(48)]
LongWord = Annotated[str, _word(200)]
Alias = Annotated[Word, AfterValidator(_not_flag)]
Different = AfterValidator(_different)  # of a tuple's items, upper and lower case being the same
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
