"""A scripted HTTP server: reads real requests, answers with exactly the bytes it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class Received:
    line: str
    headers: dict[str, str]
    body: bytes


Play = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


def reply(
    body: bytes, status: int = 200, *, piece: int = 65_536, short: int = 0, **headers: str
) -> Play:
    """Answer with `body` in pieces; `short` bytes of it are promised but never sent."""

    async def play(_: Received, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) + short}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        for at in range(0, len(body), piece):
            writer.write(body[at : at + piece])
            await writer.drain()
            if piece < 1024:
                await asyncio.sleep(0)
        if short:
            writer.close()

    return play


def chunked(body: bytes, piece: int, *, cut: bool = False) -> Play:
    """Answer in HTTP chunks of `piece` bytes; `cut` leaves out the last, empty one."""

    async def play(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(body), piece):
            data = body[at : at + piece]
            writer.write(b"%x\r\n%s\r\n" % (len(data), data))
            await writer.drain()
            await asyncio.sleep(0)
        if cut:
            writer.close()
        else:
            writer.write(b"0\r\n\r\n")

    return play


def until_closed(body: bytes) -> Play:
    """Answer with `body`, whose end is told by hanging up alone."""

    async def play(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    return play


@dataclass
class Server:
    """Answers by path; `requests` are what came, `gone` is set when a peer hangs up."""

    origin: str = ""
    plays: dict[str, Play] = field(default_factory=dict)
    requests: list[Received] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def plan(self, play: Play, path: str = "/v1/chat/completions") -> None:
        self.plays[path] = play

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                request = Received(head[0], headers, body)
                self.requests.append(request)
                self.asked.set()
                await self.plays[head[0].split()[1]](request, writer)
                await writer.drain()
        self.gone.set()


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(handler: Handler, port: int = 0) -> AsyncIterator[str]:
    """Serve each connection with `handler`; nothing of it is left afterwards."""
    tasks: list[asyncio.Task[None]] = []

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(serve(reader, writer)))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    listener = await asyncio.start_server(connected, "127.0.0.1", port)
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    async with listening(server.serve) as server.origin:
        yield server
