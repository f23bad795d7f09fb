"""Names: what a kept file is called, which is the sha256 of its bytes."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from bot.media.regular import open_regular

SHA256 = re.compile(r"[0-9a-f]{64}")
_PIECE = 1 << 20
COPY = "copy-"  # what a copy of a file in a bucket begins with, in the folder of this machine


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that is kept: its size in bytes, and the POSIX time of its last use."""

    sha256: str
    size: int
    used: float


def key(sha256: str) -> str:
    """Name a file's place in a store, such as ab/abcd…; raises ValueError where it is no sha256."""
    if not SHA256.fullmatch(sha256):
        raise ValueError("not a sha256 in hexadecimal")
    return f"{sha256[:2]}/{sha256}"


def sha256_in(place: str) -> str | None:
    """Tell the name of a file by its place; None for what is not ours."""
    name = place.rpartition("/")[2]
    return name if SHA256.fullmatch(name) and place == key(name) else None


def sha256_of(path: Path) -> str:
    """Read a file, and tell what its name is to be. Raises FileNotFoundError. Blocks."""
    found = hashlib.sha256()
    with open_regular(path, buffering=0) as file:
        while data := file.read(_PIECE):
            found.update(data)
    return found.hexdigest()
