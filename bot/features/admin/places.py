"""Places on the disk: whether this process may write there, tried so that nothing stays."""

from __future__ import annotations

import tempfile
from pathlib import Path


def nearest(folder: Path) -> Path:
    """Find what there is of a path: itself, or the nearest above it. Raises OSError."""
    path = folder.absolute()
    return next(one for one in (path, *path.parents) if one.exists())


def unwritable(folder: Path) -> str | None:
    """Tell why nothing can be written in a folder, or in the one that it would be made in.

    A nameless file is tried: what a disk, a container or the system forbids no mode bits tell.
    """
    there = folder
    try:
        there = nearest(folder)
        with tempfile.TemporaryFile(dir=there):
            return None
    except OSError as error:
        return f"{there} cannot be written in: {error.strerror}"
