"""A gateway: takes an order, gives an answer, whatever happens on the way."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import structlog

from bot.domain import Answer, CallReport, Drawn, Outcome, OutcomeKind, Undrawn
from bot.gateway.circuit_breaker import CircuitBreaker, CircuitOpen
from bot.gateway.cost import compute_usage
from bot.gateway.download import ImageDownloader
from bot.gateway.errors import CallFailed, hiding, parse_retry_after, plain, unexplained
from bot.gateway.images import ImageSaver
from bot.gateway.json import amount
from bot.gateway.receive import Limits, ResponseReader, receive
from bot.gateway.recording import LARGEST, Recording, redacted_body
from bot.gateway.request import Body, ImageRequest, build_body
from bot.gateway.response import ParsedResponse
from bot.gateway.transport import ERRORS, Transport, Upload, exchange, translate_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

    from bot.media.store import MediaStore, Writer

    Hear = Callable[[str], None]
    Record = Callable[[Recording], None]
    from decimal import Decimal

    from bot.domain import Outcome
    from bot.gateway.request import ImageRequest


_JSON = "application/json"

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
log = structlog.get_logger(__name__)


class GatewayClient:
    """One OpenAI-compatible gateway, asked through `POST {url}/{route}`.

    `timeout` is in seconds, for a whole answer, `connect_timeout` for a connection. `proxy` is an
    http URL, or empty; linked pictures are fetched without it. `allow_insecure_pictures` lets them
    come by http and from private addresses. Nothing is ever asked twice.
    """

    def __init__(
        self,
        *,
        url: str,
        key: SecretStr,
        media: MediaStore,
        timeout: float,
        limits: Limits | None = None,
        connections: int = 256,
        allow_insecure_pictures: bool = False,
        name: str = "main",
        connect_timeout: float = 10.0,
        proxy: str = "",
    ) -> None:
        self.name = name
        self._url = url.rstrip("/")
        self._key = key
        self._media = media
        self._timeout = timeout
        self._connect = connect_timeout
        self._limits = limits or Limits()
        context = httpx.create_ssl_context()
        self._transport = Transport(context, connections=connections, proxy=proxy)
        self._fetcher = ImageDownloader(
            media,
            context,
            limit=self._limits.picture,
            timeout=self._limits.fetch,
            connect=self._limits.connect,
            insecure=allow_insecure_pictures,
        )
        self._breaker = CircuitBreaker(lambda: asyncio.get_running_loop().time())
        self.host: str = httpx.URL(self._url).host

    def open_for(self) -> float:
        """Seconds for which it is to be left alone, after too many failures; 0 if it is well."""
        return self._breaker.open_for()

    async def generate(
        self, order: ImageRequest, progress: Hear | None = None, record: Record | None = None
    ) -> Answer:
        """Ask for pictures; they are in the media store when this returns.

        `progress` is given the model's words so far while they come in a stream, `record` what was
        answered. While the gateway is left alone nothing is asked, and it is as unreachable. Raises
        nothing but CancelledError, which closes the connection and leaves no file behind: every
        failure is an Undrawn, with the report of its call.
        """
        call = CallLog(order, asyncio.get_running_loop().time())
        try:
            trial, report = self._breaker.begin(), None
        except CircuitOpen as exc:
            return call.refuse(str(exc))
        try:
            with hiding(self._key.get_secret_value()):
                outcome = await self._outcome(order, call, progress, record)
                answer = call.answer(outcome, asyncio.get_running_loop().time())
            report = answer.report
        finally:
            self._breaker.end(trial=trial, report=report)
        self._log(report)
        return answer

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()
        await self._fetcher.aclose()

    def _log(self, report: CallReport) -> None:
        log.debug(
            "gateway answered",
            gateway=self.name,
            kind=report.kind.value,
            status=report.http_status,
            reason=report.detail[:200],
            milliseconds=report.latency_ms,
        )

    async def _outcome(
        self, order: ImageRequest, call: CallLog, progress: Hear | None, record: Record | None
    ) -> Outcome:
        try:
            until = asyncio.get_running_loop().time() + self._timeout
            async with asyncio.timeout_at(until):
                return await self._ask(order, call, progress, record, until)
        except TimeoutError:
            return Undrawn(OutcomeKind.TIMEOUT, f"no whole answer in {self._timeout:g} s")
        except CallFailed as exc:
            return call.fail(exc)
        except OSError as exc:
            if exc.errno not in _FULL:
                raise
            log.error("an answer found no room on the disk", error=exc.strerror)  # noqa: TRY400
            return Undrawn(OutcomeKind.NO_ROOM, exc.strerror or "")
        except Exception as exc:
            # The promise of `generate`: a job must end, also by our own mistake.
            log.exception("gateway call failed")
            return Undrawn(OutcomeKind.INTERNAL, type(exc).__name__)

    async def _ask(
        self,
        order: ImageRequest,
        call: CallLog,
        progress: Hear | None,
        record: Record | None,
        until: float,
    ) -> Drawn:
        intake = ResponseReader(
            skeleton=self._limits.skeleton,
            pictures=self._limits.pictures,
            hear=self._guarded(progress) if progress else None,
            record=LARGEST if record else 0,
        )
        async with contextlib.AsyncExitStack() as files:
            try:
                writers = await self._exchange(order, intake, call, files)
                call.reading = intake.read(call.status or 0)
            finally:
                if record and call.status is not None:
                    record(self._recording(intake, call))
            pictures = ImageSaver(
                media=self._media,
                fetcher=self._fetcher,
                limits=self._limits,
                writers=writers,
                keep=order.profile.keep,
                vector=order.profile.vector,
                until=until,
            )
            return await pictures.drawn(call.reading)

    async def _exchange(
        self,
        order: ImageRequest,
        intake: ResponseReader,
        call: CallLog,
        files: contextlib.AsyncExitStack,
    ) -> dict[int, Writer]:
        body = build_body(order)
        upload = Upload(body, self._media)
        headers = self._headers(body, "text/event-stream" if order.profile.stream else _JSON)
        request = httpx.Request("POST", f"{self._url}/{body.route}", headers=headers, stream=upload)
        try:
            async with exchange(self._transport, request, connect=self._connect) as response:
                call.begin(response, datetime.now(UTC))
                return await receive(response.aiter_raw(), intake, self._media, self._limits, files)
        except ERRORS as exc:
            raise upload.failed or translate_error(exc) from exc
        finally:
            await upload.aclose()

    def _headers(self, body: Body, accept: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._key.get_secret_value()}",
            "Content-Type": body.content_type,
            "Content-Length": str(body.length),
            "Accept": accept,
            # Base64 of a picture hardly shrinks, and a compressed body could unpack to anything.
            "Accept-Encoding": "identity",
            "User-Agent": "picturebot",
        }

    def _guarded(self, progress: Hear) -> Hear:
        """Keep the key's beginning out of what is heard, and the hearer's mistakes out of us."""

        def hear(words: str) -> None:
            try:
                progress(self._without_beginning(words))
            except Exception:
                log.exception("showing the model's words failed")

        return hear

    def _recording(self, intake: ResponseReader, call: CallLog) -> Recording:
        body = redacted_body(intake, self._key.get_secret_value())
        return Recording(
            call.status or 0, call.content_type, body, intake.stream, call.reading.shape
        )

    def _without_beginning(self, words: str) -> str:
        """Leave out what may become our key with the next words; a whole key is blanked before."""
        key = self._key.get_secret_value()
        ends = range(min(len(key) - 1, len(words)), 0, -1)
        size = next((end for end in ends if words.endswith(key[:end])), 0)
        return words[: len(words) - size]


class CallLog:
    """One call; `began` in seconds of the loop's clock."""

    def __init__(self, order: ImageRequest, began: float) -> None:
        self.status: int | None = None
        self.content_type = ""
        self.reading = ParsedResponse()
        self._order = order
        self._began = began
        self._repeatable = False
        self._retry_after: float | None = None
        self._request_id: str | None = None
        self._header_cost: Decimal | None = None

    def begin(self, response: httpx.Response, now: datetime) -> None:
        """Take what the answer's head says; raises Failed if its body cannot be read."""
        self.status = response.status_code
        headers = response.headers
        self.content_type = plain(headers.get("content-type", ""), 200)
        ids = (headers.get(name) for name in ("x-oneapi-request-id", "x-request-id"))
        self._request_id = next((plain(found, 200) for found in ids if found), None)
        self._header_cost = amount(headers.get("x-litellm-response-cost", ""))
        self._retry_after = parse_retry_after(headers.get("retry-after", ""), now)
        if headers.get("content-encoding", "identity") != "identity":
            raise unexplained(self.status, "a compressed body, though none was asked for")

    def fail(self, failed: CallFailed) -> Undrawn:
        """Take a failure, and make it an outcome."""
        self._repeatable = failed.repeatable
        return Undrawn(failed.kind, failed.detail)

    def refuse(self, detail: str) -> Answer:
        """Make the answer of a call that was not made."""
        self._repeatable = True
        return self.answer(Undrawn(OutcomeKind.UNAVAILABLE, detail), self._began)

    def answer(self, outcome: Outcome, ended: float) -> Answer:
        """Make the answer of an outcome."""
        drawn = len(outcome.pictures) if isinstance(outcome, Drawn) else 0
        reading = self.reading
        report = CallReport(
            kind=OutcomeKind.DRAWN if isinstance(outcome, Drawn) else outcome.kind,
            usage=compute_usage(
                reading.counts,
                self._header_cost,
                self._order.profile.price,
                drawn,
                self._order.size,
            ),
            http_status=self.status,
            finish_reason=reading.finish_reason,
            native_reason=reading.native_reason,
            model_returned=reading.model,
            upstream_id=reading.id or self._request_id,
            latency_ms=round((ended - self._began) * 1000),
            detail=outcome.detail if isinstance(outcome, Undrawn) else "",
            repeatable=self._repeatable,
            retry_after=None if drawn else self._retry_after,
        )
        return Answer(outcome, report)
