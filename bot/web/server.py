"""The server: uvicorn in the bot's own event loop, on one address, until the bot stops."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from urllib.parse import urlsplit

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from bot.domain import StartError
from bot.web.connections import CONNECTIONS, Connection
from bot.web.guard import Guarded

log = structlog.get_logger(__name__)

OTHER = "choose another one, for example WEB_ADDRESS=127.0.0.1:8091"
SILENCE = 15.0  # seconds; who has asked for nothing in so many is hung up on, by twice as many
LAST = 2  # seconds in which answers are finished at the end


@contextlib.asynccontextmanager
async def serve(
    address: str, routes: Sequence[BaseRoute], *urls: str | None
) -> AsyncIterator[None]:
    """Serve until the block ends; raises StartError where nobody can listen at the address.

    It answers to the names in `address` and `urls`. Who asks is told by his connection, or by a proxy on this machine. No access log: paths hold
    what logs in.
    """
    listener = _listen(address)
    server = _Server(
        uvicorn.Config(
            Guarded(Starlette(routes=list(routes)), f"//{address}", *filter(None, urls)),
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=True,
            forwarded_allow_ips=["127.0.0.1", "::1"],
            limit_concurrency=CONNECTIONS + 1,  # of answers: some outlive their connection
            timeout_graceful_shutdown=LAST,
        )
    )
    serving = asyncio.create_task(server.serve([listener]), name="web")
    try:
        await server.ready.wait()
        log.info("serving pages", address=address)
        yield
    finally:
        server.ending.set()
        await serving
        listener.close()


def _listen(address: str) -> socket.socket:
    parts = urlsplit(f"//{address}")
    try:
        (family, kind, protocol, _, place), *_ = socket.getaddrinfo(
            parts.hostname, parts.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise StartError(f"WEB_ADDRESS {address}: {error.strerror}; {OTHER}") from error
    try:
        # Not an invitation to share the port: only to take one that is still in TIME_WAIT.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(CONNECTIONS)
    except OSError as error:
        listener.close()
        raise StartError(f"WEB_ADDRESS {address}: {error.strerror}; {OTHER}") from error
    return listener


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to the program it runs in."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready, self.ending = asyncio.Event(), asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def main_loop(self) -> None:
        """Wait for the end, and hang up on who asks for nothing: he would keep others out.

        uvicorn's own loop looks ten times a second whether the end has come.
        """
        self.ready.set()
        await self.on_tick(0)
        idle: set[Connection] = set()
        while not self.ending.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SILENCE):
                    await self.ending.wait()
            every = self.server_state.connections
            now = {one for one in every if isinstance(one, Connection) and one.is_idle}
            before, idle = idle, now
            for one in idle & before:
                one.transport.abort()  # to close it is to wait until its answer is read
