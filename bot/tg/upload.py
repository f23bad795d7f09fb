"""Uploads: a picture's bytes as Telegram gets them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PHOTO_BYTES, PHOTO_SIDES, PHOTO_RATIO = 10 * 1024 * 1024, 10_000, 20
PHOTO_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture's bytes as Telegram gets them; what `moves` would stand still as a photo."""

    path: Path
    name: str
    mime: str
    width: int
    height: int
    size: int
    moves: bool = False

    @property
    def fits_photo(self) -> bool:
        """Whether Telegram takes it as a photo; else it goes as a document.

        https://core.telegram.org/bots/api#sendphoto
        """
        long, short = max(self.width, self.height), max(1, min(self.width, self.height))
        return (
            self.mime in PHOTO_TYPES
            and not self.moves
            and self.size <= PHOTO_BYTES
            and self.width + self.height <= PHOTO_SIDES
            and long <= PHOTO_RATIO * short
        )
