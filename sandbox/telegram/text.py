"""Text as Telegram sees it: counted in UTF-16 units, with entities at offsets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

Entity = dict[str, Any]

# Higher lines win where two would overlap.
_FOUND = re.compile(
    r"(?P<url>\bhttps?://[^\s<>\"]+)"
    r"|(?P<email>\b[\w.+-]+@[\w-]+\.[\w.-]*\w)"
    r"|(?P<bot_command>(?<![\w/@.<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/@]))"
    r"|(?P<mention>(?<![\w@/])@[A-Za-z][A-Za-z0-9_]{2,31}\b)"
    r"|(?P<hashtag>(?<![\w#])#[^\W\d]\w*)",
)


@dataclass(frozen=True, slots=True)
class Formatted:
    """A text and its entities, in the Bot API's form."""

    text: str
    entities: tuple[Entity, ...] = ()


def units(text: str) -> int:
    """Count UTF-16 units, the measure of every offset and limit of the Bot API."""
    return len(text) + sum(char > "\uffff" for char in text)


def cut(text: str, entity: Entity) -> str:
    """Give the piece of text that an entity covers."""
    wide = text.encode("utf-16-le")
    start = entity["offset"] * 2
    return wide[start : start + entity["length"] * 2].decode("utf-16-le", "replace")


def with_found(formatted: Formatted) -> Formatted:
    """Add the entities that Telegram finds by itself: commands, mentions, links, hashtags."""
    starts = list(accumulate((2 if char > "\uffff" else 1 for char in formatted.text), initial=0))
    found = [
        {"type": match.lastgroup, "offset": starts[match.start()], "length": _width(match, starts)}
        for match in _FOUND.finditer(formatted.text)
    ]
    free = [entity for entity in found if not _overlaps(entity, formatted.entities)]
    ordered = sorted((*formatted.entities, *free), key=lambda e: (e["offset"], -e["length"]))
    return Formatted(formatted.text, tuple(ordered))


def trimmed(formatted: Formatted) -> Formatted:
    """Strip the ends as the server does, moving and cutting entities along."""
    text = formatted.text.strip()
    if text == formatted.text:
        return formatted
    lead = units(formatted.text) - units(formatted.text.lstrip())
    size = units(text)
    kept: list[Entity] = []
    for entity in formatted.entities:
        start = max(0, entity["offset"] - lead)
        end = min(size, entity["offset"] + entity["length"] - lead)
        if end > start:
            kept.append({**entity, "offset": start, "length": end - start})
    return Formatted(text, tuple(kept))


def _width(match: re.Match[str], starts: list[int]) -> int:
    return starts[match.end()] - starts[match.start()]


def _overlaps(entity: Entity, others: tuple[Entity, ...]) -> bool:
    end = entity["offset"] + entity["length"]
    return any(
        entity["offset"] < other["offset"] + other["length"] and other["offset"] < end
        for other in others
    )
