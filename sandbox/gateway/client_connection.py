"""The connection to one client: tells when he leaves, sends in pieces, and can be dropped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator
from typing import Self, TypeVar

from starlette.types import Message, Receive, Send

from sandbox.gateway.body import Body, Burst, until
from sandbox.gateway.calls import Call, Gate

Value = TypeVar("Value")

PIECE = 256 * 1024


class ClientGone(Exception):
    """The connection is no more."""


class ClientConnection:
    """The connection of one call: notices when the client leaves, and can be dropped."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    async def __aenter__(self) -> Self:
        self._gone = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._gone

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def unless_gone(self, work: Awaitable[Value]) -> Value:
        """Do the work; raise ClientGone, and stop it, when the client leaves before it is done."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task, self._gone}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ClientGone
            return task.result()
        finally:
            task.cancel()

    async def tell(self, body: Body, call: Call, cut: float | None, gate: Gate | None) -> None:
        """Send the body; raise ClientGone when the client leaves or the connection is to be cut.

        The gate, if there is one, holds a stream before its first picture.
        """
        end = body.length if cut is None else int(body.length * cut)
        if cut == 0:
            await self._drop()
        await self._send(_start(body))
        for index, burst in enumerate(until(body.bursts, end)):
            await self._rest(body.pause if index else 0)
            if index == body.opening and gate is not None:
                await self.unless_gone(gate.hold())
            await self._tell(burst, call)
        if cut is not None:
            await self._drop()
        await self._send({"type": "http.response.body", "body": b""})

    async def _tell(self, burst: Burst, call: Call) -> None:
        for piece in _slices(burst):
            if self._gone.done():
                raise ClientGone
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            call.sent += len(piece)

    async def _rest(self, seconds: float) -> None:
        if seconds:
            await asyncio.wait({self._gone}, timeout=seconds)

    async def _drop(self) -> None:
        # ASGI has no word for it, uvicorn's `receive` knows the transport. Elsewhere the server
        # closes the connection of an application that returns too early. What was sent arrives.
        cycle = getattr(self._receive, "__self__", None)
        if cycle is not None:
            cycle.transport.close()
            await self._gone
        raise ClientGone


def _start(body: Body) -> Message:
    headers = [("content-type", body.content_type), *body.headers]
    if not body.chunked:
        headers.append(("content-length", str(body.length)))
    return {
        "type": "http.response.start",
        "status": body.status,
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
    }


def _slices(burst: Burst) -> Iterator[bytes]:
    """Cut the pieces into such as a connection swallows at once."""
    for piece in burst:
        for at in range(0, len(piece), PIECE):
            yield bytes(piece[at : at + PIECE])
