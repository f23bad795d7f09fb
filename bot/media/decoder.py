"""The process that decodes what people and gateways send: `python -m bot.media.decoder FOLDER`.

One request after another on standard input, a line of JSON each; an answer is a line of JSON and
the bytes that it counts. It holds no secret, ends with the bot, and may be killed at any time: by
the system at its bounds of memory and CPU, by the bot for any other reason.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from bot.media.bounds import HARMLESS, HARMLESS_SECONDS, LARGE, PIXELS_A_SECOND
from bot.media.conversion import Converted, Original, Unfit, convert, fit, mask, png, small

MOST_CUT_OFF = 2  # of one piece of work: whatever ended the bot each time may be this picture

_PR_SET_PDEATHSIG = 1
_FIRST_TO_GO = b"1000"  # where memory ends this process goes, and not the bot
_NICER = 5


def main(folder: Path, requests: BinaryIO, answers: BinaryIO) -> None:
    turns = os.open(folder, os.O_RDONLY)
    for line in requests:
        request: Mapping[str, Any] = json.loads(line)
        _limit(resource.RLIMIT_AS, request["memory"])
        try:
            with (
                _noted(folder, request["work"]) as suspect,
                _turn(turns, request["seconds"], suspect) as begin,
            ):
                path, pixels = Path(request["path"]), request["max_pixels"]
                made = convert(path, pixels, begin, _use(request))
            head = {"mime": made.mime, "width": made.width, "height": made.height}
        except Unfit as unfit:
            made, head = Converted(b"", "", 0, 0), {"problem": unfit.problem}
        answers.write(json.dumps(head | {"bytes": len(made.data)}).encode() + b"\n")
        answers.write(made.data)
        answers.flush()


def _use(request: Mapping[str, Any]) -> Callable[[Original], Converted]:
    if request["png"]:
        return png
    if request["small"]:
        return partial(small, side=request["side"])
    if request["mask"]:
        width, height = request["mask"]
        return partial(mask, width=width, height=height)
    return partial(fit, side=request["side"], size=request["size"])


@contextmanager
def _noted(folder: Path, work: str) -> Iterator[Callable[[], None]]:
    """Give what notes in a file, until the work ends, that an end of the bot may be its doing.

    Raises Unfit where that was noted too often. It is noted by itself once the work has lasted.
    """
    if not work:
        yield lambda: None
        return
    note = folder / f"decoding-{work}"
    times = note.stat().st_size if note.exists() else 0
    if times >= MOST_CUT_OFF:
        raise Unfit("too_complex")

    def suspect(*_: object) -> None:
        with suppress(OSError):  # a full disk refuses no picture
            note.write_bytes(b"." * (times + 1))

    signal.signal(signal.SIGVTALRM, suspect)
    signal.setitimer(signal.ITIMER_VIRTUAL, HARMLESS_SECONDS)
    try:
        yield suspect
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        note.unlink(missing_ok=True)


@contextmanager
def _turn(turns: int, seconds: int, suspect: Callable[[], None]) -> Iterator[Callable[[int], None]]:
    """Bound the CPU; what is given is told the pixels, bounds it anew and waits if they are many."""

    def begin(pixels: int) -> None:
        if pixels > HARMLESS:
            suspect()
        if pixels > LARGE:
            fcntl.flock(turns, fcntl.LOCK_EX)
        _bound_time(seconds + pixels // PIXELS_A_SECOND)

    _bound_time(seconds)
    try:
        yield begin
    finally:
        fcntl.flock(turns, fcntl.LOCK_UN)


def _bound_time(more: int) -> None:
    """Have the system end this process after so many more seconds of CPU."""
    _limit(resource.RLIMIT_CPU, math.ceil(time.process_time()) + more)


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    with suppress(ValueError, OSError):  # not every system bounds memory
        resource.setrlimit(what, (most if hard < 0 else min(most, hard), hard))


def _settle_in() -> None:
    # A stop of the bot is none of ours: it lets us finish, or ends us.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(_NICER)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        with suppress(OSError), Path("/proc/self/oom_score_adj").open("wb", buffering=0) as file:
            file.write(_FIRST_TO_GO)


if __name__ == "__main__":
    _settle_in()
    main(Path(sys.argv[1]), sys.stdin.buffer, sys.stdout.buffer)
