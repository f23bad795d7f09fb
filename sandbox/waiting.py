"""Waits whose patience follows the machine: time passes for them only as fast as the loop gets on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PATIENCE = 60.0  # seconds; what is waited for is seen at once, so only a failure takes them
_TICK = 0.05  # seconds


@asynccontextmanager
async def patient(seconds: float = PATIENCE) -> AsyncIterator[None]:
    """Raise TimeoutError where the block takes longer than `seconds` of an idle machine.

    On a busy one each tick comes late, and counts no more than on an idle one.
    """
    async with asyncio.timeout(None) as deadline:
        ticking = asyncio.create_task(_tick(deadline, seconds), name="patience")
        try:
            yield
        finally:
            ticking.cancel()


async def _tick(deadline: asyncio.Timeout, seconds: float) -> None:
    while seconds > 0:
        await asyncio.sleep(min(_TICK, seconds))
        seconds -= _TICK
    deadline.reschedule(asyncio.get_running_loop().time())
