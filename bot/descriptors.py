"""File descriptors: each job holds a few, and a process may have only so many."""

from __future__ import annotations

import resource

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
