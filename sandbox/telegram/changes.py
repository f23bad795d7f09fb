"""Changes of a world: whoever waits for a change is woken by the next one."""

from __future__ import annotations

import asyncio


class Changes:
    """Counts changes and wakes every waiter at each of them."""

    def __init__(self) -> None:
        self.version = 0
        self._next = asyncio.Event()

    def notify(self) -> None:
        self.version += 1
        event, self._next = self._next, asyncio.Event()
        event.set()

    async def wait(self, seconds: float | None) -> bool:
        """Wait for the next change; False when none came in time."""
        event = self._next
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return False
        return True
