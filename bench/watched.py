"""A program that is watched: `python -m bench.watched counts|held FILE MODULE [ARGUMENT …]`.

`counts` counts what it does from SIGUSR1 on, and times it; `held` leaves it alone. At
SIGUSR2 the file gets what was counted, or what is held, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import runpy
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.counts import Counts
from bench.held import census
from bench.phases import Phases
from bot.tg import bot_profile

WRITE_SECONDS = 30.0


def main() -> None:
    """Run the module as Python would."""
    watch = _counting() if sys.argv[1] == "counts" else census
    file = Path(sys.argv[2])

    def write(*_: object) -> None:
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(watch()))
        partial.replace(file)

    signal.signal(signal.SIGUSR2, write)
    sys.argv = sys.argv[3:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _counting() -> Callable[[], dict[str, Any]]:
    counts, phases = Counts(), Phases()

    def begin(*_: object) -> None:
        counts.clear()
        phases.clear()

    phases.install()
    counts.install()  # around it, so that it sees what there was
    signal.signal(signal.SIGUSR1, begin)
    # What the bot is is published slowly after its first start; here nobody waits for that.
    (bot_profile.publish.__kwdefaults__ or {})["pause"] = 0
    return lambda: {**vars(counts), "phases": phases.seconds()}


async def written(file: Path) -> dict[str, Any]:
    """Wait for what a watched program writes, and read it."""
    async with asyncio.timeout(WRITE_SECONDS):
        while not file.exists():  # noqa: ASYNC110, ASYNC240 - another process makes it
            await asyncio.sleep(0.05)
    found: dict[str, Any] = json.loads(file.read_text())  # noqa: ASYNC240 - small, and here
    return found


if __name__ == "__main__":
    main()
