"""Placeholders: stand in JSON for base64, which is put in their place when the JSON is written.

The base64 alphabet needs no escaping, and a picture of many megabytes never becomes one string.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sandbox.gateway.body import Piece
from sandbox.gateway.pictures import Picture

_PLACEHOLDER = "\u27e6picture {}\u27e7"
_PLACEHOLDERS = re.compile("\u27e6picture (\\d{1,4})\u27e7")


def placeholder(index: int) -> str:
    return _PLACEHOLDER.format(index)


def data_url(index: int, picture: Picture) -> str:
    """Give a picture's data URL, with a placeholder for the base64."""
    return f"data:{picture.mime};base64,{placeholder(index)}"


def parts(text: str, fills: Sequence[Sequence[Piece]]) -> list[str | Piece]:
    """Cut the text at its placeholders and put what fills them in their place."""
    found: list[str | Piece] = []
    for position, part in enumerate(_PLACEHOLDERS.split(text)):
        if position % 2 == 0:
            found.append(part)
        elif int(part) < len(fills):
            found.extend(fills[int(part)])
        else:  # no placeholder of ours: a client's own words
            found.append(placeholder(int(part)))
    return found


def filled(text: str, fills: Sequence[Sequence[Piece]]) -> tuple[Piece, ...]:
    """Give the text's bytes with the base64 in its place."""
    return tuple(
        part.encode(errors="replace") if isinstance(part, str) else part
        for part in parts(text, fills)
        if part
    )
