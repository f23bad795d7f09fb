"""Numbers that an address or a field brings: at most eighteen digits, which a database can count."""

from __future__ import annotations

import re

from starlette.convertors import Convertor, register_url_convertor


class _Number(Convertor[int | None]):
    """In a path; None is answered by the door: there is no such page."""

    regex = "[^/]+"

    def convert(self, value: str) -> int | None:
        return number(value)

    def to_string(self, value: int | None) -> str:
        return str(value)


register_url_convertor("number", _Number())


def number(given: str) -> int | None:
    """Read a number, perhaps negative; None where it is none, or larger than is counted."""
    return int(given) if re.fullmatch("-?[0-9]{1,18}", given) else None
