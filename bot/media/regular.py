"""Files as they lie there: nothing is reached through a link, nothing waits for a pipe."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


def is_regular(path: Path) -> bool:
    """Whether a file of its own is there; a link, a device or a pipe is none."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def open_regular(path: Path, buffering: int = -1) -> BinaryIO:
    """Open a file for reading. Raises FileNotFoundError where `is_regular` says no. Blocks."""
    if not is_regular(path):
        raise _missing(path)
    descriptor = os.open(path, _FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _missing(path)
    return os.fdopen(descriptor, "rb", buffering)


def _missing(path: Path) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, "No file of its own", str(path))
