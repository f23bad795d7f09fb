"""Where a store in a folder keeps a file."""

from __future__ import annotations

from pathlib import Path

from bot.media.file_names import key
from bot.media.store import MediaStore


def file_of(media: MediaStore, sha256: str) -> Path:
    """Name a file's place; it need not be there."""
    return media.root / key(sha256)
