"""File descriptors: each job holds a few, a process has only so many, and they make files durable."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from bot.domain import StartError

EACH = 3  # of a job: its call or its upload, a file that is written, one that is read
OTHERS = 128  # the database, polls, answers, what people send


def reserve(jobs: int) -> None:
    """Have the system give as many as so many jobs need at once; raises StartError if it does not.

    Without them pictures would be lost one by one, long after the start.
    """
    needed = EACH * jobs + OTHERS
    given, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if given == resource.RLIM_INFINITY or given >= needed:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, most))
    except (OSError, ValueError) as error:
        raise StartError(
            f"MAX_CONCURRENCY={jobs} needs {needed} file descriptors, and this process may have"
            f" {most}: allow more (ulimit -n, LimitNOFILE=), or at most"
            f" MAX_CONCURRENCY={max(1, (most - OTHERS) // EACH)}"
        ) from error


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable. Blocks."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
