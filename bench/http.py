"""HTTP/1.1 as the bench's servers speak it: bodies are received in place, answers sent uncopied.

As little as the clients under measurement need, so that the servers are not what limits them.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import cast

HEAD_BYTES = 64 * 1024
SPARE_BUFFERS = 16
BACKLOG = 1024
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")

App = Callable[["Request"], None]


@dataclass(slots=True, eq=False)
class Request:
    """A request that is whole; its `body` is of no use once the application has returned.

    `arrived` is when its last byte came, by `time.perf_counter`.
    """

    path: str
    query: str
    head: bytes
    body: memoryview
    arrived: float
    _connection: Connection

    def reply(
        self, *pieces: bytes, status: str = "200 OK", sent: Callable[[], None] | None = None
    ) -> None:
        """Answer; `sent` is called once the kernel has taken the last byte."""
        self._connection.reply(status, pieces, sent)


class Buffers:
    """Buffers for bodies, used again: fresh memory costs more than filling it."""

    def __init__(self) -> None:
        self._spare: list[bytearray] = []

    def take(self, size: int) -> bytearray:
        for at, buffer in enumerate(self._spare):
            if len(buffer) >= size:
                return self._spare.pop(at)
        return bytearray(size)

    def give_back(self, buffer: bytearray) -> None:
        if len(self._spare) < SPARE_BUFFERS:
            self._spare.append(buffer)


@dataclass(eq=False)
class Connection(asyncio.BufferedProtocol):
    """One connection: a request, its answer, the next request."""

    app: App
    buffers: Buffers
    open_ones: set[Connection]
    _head: bytearray = field(default_factory=lambda: bytearray(HEAD_BYTES))
    _body: bytearray | None = None
    _length: int = 0
    _got: int = 0
    _sent: Callable[[], None] | None = None
    _full: bool = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._transport.set_write_buffer_limits(high=0)  # so that we hear when all is sent
        self.open_ones.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        self.open_ones.discard(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's
        if self._body is None:
            return memoryview(self._head)[self._got :]
        return memoryview(self._body)[self._got : self._length]

    def buffer_updated(self, nbytes: int) -> None:
        self._got += nbytes
        if self._body is None:
            end = self._head.find(b"\r\n\r\n", 0, self._got) + 4
            if end < len(b"\r\n\r\n"):
                return
            self._begin_body(end)
        if self._body is not None and self._got >= self._length:
            self._handle(self._body)

    def _begin_body(self, end: int) -> None:
        found = _LENGTH.search(self._head, 0, end)
        self._length = int(found[1]) if found else 0
        self._lines = bytes(self._head[:end])
        self._body = self.buffers.take(max(self._length, 1))
        came = self._got - end
        self._body[:came] = self._head[end : self._got]
        self._got = came

    def _handle(self, body: bytearray) -> None:
        target = self._lines.split(b" ", 2)[1].decode()
        path, _, query = target.partition("?")
        whole = memoryview(body)[: self._length]
        self._body, self._got = None, 0
        self.app(Request(path, query, self._lines, whole, time.perf_counter(), self))
        self.buffers.give_back(body)

    def reply(
        self, status: str, pieces: tuple[bytes, ...], sent: Callable[[], None] | None
    ) -> None:
        if self._transport.is_closing():
            return
        length = sum(map(len, pieces))
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n"
            "\r\n"
        )
        self._sent = sent
        self._transport.writelines([head.encode(), *pieces])
        if not self._full:
            self.resume_writing()

    def abort(self) -> None:
        self._transport.abort()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        sent, self._sent = self._sent, None
        if sent:
            sent()


@contextlib.asynccontextmanager
async def serving(app: App) -> AsyncIterator[str]:
    """Serve an application until the block ends; tells its address."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it
    listener.bind(("127.0.0.1", 0))
    buffers, open_ones = Buffers(), set[Connection]()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(app, buffers, open_ones), sock=listener, backlog=BACKLOG
    )
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.close()
        for connection in list(open_ones):
            connection.abort()
