"""A gateway: takes an order, gives an answer, whatever happens on the way."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import structlog

from bot.domain import (
    Answer,
    CallReport,
    Drawn,
    InputError,
    InputProblem,
    Outcome,
    OutcomeKind,
    Picture,
    Undrawn,
)
from bot.media.inspect import inspect
from bot.upstream.decode import Reading, amount, read
from bot.upstream.encode import Body, Input, Order, encode, stream
from bot.upstream.errors import Failed, plain
from bot.upstream.fetch import Fetcher, Unfetched
from bot.upstream.places import Cut, Link, without
from bot.upstream.receive import Catch, Limits, receive
from bot.upstream.transport import ERRORS, Transport, exchange, translated
from bot.upstream.usage import usage
from bot.upstream.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from decimal import Decimal

    from pydantic import SecretStr

    from bot.media.store import MediaStore, Stored
    from bot.upstream.places import Found

__all__ = ["Gateway", "Input", "Limits", "Order"]

_LINKS = 4  # of a text; more are no pictures, and each costs time

log = structlog.get_logger(__name__)


class Gateway:
    """One OpenAI-compatible gateway, asked through `POST {url}/chat/completions`.

    `timeout` is in seconds, for a whole answer. `allow_insecure_pictures` lets linked pictures
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
    ) -> None:
        self._url = httpx.URL(f"{url.rstrip('/')}/chat/completions")
        self._key = key
        self._media = media
        self._timeout = timeout
        self._limits = limits or Limits()
        context = httpx.create_ssl_context()
        self._transport = Transport(context, connections=connections)
        self._fetcher = Fetcher(
            media,
            context,
            limit=self._limits.picture,
            timeout=self._limits.fetch,
            connect=self._limits.connect,
            insecure=allow_insecure_pictures,
        )
        self.host: str = self._url.host

    async def draw(self, order: Order) -> Answer:
        """Ask for pictures; they are in the media store when this returns.

        Raises nothing but CancelledError, which closes the connection and leaves no file behind:
        every failure is an Undrawn, with the report of its call.
        """
        call = _Call(order, asyncio.get_running_loop().time())
        outcome = self._without_key(await self._outcome(order, call))
        answer = call.answer(outcome, asyncio.get_running_loop().time())
        report = answer.report
        log.debug(
            "gateway answered",
            kind=report.kind.value,
            status=report.http_status,
            reason=report.detail[:200],
            milliseconds=report.latency_ms,
        )
        return answer

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()
        await self._fetcher.aclose()

    async def _outcome(self, order: Order, call: _Call) -> Outcome:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._ask(order, call)
        except TimeoutError:
            return Undrawn(OutcomeKind.TIMEOUT, f"no whole answer in {self._timeout:g} s")
        except Failed as exc:
            return Undrawn(exc.kind, exc.detail)
        except Exception as exc:
            # The promise of `draw`: a job must end, also by our own mistake or a full disk.
            log.exception("gateway call failed")
            return Undrawn(OutcomeKind.INTERNAL, type(exc).__name__)

    async def _ask(self, order: Order, call: _Call) -> Outcome:
        async with contextlib.AsyncExitStack() as files:
            catch = await self._exchange(encode(order), call, files)
            reading = read(catch.skeleton, call.status or 0)
            call.reading = reading
            if reading.error and not httpx.codes.is_success(call.status or 0):
                raise reading.error
            return await self._drawn(reading, catch)

    async def _exchange(self, body: Body, call: _Call, files: contextlib.AsyncExitStack) -> Catch:
        upload = _Upload(body, self._media)
        request = httpx.Request("POST", self._url, headers=self._headers(body), stream=upload)
        try:
            async with exchange(self._transport, request, connect=self._limits.connect) as response:
                call.begin(response)
                return await receive(response.aiter_raw(), self._media, self._limits, files)
        except ERRORS as exc:
            raise upload.failed or translated(exc) from exc
        finally:
            await upload.aclose()

    def _headers(self, body: Body) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._key.get_secret_value()}",
            "Content-Type": "application/json",
            "Content-Length": str(body.length),
            "Accept": "application/json",
            # Base64 of a picture hardly shrinks, and a compressed body could unpack to anything.
            "Accept-Encoding": "identity",
            "User-Agent": "picturebot",
        }

    async def _drawn(self, reading: Reading, catch: Catch) -> Drawn:
        """Keep the pictures of the best place that has any; raises Failed if there are none."""
        spoiled = ""
        for tier in (reading.pictures, reading.marked):
            kept, wrong = await self._tier(tier[: self._limits.pictures], catch)
            if kept:
                return Drawn(_distinct(kept.values()), reading.text)
            spoiled = spoiled or wrong
        # A mere link that is no picture is part of a text, and nothing is wrong with it.
        kept, _ = await self._tier(() if spoiled else reading.linked[:_LINKS], catch)
        if kept:
            links = {found.url for found in kept if isinstance(found, Link)}
            return Drawn(_distinct(kept.values()), without(reading.text, links))
        raise verdict(reading, spoiled)

    async def _tier(self, tier: Sequence[Found], catch: Catch) -> tuple[dict[Found, Picture], str]:
        kept: dict[Found, Picture] = {}
        wrong = ""
        for found in tier:
            try:
                kept[found] = await self._picture(found, catch)
            except Unfetched as exc:
                wrong = f"a linked picture could not be fetched: {exc}"
            except InputError as exc:
                wrong = f"a picture that is none: {exc.problem}"
        return kept, wrong

    async def _picture(self, found: Found, catch: Catch) -> Picture:
        stored = await self._stored(found, catch)
        try:
            seen = await inspect(
                self._media.path(stored.sha256), max_pixels=self._limits.pixels, decode=False
            )
        except InputError:
            await self._media.delete(stored.sha256)
            raise
        return Picture(0, stored.sha256, seen.mime, seen.width, seen.height, stored.size)

    async def _stored(self, found: Found, catch: Catch) -> Stored:
        if not isinstance(found, Cut):
            return await self._fetcher.fetch(found.url)
        writer = None if found.index is None else catch.writers.get(found.index)
        if writer is None:
            raise InputError(InputProblem.NOT_A_PICTURE)
        return await writer.commit()

    def _without_key(self, outcome: Outcome) -> Outcome:
        """Blank out our key: some gateways quote what they were sent."""
        key = self._key.get_secret_value()
        match outcome:
            case Drawn(text=text) if key and key in text:
                return replace(outcome, text=text.replace(key, "<secret>"))
            case Undrawn(detail=detail) if key and key in detail:
                return replace(outcome, detail=detail.replace(key, "<secret>"))
            case _:
                return outcome


