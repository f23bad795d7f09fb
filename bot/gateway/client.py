"""A gateway's client: takes a request for pictures, gives an answer, whatever happens on the way."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from dataclasses import dataclass, field, replace
from http import HTTPStatus

import structlog

from bot.domain import Answer, CallReport, Drawn, MediaUnavailable, Outcome, OutcomeKind, Undrawn
from bot.gateway.circuit_breaker import GatewayCircuits
from bot.gateway.cost import compute_usage, unless_free
from bot.gateway.download import ImageDownloader
from bot.gateway.encoding import decoded
from bot.gateway.errors import CallFailed, CircuitOpen, ResponseTooLarge, hiding
from bot.gateway.image_extractor import ImageChunk
from bot.gateway.images import ImageSaver
from bot.gateway.receive import (
    RECORDED,
    Recording,
    ResponseLimits,
    ResponseReader,
    redacted_body,
)
from bot.gateway.request import ImageRequest, build_body
from bot.gateway.response import ParsedResponse
from bot.gateway.transport import ERRORS, Endpoint, ResponseHead, translate_error
from bot.media.decoding import DecodingProcesses
from bot.media.inputs import Inputs
from bot.media.store import TooLarge, Writer

OnText = Callable[[str], None]
Record = Callable[[Recording], None]
KeepChunks = Callable[[list[ImageChunk]], Awaitable[None]]

_MARGIN = 1.0  # seconds
_LOOK = 20.0  # seconds for the list of models
_SILENCE = 5.0  # seconds behind an answer's own end, where some gateways never end
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
log = structlog.get_logger(__name__)


class GatewayClient:
    """One OpenAI-compatible gateway. Nothing is ever asked twice.

    Linked pictures are fetched without its proxy; `allow_insecure_pictures` lets them come by http
    and from private addresses. `inputs` decode what nobody shows; without, the client has its own.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        name: str = "main",
        limits: ResponseLimits | None = None,
        allow_insecure_pictures: bool = False,
        inputs: Inputs | None = None,
    ) -> None:
        self.name, self.host = name, endpoint.host
        self._endpoint, media = endpoint, endpoint.media
        self._inputs = inputs or Inputs(media, DecodingProcesses(media.scratch))
        self._limits = limits or ResponseLimits()
        self._downloader = ImageDownloader(
            media,
            endpoint.context,
            origin=endpoint.origin,
            limit=self._limits.image,
            silence=self._limits.silence,
            connect=self._limits.connect,
            pauses=self._limits.pauses,
            insecure=allow_insecure_pictures,
        )
        self._circuits = GatewayCircuits(time.monotonic)

    @property
    def timeout(self) -> float:
        """For how many seconds a call lasts at most."""
        return self._endpoint.timeout

    def open_for(self, model: str | None = None) -> float:
        """Seconds for which it, or one model of it, is to be left alone after too many failures."""
        return self._circuits.open_for(model)

    def open_models(self) -> dict[str, float]:
        """The models that are to be left alone by themselves, and for how many seconds yet."""
        return self._circuits.models()

    def broken(self) -> list[str]:
        """The models, "" for the gateway itself, of which none has got through since too many failed."""
        return self._circuits.broken()

    async def generate(
        self,
        request: ImageRequest,
        on_text: OnText | None = None,
        record: Record | None = None,
        prompt: Hashable = None,
    ) -> Answer:
        """Ask for pictures; they are in the media store when this returns.

        `on_text` is given the model's words so far while they come in a stream, `record` what was
        answered. `prompt` tells calls of one prompt, which fail as one. While the gateway or the model
        is left alone nothing is asked, and it is as unreachable. Raises nothing but CancelledError, which closes the connection and leaves no file behind: every
        failure is an Undrawn, with the report of its call.
        """
        call = _Call(request, asyncio.get_running_loop().time())
        try:
            permit, report = self._circuits.begin(request.profile.name), None
        except CircuitOpen as exc:
            failed = CallFailed(OutcomeKind.UNAVAILABLE, str(exc), repeatable=True)
            refused = call.answer(call.fail(failed), call.began)
            return replace(refused, report=replace(refused.report, asked=False))
        try:
            with hiding(self._endpoint.key.get_secret_value()):
                outcome = await self._outcome(call, on_text, record)
                answer = call.answer(outcome, asyncio.get_running_loop().time())
            report = answer.report
        finally:
            self._circuits.end(request.profile.name, permit, report, prompt)
        log.debug(
            "gateway answered",
            gateway=self.name,
            kind=report.kind.value,
            status=report.http_status,
            **report.logged,
            milliseconds=report.latency_ms,
        )
        return answer

    async def complaint(self) -> CallFailed | None:
        """Ask for the list of models, which is free; tells a refused key, and that nobody answers."""
        try:
            async with asyncio.timeout(_LOOK):
                status = await self._endpoint.status("models")
        except CallFailed as failed:
            return failed
        except TimeoutError:
            return CallFailed(OutcomeKind.TIMEOUT, f"no answer within {_LOOK:.0f} s")
        if status == HTTPStatus.UNAUTHORIZED:
            return CallFailed(OutcomeKind.BAD_KEY, "the key is refused")
        return None

    async def aclose(self) -> None:
        await self._endpoint.aclose()
        await self._downloader.aclose()
        await self._inputs.processes.close()

    async def _outcome(self, call: _Call, on_text: OnText | None, record: Record | None) -> Outcome:
        try:
            until = asyncio.get_running_loop().time() + self._endpoint.timeout
            async with asyncio.timeout_at(until):
                return await self._ask(call, on_text, record, until)
        except TimeoutError:
            return call.fail(self._too_late())
        except CallFailed as exc:
            return call.fail(exc)
        except OSError as exc:
            if exc.errno not in _FULL:
                raise
            log.error("an answer found no room on the disk", error=exc.strerror)  # noqa: TRY400
            return Undrawn(OutcomeKind.NO_ROOM, exc.strerror or "")
        except MediaUnavailable as exc:
            log.error("an answer cannot be kept", error=exc.reason)  # noqa: TRY400 - expected
            return Undrawn(OutcomeKind.INTERNAL, "pictures cannot be kept now")
        except Exception as exc:
            # The promise of `generate`: a job must end, also by our own mistake.
            log.exception("gateway call failed")
            return Undrawn(OutcomeKind.INTERNAL, type(exc).__name__)

    async def _ask(
        self, call: _Call, on_text: OnText | None, record: Record | None, until: float
    ) -> Drawn:
        limits, profile = self._limits, call.request.profile
        reader = ResponseReader(
            limit=limits.remainder,
            images=limits.images,
            on_text=self._guarded(on_text) if on_text else None,
            record=RECORDED if record else 0,
        )
        async with contextlib.AsyncExitStack() as stack:
            try:
                writers, broken = await self._receive(call, reader, stack, until)
                call.response = reader.response(call.head.status or 0, broken)
            finally:
                if record and call.head.status is not None:
                    record(
                        Recording(
                            status=call.head.status,
                            content_type=call.head.content_type,
                            body=redacted_body(reader, self._endpoint.key.get_secret_value()),
                            stream=reader.is_stream,
                            shape=call.response.shape,
                        )
                    )
            saver = ImageSaver(
                media=self._endpoint.media,
                inputs=self._inputs,
                downloader=self._downloader,
                limits=limits,
                writers=writers,
                keep=profile.keep,
                allow_svg=profile.vector,
                until=until,
            )
            return await saver.save(call.response)

    async def _receive(
        self, call: _Call, reader: ResponseReader, stack: contextlib.AsyncExitStack, until: float
    ) -> tuple[dict[int, Writer], CallFailed | None]:
        """Take the answer in; gives its images as files, which `stack` removes unless committed.

        Also tells why no more of it came, where it did not end as HTTP ends: what is whole in it
        is the answer all the same. One that has its own end is not waited for any longer.
        """
        body = build_body(call.request)
        accept = "text/event-stream" if call.request.profile.stream else "application/json"
        writers: dict[int, Writer] = {}

        async def keep(chunks: list[ImageChunk]) -> None:
            for chunk in chunks:
                if chunk.index not in writers:
                    opened = self._endpoint.media.writer(self._limits.image)
                    writers[chunk.index] = await stack.enter_async_context(opened)
                if not writers[chunk.index].is_over:
                    with contextlib.suppress(TooLarge):  # what stands beside it is taken
                        await writers[chunk.index].write(chunk.data)

        async with self._endpoint.post(body, accept=accept) as response:
            call.head.take(response)
            latest = until - self._margin
            broken = await self._take(decoded(response), reader, keep, latest)
            await keep(reader.finish())
        return writers, broken

    async def _take(
        self, pieces: AsyncIterator[bytes], reader: ResponseReader, keep: KeepChunks, latest: float
    ) -> CallFailed | None:
        """Take a body as long as it comes; tells why no more of it came, if it did not end.

        Behind an answer's own end it is not waited for as long as until `latest`.
        """
        loop, left, whole, keeping = asyncio.get_running_loop(), self._limits.body, False, False
        try:
            async with asyncio.timeout_at(latest) as patience:
                async for piece in pieces:
                    keeping = True
                    await keep(reader.feed(piece[:left]))
                    keeping = False
                    left -= len(piece)
                    piece = b""  # noqa: PLW2901 - it is large, and the next may be long in coming
                    if left < 0:
                        detail = f"more than {self._limits.body} bytes"
                        return CallFailed(OutcomeKind.UNREADABLE, detail)
                    if reader.is_full:
                        return ResponseTooLarge(self._limits.remainder)
                    if reader.done:
                        break
                    was_whole, whole = whole, reader.is_whole
                    if whole or was_whole:
                        soon = min(latest, loop.time() + _SILENCE)
                        patience.reschedule(soon if whole else latest)
        except TimeoutError:
            if keeping:  # a picture may lack what was being written
                raise
            return self._too_late()
        except ERRORS as exc:
            return translate_error(exc)
        return None

    def _too_late(self) -> CallFailed:
        detail = f"no whole answer in {self._endpoint.timeout:g} s"
        return CallFailed(OutcomeKind.TIMEOUT, detail)

    @property
    def _margin(self) -> float:
        """Seconds of a call's time that are left to keep what has come."""
        return min(_MARGIN, self._endpoint.timeout / 10)

    def _guarded(self, on_text: OnText) -> OnText:
        """Keep the key's beginning out of what is shown, and the caller's mistakes out of us."""

        def show(text: str) -> None:
            try:
                on_text(self._without_key_beginning(text))
            except Exception:
                log.exception("showing the model's words failed")

        return show

    def _without_key_beginning(self, text: str) -> str:
        """Leave out what may become our key with the next words; a whole key is blanked before."""
        key = self._endpoint.key.get_secret_value()
        ends = range(min(len(key) - 1, len(text)), 0, -1)
        size = next((end for end in ends if text.endswith(key[:end])), 0)
        return text[: len(text) - size]


