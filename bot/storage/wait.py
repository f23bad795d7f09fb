"""Waiting for the database: for one's turn not without end, for what has begun to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from bot.domain import StorageUnavailable

T = TypeVar("T")

WAIT_SECONDS = 30


async def turn(given: Awaitable[T]) -> T:
    """Wait for what the bot's other transactions must give back; raises StorageUnavailable."""
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            return await given
    except TimeoutError as exc:
        raise StorageUnavailable("other transactions took too long") from exc


async def run_to_completion(
    work: asyncio.Future[T] | Coroutine[Any, Any, T],
    undo: Callable[[T], Awaitable[object]] | None = None,
) -> T:
    """Wait for what was begun; who is cancelled meanwhile waits all the same, and then is.

    What it came to, which he does not learn, is `undo`'s to take back.
    """
    running = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await ended(running)
        if undo and not running.cancelled() and not running.exception():
            await undo(running.result())
        raise


async def ended(running: asyncio.Future[Any]) -> None:
    """Wait for the end, and hear of a failure that nobody else will ask for."""
    if not running.done():
        await asyncio.wait([running])
    if not running.cancelled():
        running.exception()
