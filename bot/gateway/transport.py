"""HTTP to the outside: aiohttp under httpx, in large pieces, its failures told apart."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Self

import aiohttp
import httpx
import pybase64
from aiohttp.connector import SocketFactoryType
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import AiohttpResponseStream
from pydantic import SecretStr
from yarl import URL

from bot.domain import InputError, MediaUnavailable, OutcomeKind
from bot.gateway.errors import CallFailed, parse_retry_after, plain
from bot.gateway.intake import Intake
from bot.gateway.json import amount
from bot.gateway.request import Body, RawFile
from bot.media.store import MediaStore

# Beyond twice this aiohttp stops reading; what the loop reads at once comes on top of it.
_HELD = 16 * 1024
_UNREAD = 4 * 1024 * 1024  # bytes of all answers of a transport
# Some gateways close idle connections after 5 s; a request that crosses that close is lost, and
# nobody knows whether it was paid.
_IDLE = 3.0
_HEADER = 64 * 1024  # bytes of one header, or of the status line
_READ = 384 * 1024  # bytes of a file; a trip to a thread for each costs more than what is in it

# Nothing was sent: no connection, no free one in time, or a proxy that would not lead on.
_UNCONNECTED = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
)
ERRORS = (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError)
Read = Callable[[str, int], AsyncIterator[bytes]]


_address: ContextVar[str] = ContextVar("address")


async def _exactly(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Ask for the very address: aiohttp would write `%28` as `(`, and signatures count each letter."""
    request.url = URL(_address.get(), encoded=True)
    return await handler(request)


class Transport(AiohttpTransport):
    """An httpx transport with our own session: no cookies, no environment, at most `connections`.

    `socket_factory` may refuse an address by raising OSError. `proxy` is an http URL or empty.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        connections: int,
        socket_factory: SocketFactoryType | None = None,
        proxy: str = "",
    ) -> None:
        super().__init__(verify=context, proxy=_proxy(proxy) if proxy else None)
        self._connections = connections
        self._socket_factory = socket_factory

    def get_client(self) -> aiohttp.ClientSession:
        """Open the session, at the first request: it needs the running loop."""
        connector = aiohttp.TCPConnector(
            limit=self._connections,
            ssl=self.ssl_context,
            keepalive_timeout=_IDLE,
            socket_factory=self._socket_factory,
        )
        Intake(_UNREAD).govern(connector)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_HELD,
            max_line_size=_HEADER,
            max_field_size=_HEADER,
            middlewares=(_exactly,),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        token = _address.set(str(request.url))
        try:
            response = await super().handle_async_request(request)
        finally:
            _address.reset(token)
        if isinstance(response.stream, AiohttpResponseStream):
            response.stream = _ReceivedBody(response.stream._aiohttp_response)  # noqa: SLF001
        return response


class _ReceivedBody(AiohttpResponseStream):
    """A body in pieces as large as they were read; of one that breaks off all is given that had come.

    No generator: that would hold each piece until the next one comes, as httpx-aiohttp's does, whose
    pieces are of 16 KiB besides.
    """

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        content = self._aiohttp_response.content
        if broken := content.exception():  # with one it gives nothing more
            content.set_exception(None)  # type: ignore[arg-type]
            rest = content.read_nowait()
            content.set_exception(broken)
            if rest:
                return rest
        piece = await content.readany()
        if not piece:
            raise StopAsyncIteration
        return piece


def _proxy(url: str) -> httpx.Proxy:
    """Take name and password out of a proxy's URL.

    aiohttp takes them as the header that it turns into Proxy-Authorization; what httpx-aiohttp
    would use instead is going to be removed from aiohttp.
    """
    proxy = httpx.Proxy(url)
    if proxy.raw_auth:
        credentials = pybase64.b64encode(b":".join(proxy.raw_auth)).decode()
        proxy.headers["Authorization"] = f"Basic {credentials}"
        proxy.auth = None
    return proxy


@contextlib.asynccontextmanager
async def exchange(
    transport: Transport, request: httpx.Request, *, connect: float, silence: float | None = None
) -> AsyncIterator[httpx.Response]:
    """Send a request and hold its answer open; leaving closes what was not read.

    The transport is used without a client: no redirect is followed, no cookie kept, and the
    answer holds no reference to itself. `connect` in seconds, `silence` how long nothing may come;
    the caller bounds the whole.
    """
    request.extensions["timeout"] = {"connect": connect, "read": silence}
    response = await transport.handle_async_request(request)
    try:
        yield response
    finally:
        with contextlib.suppress(*ERRORS):
            await response.aclose()


class Endpoint:
    """A gateway's API, asked through `POST {url}/{route}`.

    `timeout` in seconds is what callers give a whole call, `connect` what a connection gets.
    `proxy` is an http URL, or empty.
    """

    def __init__(
        self,
        url: str,
        key: SecretStr,
        media: MediaStore,
        *,
        timeout: float,
        connect: float = 10.0,
        connections: int = 32,
        proxy: str = "",
    ) -> None:
        self.host: str = httpx.URL(url).host
        self.origin: httpx.URL = httpx.URL(url).copy_with(path="/", query=None, fragment=None)
        self.key, self.media, self.timeout = key, media, timeout
        self.context = httpx.create_ssl_context()
        self._url, self._connect = url.rstrip("/"), connect
        self._transport = Transport(self.context, connections=connections, proxy=proxy)

    async def aclose(self) -> None:
        await self._transport.aclose()

    @contextlib.asynccontextmanager
    async def post(self, body: Body, *, accept: str) -> AsyncIterator[httpx.Response]:
        """Send a body once and hold the answer open; raises CallFailed if the exchange breaks."""
        stream = BodyStream(body, self.media)
        headers = {
            "Authorization": f"Bearer {self.key.get_secret_value()}",
            "Content-Type": body.content_type,
            "Content-Length": str(body.length),
            "Accept": accept,
            # Base64 of a picture hardly shrinks: it is not worth the time.
            "Accept-Encoding": "identity",
            "User-Agent": "picturebot",
        }
        url = f"{self._url}/{body.route}"
        whole = body.whole  # a stream costs a trip to a thread
        given = {"stream": stream} if whole is None else {"content": whole}
        request = httpx.Request("POST", url, headers=headers, **given)
        try:
            async with exchange(self._transport, request, connect=self._connect) as response:
                yield response
        except ERRORS as exc:
            raise stream.failed or translate_error(exc) from exc

    async def status(self, route: str) -> int:
        """Tell how `GET {url}/{route}` is answered, without its body; raises CallFailed as `post`."""
        headers = {"Authorization": f"Bearer {self.key.get_secret_value()}"}
        request = httpx.Request("GET", f"{self._url}/{route}", headers=headers)
        try:
            async with exchange(self._transport, request, connect=self._connect) as response:
                return response.status_code
        except ERRORS as exc:
            raise translate_error(exc) from exc


@dataclass(slots=True)
class ResponseHead:
    """What an answer's head says, for as much of it as came; `cost` in US dollars."""

    status: int | None = None
    content_type: str = ""
    request_id: str | None = None
    cost: Decimal | None = None
    retry_after: float | None = None  # seconds

    def take(self, response: httpx.Response) -> None:
        headers = response.headers
        self.status = response.status_code
        self.content_type = plain(headers.get("content-type", ""), 200)
        request_id = headers.get("x-oneapi-request-id") or headers.get("x-request-id")
        self.request_id = plain(request_id, 200) if request_id else None
        self.cost = amount(headers.get("x-litellm-response-cost", ""))
        self.retry_after = parse_retry_after(headers.get("retry-after", ""), datetime.now(UTC))


