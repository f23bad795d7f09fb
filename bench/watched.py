"""A program that is counted while it runs: `python -m bench.watched FILE MODULE [ARGUMENT …]`.

SIGUSR1 begins, SIGUSR2 writes what was counted since then to the file, as JSON.
"""

from __future__ import annotations

import json
import runpy
import signal
import sys
from pathlib import Path

from bench.counts import Counts
from bench.phases import Phases
from bot.tg import bot_profile


def main() -> None:
    """Run the module as Python would."""
    file, module = Path(sys.argv[1]), sys.argv[2]
    counts, phases = Counts(), Phases()
    counts.install()
    phases.start()
    # What the bot is is published slowly after its first start; here nobody waits for that.
    bot_profile.publish.__kwdefaults__["pause"] = 0

    def begin(*_: object) -> None:
        counts.clear()
        phases.clear()

    def write(*_: object) -> None:
        found = {name: dict(counter) for name, counter in vars(counts).items()}
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(found | {"phases": dict(phases.seconds)}))
        partial.replace(file)

    signal.signal(signal.SIGUSR1, begin)
    signal.signal(signal.SIGUSR2, write)
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
