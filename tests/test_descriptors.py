"""File descriptors: taken at the start, in a process of its own, or refused in one line."""

from __future__ import annotations

import subprocess
import sys

import pytest

TRIED = """
import resource, sys
from bot import descriptors
from bot.domain import StartError
given, most, jobs = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (given, most))
try:
    descriptors.reserve(jobs)
except StartError as error:
    print(error)
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""
REFUSED = (
    "MAX_CONCURRENCY=256 needs 896 file descriptors, and this process may have 500: allow more"
    " (ulimit -n, LimitNOFILE=), or at most MAX_CONCURRENCY=124"
)


@pytest.mark.parametrize(
    ("given", "most", "told"),
    [
        (256, 1024, ["(896, 1024)"]),  # as many as it needs, not all that there are
        (1000, 1024, ["(1000, 1024)"]),
        (256, 500, [REFUSED, "(256, 500)"]),
    ],
)
def test_a_start_takes_as_many_as_it_needs_or_says_what_is_missing(
    given: int, most: int, told: list[str]
) -> None:
    command = [sys.executable, "-c", TRIED, str(given), str(most), "256"]
    end = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert end.stdout.splitlines() == told