def translate_error(error: Exception) -> CallFailed:
    """Tell what a broken exchange means.

    httpx-aiohttp says ConnectTimeout for a server that hangs up after it was sent everything;
    only the cause tells whether the request can have been bought. UNAVAILABLE: it was not.
    """
    cause = error if isinstance(error, aiohttp.ClientError) else error.__cause__ or error
    name = type(cause).__name__
    if isinstance(cause, _UNCONNECTED):
        return CallFailed(OutcomeKind.UNAVAILABLE, f"cannot connect ({name})", repeatable=True)
    if isinstance(cause, aiohttp.ServerTimeoutError):
        return CallFailed(OutcomeKind.TIMEOUT, f"no answer in time ({name})")
    detail = f"the connection broke before the answer was whole ({name})"
    return CallFailed(OutcomeKind.CUT_OFF, detail)


class BodyStream(httpx.AsyncByteStream):
    """The request's body as it is sent: remembers why it could not be.

    aiohttp sends it from a task of its own and drops it where it stands when the answer comes
    first, or when it is cancelled: nothing is open then.
    """

    def __init__(self, body: Body, media: MediaStore) -> None:
        self.failed: CallFailed | None = None
        self._body, self._media = body, media

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in read_body(self._body, self._media.read):
                yield piece
        except (InputError, ValueError) as exc:
            detail = f"an input picture is not there: {exc}"
            self.failed = CallFailed(OutcomeKind.BAD_INPUT, detail)
            raise
        except MediaUnavailable:
            self.failed = CallFailed(OutcomeKind.INTERNAL, "pictures cannot be read now")
            raise


async def read_body(body: Body, read: Read) -> AsyncIterator[bytes]:
    """Yield the body's bytes; `read(sha256, piece)` opens a kept file.

    A file that is not as long as it was said to be raises ValueError: the length is promised.
    """
    for part in body.parts:
        if isinstance(part, bytes):
            yield part
            continue
        raw = isinstance(part, RawFile)
        file = part.file if isinstance(part, RawFile) else part
        total, carry = 0, b""
        async for piece in read(file.sha256, _READ):
            total += len(piece)
            data = carry + piece if carry else piece
            whole = len(data) if raw else len(data) - len(data) % 3
            carry = data[whole:]
            yield data if raw else pybase64.b64encode(memoryview(data)[:whole])
        if total != file.size:
            raise ValueError(f"a kept picture has {total} bytes instead of {file.size}")
        if carry:
            yield pybase64.b64encode(carry)
