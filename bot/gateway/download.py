"""A picture that is only linked to: fetched from a stranger's server, safely and patiently.

The picture is paid for, and asking for it costs nothing. So what may come later is asked for again:
a link is often not there yet where it leads to (404, 403), and a busy server is not busy for long.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import BinaryIO, TypeVar

import aiohttp
import httpx
import structlog
from aiohttp.connector import AddrInfoType

from bot.gateway.encoding import decoded
from bot.gateway.errors import (
    DownloadFailed,
    ImageTruncated,
    NoPicture,
    TryAgain,
    parse_retry_after,
)
from bot.gateway.links import names_picture
from bot.gateway.transport import ERRORS, Transport, exchange
from bot.media import svg
from bot.media.formats import sniff
from bot.media.store import MediaStore, StoredFile, TooLarge, Writer

_REDIRECTS = 3
_CONNECTIONS = 16
_HEAD = 64
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST = ipaddress.IPv6Network("2000::/3")  # all that is given out to the world so far
_RELAYS = ipaddress.IPv4Network("192.88.99.0/24")  # of 6to4, as little to be trusted as it

_HTTP = 80  # the port that a link by http means if it names none
_WITH_END = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)  # seconds between tries
_FEW = 3  # pauses for what hardly comes: from a name that nobody knows, of a link in the words
_PASSING = frozenset({202, 403, 404, 408, 409, 423, 425, 429})  # and all from 500 on
# What another try does not change: an address that is forbidden, a certificate that is wrong.
_LASTING = (PermissionError, ssl.SSLError, ValueError)

T = TypeVar("T")
Check = Callable[[BinaryIO], T]

log = structlog.get_logger(__name__)


class ImageDownloader:
    """Fetches linked pictures into the media store.

    Links are the gateway's words, so they may point anywhere: only https and only public
    addresses are asked, checked where the socket is opened, so that neither a redirect nor a
    name that changes its address gets around it. A link by http is tried by https. `insecure` lifts
    both rules, for servers in one's own network. `origin` is the gateway itself, which may always
    be asked, and what relative links belong to; `limit` in bytes for one picture, `silence`,
    `connect` and the `pauses` between tries in seconds.
    """

    def __init__(
        self,
        media: MediaStore,
        context: ssl.SSLContext,
        *,
        origin: httpx.URL,
        limit: int,
        silence: float,
        connect: float,
        pauses: Sequence[float] = PAUSES,
        insecure: bool = False,
    ) -> None:
        self._media = media
        self._origin = origin
        self._limit = limit
        self._silence = silence
        self._connect = connect
        self._pauses = pauses
        self._insecure = insecure
        guard = None if insecure else _public_socket
        self._transport = Transport(context, connections=_CONNECTIONS, socket_factory=guard)
        self._own = Transport(context, connections=_CONNECTIONS)  # whom we call as it is

    async def download(
        self,
        link: str,
        slots: asyncio.Semaphore,
        check: Check[T],
        *,
        until: float,
        sure: bool = True,
    ) -> tuple[StoredFile, T]:
        """Fetch one picture and keep it if `check` lets it pass; raises what that raises.

        Raises DownloadFailed where there is nothing to check.

        It is tried again while that may help, until `until` of the loop's clock; less often where
        it is not `sure` that the link is a picture's. A try holds one of `slots`.
        """
        hopeful = sure or ("://" in link and names_picture(link))
        try:
            async with asyncio.timeout_at(until):
                for number, pause in enumerate(self._pauses):
                    try:
                        async with slots:
                            return await self._try(link, check)
                    except TryAgain as exc:
                        seconds = pause if exc.seconds is None else exc.seconds
                        late = asyncio.get_running_loop().time() + seconds >= until
                        if late or (number >= _FEW and (exc.hardly or not hopeful)):
                            raise
                    await asyncio.sleep(seconds)
                async with slots:
                    return await self._try(link, check)
        except TimeoutError:
            failed = DownloadFailed("it took too long")
        except DownloadFailed as exc:
            failed = exc
        log.warning("a linked picture could not be fetched", reason=str(failed))
        raise failed

    async def _try(self, link: str, check: Check[T]) -> tuple[StoredFile, T]:
        try:
            return await self._follow(self._origin.join(link), check)
        except TooLarge as exc:
            raise DownloadFailed("it is too large") from exc
        except (*ERRORS, ValueError) as exc:
            cause = exc.__cause__ or exc
            reason = f"the connection failed ({type(cause).__name__})"
            lasting = _lasting(cause)
            if isinstance(lasting, PermissionError):
                reason = "a private address, which ALLOW_INSECURE_PICTURE_URLS forbids"
            if lasting or isinstance(exc, httpx.InvalidURL):
                raise DownloadFailed(reason) from exc
            unknown = isinstance(cause, aiohttp.ClientConnectorDNSError)
            raise TryAgain(reason, hardly=unknown) from exc

    async def aclose(self) -> None:
        await self._transport.aclose()
        await self._own.aclose()

    async def _follow(self, url: httpx.URL, check: Check[T]) -> tuple[StoredFile, T]:
        headers = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "picturebot"}
        for _ in range(_REDIRECTS + 1):
            url = self._allowed(url)
            request = httpx.Request("GET", url, headers=headers)
            transport = self._own if self._is_own(url) else self._transport
            held = exchange(transport, request, connect=self._connect, silence=self._silence)
            async with held as response:
                target = response.headers.get("location")
                if not response.has_redirect_location or target is None:
                    return await self._keep(response, check)
            url = url.join(target)
        raise DownloadFailed("too many redirects")

    def _allowed(self, url: httpx.URL) -> httpx.URL:
        if url.scheme == "http" and not self._insecure and not self._is_own(url):
            url = url.copy_with(scheme="https", port=None if url.port == _HTTP else url.port)
        if url.scheme not in ("https", "http") or not url.host or url.userinfo:
            raise DownloadFailed("not a plain https link")
        return url

    def _is_own(self, url: httpx.URL) -> bool:
        own = self._origin
        return (url.scheme, url.host, url.port) == (own.scheme, own.host, own.port)

    async def _keep(self, response: httpx.Response, check: Check[T]) -> tuple[StoredFile, T]:
        status = response.status_code
        if status in _PASSING or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            header = response.headers.get("retry-after", "")
            raise TryAgain(f"status {status}", parse_retry_after(header, datetime.now(UTC)))
        if status != httpx.codes.OK:
            raise DownloadFailed(f"status {status}")
        async with self._media.writer(self._limit) as writer:
            broken = await _take(response, writer)
            try:
                return await writer.commit_checked(check)
            except ImageTruncated:
                if broken:
                    raise TryAgain("the connection broke before the picture was whole") from None
                raise


async def _take(response: httpx.Response, writer: Writer) -> bool:
    """Take a picture in; tells whether the connection broke, behind which it may be whole."""
    head, broken = b"", False
    try:
        async for piece in decoded(response):
            if len(head) < _HEAD:
                head = (head + piece)[:_HEAD]
                if len(head) == _HEAD and not _known(head):
                    break
            await writer.write(piece)
    except ERRORS:
        if sniff(head) not in _WITH_END:
            raise
        broken = True
    if not _known(head) and head[4:8] == b"ftyp":
        raise NoPicture("it is a film, not a picture")
    if not _known(head):
        raise NoPicture("it is no picture")
    return broken


def _lasting(error: BaseException | None) -> BaseException | None:
    """Find in an error and what caused it what will be the same at the next try."""
    while error is not None:
        if isinstance(error, _LASTING):
            return None if isinstance(error, ssl.SSLEOFError) else error
        error = getattr(error, "os_error", None) or error.__cause__
    return None


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
