"""A recording: what a gateway answered, without pictures and keys, to become a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.gateway.image_extractor import PLACEHOLDER
from bot.log import redacted

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

    from bot.gateway.receive import ResponseReader

LARGEST = 256 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Recording:
    """An answer as it came, but for `{{png}}` and the like where pictures were, `{{key}}` for ours.

    The content of a `stream` stands whole in its first event. `shape` names the places where
    pictures stood. `body` is cut at 256 KB.
    """

    status: int
    content_type: str
    body: bytes
    stream: bool
    shape: str


def redacted_body(reader: ResponseReader, key: str) -> bytes:
    """Put names in place of pictures (`{{png}}`, `{{png2}}`, `{{audio}}` for others) and of `key`."""
    names = _names(reader.seen)

    def name(match: re.Match[str]) -> str:
        index = match.group(1)
        return f"{{{{{'audio' if index == 'x' else names.get(int(index), 'audio')}}}}}"

    text = PLACEHOLDER.sub(name, reader.recorded[: 2 * LARGEST].decode("utf-8", "replace"))
    text = redacted(text.replace(key, "{{key}}") if key else text)
    return text.encode()[:LARGEST].decode("utf-8", "ignore").encode()


def _names(seen: Mapping[int, tuple[str, int]]) -> dict[int, str]:
    """Name the pictures; the same bytes are the same picture."""
    names: dict[tuple[str, int], str] = {}
    for _, picture in sorted(seen.items()):
        kind = picture[0].removeprefix("image/")
        number = sum(known == picture[0] for known, _ in names) + 1
        names.setdefault(picture, f"{kind}{number}" if number > 1 else kind)
    return {index: names[picture] for index, picture in seen.items()}
