"""Intake: what is read of answers before anybody looks at it, bounded for all connections at once.

The loop reads up to 250 KB of each connection that has something before anybody can say stop: 50 MB
where two hundred answers come in the same instant. What is not read waits with the kernel, and with
its sender.
"""

from __future__ import annotations

import asyncio
from functools import partial

import aiohttp
from aiohttp.client_proto import ResponseHandler


class Intake:
    """Stops reading where more than `most` bytes wait to be looked at, until it is half of that."""

    def __init__(self, most: int) -> None:
        self._most, self._unread = most, 0
        self._stopped = False
        self._connections: dict[_Connection, None] = {}  # in the order in which they were read

    def govern(self, connector: aiohttp.BaseConnector) -> None:
        """Have the connections that it will open read so. Needs the running loop."""
        loop = asyncio.get_running_loop()
        connector._factory = partial(_Connection, loop, self)  # type: ignore[assignment]  # noqa: SLF001 - there is no other way in

    def opened(self, connection: _Connection) -> None:
        self._connections[connection] = None
        if self._stopped:
            connection.stop()

    def closed(self, connection: _Connection) -> None:
        self._connections.pop(connection, None)

    def came(self, connection: _Connection, size: int) -> None:
        self._unread += size
        if connection in self._connections:
            self._connections[connection] = self._connections.pop(connection)
        if self._stopped:
            connection.stop()
        elif self._unread > self._most:
            self._stopped = True
            for each in self._connections:
                each.stop()

    def taken(self, size: int) -> None:
        self._unread -= size
        if self._stopped and self._unread <= self._most // 2:
            self._stopped = False
            for each in list(self._connections):
                each.go_on()


class _Connection(ResponseHandler):
    """A connection that tells how much of it is read, and is not taken by its reader yet."""

    def __init__(self, loop: asyncio.AbstractEventLoop, intake: Intake) -> None:
        super().__init__(loop)
        self._intake, self._unread = intake, 0
        self._timed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._intake.opened(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._intake.closed(self)
        super().connection_lost(exc)
        self._tell()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._tell()

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 - aiohttp's
        """Called whenever something was taken."""
        super().resume_reading(resume_parser)
        self._tell()

    def stop(self) -> None:
        """Read no more, beside the reasons that aiohttp has for that; it is not the peer who is silent."""
        self._timed = self._timed or self._read_timeout_handle is not None
        self._drop_timeout()
        self._pause_reading_for_buffer()

    def go_on(self) -> None:
        if self._timed:
            self._timed = False
            self._reschedule_timeout()
        self._resume_reading_for_buffer()

    def _tell(self) -> None:
        unread = self._payload._size if self._payload else 0  # noqa: SLF001
        before, self._unread = self._unread, unread
        if unread > before:
            self._intake.came(self, unread - before)
        elif unread < before:
            self._intake.taken(before - unread)
