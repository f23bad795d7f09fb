"""A connection: waiting for its end, and ending it as a broken network does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class Dropped(Response):
    """No answer at all: the connection is cut."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Abort the transport; ASGI has no word for it, uvicorn's `receive` knows it."""
        cycle = getattr(receive, "__self__", None)
        if cycle is None:
            raise RuntimeError("connections can only be dropped under uvicorn")
        cycle.transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass


async def gone(request: Request) -> None:
    """Return when the client has hung up; the body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def until_gone(request: Request, work: Awaitable[object], seconds: float | None) -> bool:
    """Wait for some work; False when the client hung up or the time ran out before its end.

    Unfinished work is cancelled. What the work raises is raised.
    """
    task = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(gone(request))
    try:
        await asyncio.wait({task, leaving}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finished = task.done()
    finally:
        task.cancel()
        leaving.cancel()
        await asyncio.gather(task, leaving, return_exceptions=True)
    if finished:
        task.result()
    return finished
