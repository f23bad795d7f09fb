"""A gateway: takes an order, gives an answer, whatever happens on the way."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import structlog

from bot.domain import Answer, Drawn, Outcome, OutcomeKind, Undrawn
from bot.upstream.breaker import Breaker, Resting
from bot.upstream.call import Call
from bot.upstream.encode import Body, Input, Order, encode
from bot.upstream.errors import Failed, hiding
from bot.upstream.fetch import Fetcher
from bot.upstream.intake import Intake
from bot.upstream.pictures import Pictures
from bot.upstream.receive import Limits, receive
from bot.upstream.recording import LARGEST, Recording, disguised
from bot.upstream.transport import ERRORS, Transport, exchange, translated
from bot.upstream.upload import Upload

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

    from bot.domain import CallReport
    from bot.media.store import MediaStore, Writer

    Hear = Callable[[str], None]
    Record = Callable[[Recording], None]

__all__ = ["Gateway", "Input", "Limits", "Order", "Recording"]

_JSON = "application/json"

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
log = structlog.get_logger(__name__)


class Gateway:
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
        self._fetcher = Fetcher(
            media,
            context,
            limit=self._limits.picture,
            timeout=self._limits.fetch,
            connect=self._limits.connect,
            insecure=allow_insecure_pictures,
        )
        self._breaker = Breaker(lambda: asyncio.get_running_loop().time())
        self.host: str = httpx.URL(self._url).host

    def open_for(self) -> float:
        """Seconds for which it is to be left alone, after too many failures; 0 if it is well."""
        return self._breaker.open_for()

    async def draw(
        self, order: Order, progress: Hear | None = None, record: Record | None = None
    ) -> Answer:
        """Ask for pictures; they are in the media store when this returns.

        `progress` is given the model's words so far while they come in a stream, `record` what was
        answered. While the gateway is left alone nothing is asked, and it is as unreachable. Raises
        nothing but CancelledError, which closes the connection and leaves no file behind: every
        failure is an Undrawn, with the report of its call.
        """
        call = Call(order, asyncio.get_running_loop().time())
        try:
            trial, report = self._breaker.begin(), None
        except Resting as exc:
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
        self, order: Order, call: Call, progress: Hear | None, record: Record | None
    ) -> Outcome:
        try:
            until = asyncio.get_running_loop().time() + self._timeout
            async with asyncio.timeout_at(until):
                return await self._ask(order, call, progress, record, until)
        except TimeoutError:
            return Undrawn(OutcomeKind.TIMEOUT, f"no whole answer in {self._timeout:g} s")
        except Failed as exc:
            return call.fail(exc)
        except OSError as exc:
            if exc.errno not in _FULL:
                raise
            log.error("an answer found no room on the disk", error=exc.strerror)  # noqa: TRY400
            return Undrawn(OutcomeKind.NO_ROOM, exc.strerror or "")
        except Exception as exc:
            # The promise of `draw`: a job must end, also by our own mistake.
            log.exception("gateway call failed")
            return Undrawn(OutcomeKind.INTERNAL, type(exc).__name__)

    async def _ask(
        self,
        order: Order,
        call: Call,
        progress: Hear | None,
        record: Record | None,
        until: float,
    ) -> Drawn:
        intake = Intake(
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
            pictures = Pictures(
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
        self, order: Order, intake: Intake, call: Call, files: contextlib.AsyncExitStack
    ) -> dict[int, Writer]:
        body = encode(order)
        upload = Upload(body, self._media)
        headers = self._headers(body, "text/event-stream" if order.profile.stream else _JSON)
        request = httpx.Request("POST", f"{self._url}/{body.route}", headers=headers, stream=upload)
        try:
            async with exchange(self._transport, request, connect=self._connect) as response:
                call.begin(response, datetime.now(UTC))
                return await receive(response.aiter_raw(), intake, self._media, self._limits, files)
        except ERRORS as exc:
            raise upload.failed or translated(exc) from exc
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

    def _recording(self, intake: Intake, call: Call) -> Recording:
        body = disguised(intake, self._key.get_secret_value())
        return Recording(
            call.status or 0, call.content_type, body, intake.stream, call.reading.shape
        )

    def _without_beginning(self, words: str) -> str:
        """Leave out what may become our key with the next words; a whole key is blanked before."""
        key = self._key.get_secret_value()
        ends = range(min(len(key) - 1, len(words)), 0, -1)
        size = next((end for end in ends if words.endswith(key[:end])), 0)
        return words[: len(words) - size]
