"""The bot's own pages over real HTTP: where they are served, and a browser without a window."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

PORTS = range(12_000, 30_000)  # below those that the system gives to whoever connects


def free_address() -> str:
    """Find an address that a bot can be told to serve at."""
    while True:
        port = random.choice(PORTS)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return f"127.0.0.1:{port}"
