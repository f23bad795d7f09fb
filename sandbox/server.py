"""The sandbox's server: Telegram, the gateway and the chat page on one loopback port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from time import time

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.gateway import Gateway
from sandbox.telegram import Telegram

PAGE = Path(__file__).parent / "page"
# Nothing on the page comes from elsewhere, and no text can become a script.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_BACKLOG = 1024
_KEEP_ALIVE = 60  # seconds; with uvicorn's five, a loop that lags hangs up on those who ask
_STEP = 0.01  # seconds
_LAST = 5  # seconds


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The running sandbox: where it listens, and its two halves to script and to watch."""

    telegram_url: str
    gateway_url: str
    page_url: str
    telegram: Telegram
    gateway: Gateway


@contextlib.asynccontextmanager
async def serve(
    telegram: Telegram, gateway: Gateway, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Sandbox]:
    """Serve the sandbox in this event loop until the block ends; port 0 takes a free one.

    Raises OSError if the port is taken. At the end every connection is dropped at once, long
    polls and calls in flight included.
    """
    listener = _listen(host, port)
    app = _Cancellable(_app(telegram, gateway))
    server = _Server(
        uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE,
        )
    )
    serving = asyncio.create_task(server.serve([listener]), name="sandbox")
    try:
        await _started(server, serving)
        origin = f"http://{host}:{listener.getsockname()[1]}"
        yield Sandbox(origin, f"{origin}/gateway/v1", f"{origin}/", telegram, gateway)
    finally:
        telegram.world.deliveries.stop()
        app.closing = True
        server.ending.set()
        await serving
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Not an invitation to share the port: only to take one that is still in TIME_WAIT.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it; asyncio sets it only where the listener names its protocol, and
        # without it the second part of an answer may wait 40 ms for the first one's ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as exc:
        listener.close()
        raise OSError(exc.errno, f"cannot listen on {host}:{port}: {exc.strerror}") from exc
    return listener


class _PageFiles(StaticFiles):
    """The page's files, asked for anew each time: a new version is never mixed with an old one."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Answer with a file and the page's headers."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(_HEADERS)
        return response


def _app(telegram: Telegram, gateway: Gateway) -> ASGIApp:
    async def index(_: Request) -> Response:
        date = formatdate(time() + telegram.clock_ahead, usegmt=True)
        return FileResponse(PAGE / "index.html", headers=_HEADERS | {"Date": date})

    return Starlette(
        routes=[
            Route("/", index),
            Mount("/page", _PageFiles(directory=PAGE)),
            Mount("/gateway", gateway.app),
            Mount("/", telegram.app),
        ]
    )


class _Cancellable:
    """The applications, made to end quietly when the server cancels them or the client leaves."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            return  # in the middle of its request: nobody is there to be answered
        except asyncio.CancelledError:
            # uvicorn would log it as the application's error.
            if not self.closing:
                raise


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to the program it runs in, and ends at once."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ending = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def main_loop(self) -> None:
        """Wait for the end; uvicorn's own loop looks ten times a second whether it has come."""
        await self.on_tick(0)
        await self.ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drop all connections: a long poll or a held call would keep a graceful end waiting."""
        for listening in self.servers:
            listening.close()
        for listener in sockets or []:
            listener.close()
        connections, tasks = self.server_state.connections, self.server_state.tasks
        async with asyncio.timeout(_LAST):
            while connections:
                for connection in list(connections):
                    connection.transport.abort()
                await asyncio.sleep(0)
            # Only now: an application without its connection ends without a word in the log.
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _started(server: _Server, serving: asyncio.Task[None]) -> None:
    while not server.started:
        if serving.done():
            await serving
            raise RuntimeError("the sandbox's server did not start")
        await asyncio.sleep(_STEP)