def _distinct(pictures: Iterable[Picture]) -> tuple[Picture, ...]:
    """Number the pictures; the same bytes are one picture, however often an answer says them."""
    distinct = {picture.sha256: picture for picture in pictures}
    return tuple(replace(picture, position=at) for at, picture in enumerate(distinct.values()))


class _Upload(httpx.AsyncByteStream):
    """The request's body as it is sent: remembers why it could not be, and can be closed.

    aiohttp sends it from a task of its own and drops it where it stands when the answer comes
    first, or when it is cancelled. A step that was begun is always ended: it may be opening the
    file that is to be closed.
    """

    def __init__(self, body: Body, media: MediaStore) -> None:
        self.failed: Failed | None = None
        self._pieces = stream(body, media.read)
        self._step: asyncio.Task[bytes | None] | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self._step = asyncio.create_task(self._next())
            piece = await asyncio.shield(self._step)
            if piece is None:
                return
            yield piece

    async def _next(self) -> bytes | None:
        try:
            return await anext(self._pieces, None)
        except (InputError, ValueError) as exc:
            self.failed = Failed(OutcomeKind.BAD_INPUT, f"an input picture is not there: {exc}")
            raise

    async def aclose(self) -> None:
        """Close the file that is being read."""
        if self._step:
            await asyncio.gather(self._step, return_exceptions=True)
        await self._pieces.aclose()


class _Call:
    """What is known of one call so far, for its report."""

    def __init__(self, order: Order, began: float) -> None:
        self.status: int | None = None
        self.reading: Reading | None = None
        self._order = order
        self._began = began
        self._request_id: str | None = None
        self._header_cost: Decimal | None = None

    def begin(self, response: httpx.Response) -> None:
        """Take what the answer's head says; raises Failed if its body cannot be read."""
        self.status = response.status_code
        headers = response.headers
        ids = (headers.get(name) for name in ("x-oneapi-request-id", "x-request-id"))
        self._request_id = next((plain(found, 200) for found in ids if found), None)
        self._header_cost = amount(headers.get("x-litellm-response-cost", ""))
        if headers.get("content-encoding", "identity") != "identity":
            raise Failed(OutcomeKind.BROKEN, "a compressed body, though none was asked for")

    def answer(self, outcome: Outcome, ended: float) -> Answer:
        """Make the answer of an outcome."""
        drawn = len(outcome.pictures) if isinstance(outcome, Drawn) else 0
        reading = self.reading or Reading()
        report = CallReport(
            kind=OutcomeKind.DRAWN if isinstance(outcome, Drawn) else outcome.kind,
            usage=usage(reading.counts, self._header_cost, self._order.profile.price, drawn),
            http_status=self.status,
            finish_reason=reading.finish_reason,
            native_reason=reading.native_reason,
            model_returned=reading.model,
            upstream_id=reading.id or self._request_id,
            latency_ms=round((ended - self._began) * 1000),
            detail=outcome.detail if isinstance(outcome, Undrawn) else "",
        )
        return Answer(outcome, report)
