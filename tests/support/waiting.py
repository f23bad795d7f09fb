"""How tests wait: for what they look for, with a patience that follows the machine.

Whoever waits in a test waits by these. A deadline in wall time runs out where several programs
share the cores; this one runs out where nothing moves.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from sandbox.waiting import PATIENCE, patient

T = TypeVar("T")

__all__ = ["PATIENCE", "patient", "within"]


async def within(work: Awaitable[T], seconds: float = PATIENCE) -> T:
    """Wait for a result; raises TimeoutError and cancels the work where it does not come."""
    async with patient(seconds):
        return await work