@dataclass(slots=True)
class _Call:
    """What is known of a call so far, for its report; `began` in seconds of the loop's clock."""

    request: ImageRequest
    began: float
    head: ResponseHead = field(default_factory=ResponseHead)
    response: ParsedResponse = field(default_factory=ParsedResponse)
    repeatable: bool = False

    def fail(self, failed: CallFailed) -> Undrawn:
        self.repeatable = failed.repeatable
        return Undrawn(failed.kind, failed.detail)

    def answer(self, outcome: Outcome, ended: float) -> Answer:
        pictures = len(outcome.pictures) if isinstance(outcome, Drawn) else 0
        head, response, request = self.head, self.response, self.request
        usage = compute_usage(
            response.tokens,
            response.cost,
            head.cost,
            request.profile.price,
            pictures,
            request.size,
        )
        kind = OutcomeKind.DRAWN if isinstance(outcome, Drawn) else outcome.kind
        report = CallReport(
            kind=kind,
            usage=unless_free(usage, kind, head.status),
            http_status=head.status,
            finish_reason=response.finish_reason,
            native_reason=response.native_reason,
            model_returned=response.model,
            upstream_id=response.id or head.request_id,
            latency_ms=round((ended - self.began) * 1000),
            detail=outcome.detail if isinstance(outcome, Undrawn) else "",
            repeatable=self.repeatable,
            retry_after=None if pictures else head.retry_after,
        )
        return Answer(outcome, report)
