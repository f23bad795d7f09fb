"""Connections to the bot's pages: so many at once, of which no address has all, none for ever."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS = 64  # more are told to come again
SHARE = 48  # of one address; a proxy on this machine is one, and brings everybody
UNREAD = 15.0  # seconds; who has not taken 64 KiB of an answer in so many is hung up on

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 20\r\n"
    b"Content-Type: text/plain\r\nConnection: close\r\n\r\nService Unavailable\n"
)


class Connection(H11Protocol):
    """One of them; refused before it asks for anything where there is no room for it."""

    _hanging_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it in, or say that there is no room."""
        super().connection_made(transport)
        others = [one for one in self.connections if isinstance(one, Connection)]
        if len(others) > CONNECTIONS or [one.owner for one in others].count(self.owner) > SHARE:
            self.connections.discard(self)
            transport.write(_FULL)
            transport.close()

    @property
    def owner(self) -> str:
        """Whose it is: of IPv6 everybody has a /64."""
        if self.client is None:
            return ""
        address = ip_address(self.client[0].partition("%")[0])
        if address.version == 4:  # noqa: PLR2004
            return str(address)
        return str(address.ipv4_mapped or address.exploded[:19])

    @property
    def is_idle(self) -> bool:
        """Whether nobody has asked by it, or who has was answered."""
        return self.cycle is None or self.cycle.response_complete or self.transport.is_closing()

    def pause_writing(self) -> None:
        """Wait until what is written was read, but not for long."""
        super().pause_writing()
        self._hanging_up = self.loop.call_later(UNREAD, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._read()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._read()

    def _read(self) -> None:
        if self._hanging_up:
            self._hanging_up.cancel()
            self._hanging_up = None
