"""A picture that is only linked to: fetched from a stranger's server, safely."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl

import httpx
from aiohttp.connector import AddrInfoType

from bot.gateway.encoding import decoded
from bot.gateway.errors import DownloadFailed
from bot.gateway.transport import ERRORS, Transport, exchange
from bot.media import svg
from bot.media.formats import sniff
from bot.media.store import MediaStore, StoredFile, TooLarge

_REDIRECTS = 3
_CONNECTIONS = 16
_HEAD = 64
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST = ipaddress.IPv6Network("2000::/3")  # all that is given out to the world so far
_RELAYS = ipaddress.IPv4Network("192.88.99.0/24")  # of 6to4, as little to be trusted as it


class ImageDownloader:
    """Fetches linked pictures into the media store.

    Links are the gateway's words, so they may point anywhere: only https and only public
    addresses are asked, checked where the socket is opened, so that neither a redirect nor a
    name that changes its address gets around it. `insecure` lifts both rules, for gateways on
    one's own machine. `limit` in bytes for one picture, `timeout` and `connect` in seconds.
    """

    def __init__(
        self,
        media: MediaStore,
        context: ssl.SSLContext,
        *,
        limit: int,
        timeout: float,
        connect: float,
        insecure: bool = False,
    ) -> None:
        self._media = media
        self._limit = limit
        self._timeout = timeout
        self._connect = connect
        self._schemes = {"https", "http"} if insecure else {"https"}
        guard = None if insecure else _public_socket
        self._transport = Transport(context, connections=_CONNECTIONS, socket_factory=guard)

    async def download(self, url: str) -> StoredFile:
        """Fetch one picture and keep it; raises DownloadFailed."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._follow(httpx.URL(url))
        except TimeoutError as exc:
            raise DownloadFailed("it took too long") from exc
        except TooLarge as exc:
            raise DownloadFailed("it is too large") from exc
        except ERRORS as exc:
            raise DownloadFailed(
                f"the connection failed ({type(exc.__cause__ or exc).__name__})"
            ) from exc

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def _follow(self, url: httpx.URL) -> StoredFile:
        headers = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "picturebot"}
        for _ in range(_REDIRECTS + 1):
            if url.scheme not in self._schemes or not url.host or url.userinfo:
                raise DownloadFailed("not a plain https link")
            request = httpx.Request("GET", url, headers=headers)
            async with exchange(self._transport, request, connect=self._connect) as response:
                target = response.headers.get("location")
                if not response.has_redirect_location or target is None:
                    return await self._keep(response)
            url = url.join(target)
        raise DownloadFailed("too many redirects")

    async def _keep(self, response: httpx.Response) -> StoredFile:
        if response.status_code != httpx.codes.OK:
            raise DownloadFailed(f"status {response.status_code}")
        async with self._media.writer(self._limit) as writer:
            head = b""
            async for piece in decoded(response):
                if len(head) < _HEAD:
                    head = (head + piece)[:_HEAD]
                    if len(head) == _HEAD and not _known(head):
                        break
                await writer.write(piece)
            if not _known(head) and head[4:8] == b"ftyp":
                raise DownloadFailed("it is a film, not a picture")
            if not _known(head):
                raise DownloadFailed("it is no picture")
            return await writer.commit()


def _known(head: bytes) -> bool:
    """Whether these first bytes are a picture's; of SVG they only may be."""
    return sniff(head) is not None or svg.may_begin(head)


def _public_socket(address: AddrInfoType) -> socket.socket:
    family, kind, protocol, _, where = address
    if not is_public(str(where[0])):
        raise PermissionError("not a public address")
    return socket.socket(family, kind, protocol)


def is_public(host: str) -> bool:
    """Tell whether a literal address is reachable for everyone, whatever it is wrapped in."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped or address in _NAT64:
            address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        elif address not in _UNICAST or address.sixtofour or address.teredo:
            return False
    return address.is_global and not address.is_multicast and address not in _RELAYS
