"""Errands: small calls beside the drawing, whose answer is one JSON document of words."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx

from bot.domain import CallReport, OutcomeKind
from bot.upstream.document import JSON, amount, mapping
from bot.upstream.errors import Failed, failure, hiding, page, plain
from bot.upstream.patience import retry_after
from bot.upstream.transport import ERRORS, Transport, exchange, translated
from bot.upstream.upload import Upload

if TYPE_CHECKING:
    from decimal import Decimal

    from pydantic import SecretStr

    from bot.media.store import MediaStore
    from bot.upstream.body import Body

LARGEST = 1024 * 1024  # bytes of an answer
CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Document:
    """A good answer: its JSON, and what its head says the call cost, in US dollars."""

    fields: dict[str, object]
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class Unfulfilled:
    """What came instead of a good answer."""

    report: CallReport


class Errands:
    """Goes to one gateway at `url`, which ends before the route; `timeout` in seconds a call."""

    def __init__(
        self,
        url: str,
        key: SecretStr,
        media: MediaStore,
        *,
        timeout: float,
        connect: float = 10.0,
        proxy: str = "",
    ) -> None:
        self._url = url.rstrip("/")
        self.host: str = httpx.URL(self._url).host
        self._key = key
        self._media = media
        self._timeout = timeout
        self._connect = connect
        self._transport = Transport(
            httpx.create_ssl_context(), connections=CONNECTIONS, proxy=proxy
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def run(self, body: Body) -> Document | Unfulfilled:
        """Send a body once; every failure but CancelledError is Unfulfilled."""
        began, head = asyncio.get_running_loop().time(), _Head()
        try:
            with hiding(self._key.get_secret_value()):
                async with asyncio.timeout(self._timeout):
                    return await self._answer(body, head)
        except TimeoutError:
            failed = Failed(OutcomeKind.TIMEOUT, f"no whole answer in {self._timeout:g} s")
        except Failed as error:
            failed = error
        milliseconds = round((asyncio.get_running_loop().time() - began) * 1000)
        return Unfulfilled(
            CallReport(
                kind=failed.kind,
                http_status=head.status,
                latency_ms=milliseconds,
                detail=failed.detail,
                repeatable=failed.repeatable,
                retry_after=head.retry_after,
            )
        )

    async def _answer(self, body: Body, head: _Head) -> Document:
        upload = Upload(body, self._media)
        headers = {
            "Authorization": f"Bearer {self._key.get_secret_value()}",
            "Content-Type": body.content_type,
            "Content-Length": str(body.length),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "picturebot",
        }
        request = httpx.Request("POST", f"{self._url}/{body.route}", headers=headers, stream=upload)
        try:
            async with exchange(self._transport, request, connect=self._connect) as response:
                head.take(response)
                text = await _read(response)
        except ERRORS as error:
            raise upload.failed or translated(error) from error
        finally:
            await upload.aclose()
        return Document(_document(text, head.status or 0), head.cost)


class _Head:
    """What an answer's head says, for as much of it as came."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.retry_after: float | None = None
        self.cost: Decimal | None = None

    def take(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.retry_after = retry_after(response.headers.get("retry-after", ""), datetime.now(UTC))
        self.cost = amount(response.headers.get("x-litellm-response-cost", ""))


async def _read(response: httpx.Response) -> str:
    held = bytearray()
    async for piece in response.aiter_raw():
        held += piece
        if len(held) > LARGEST:
            raise Failed(OutcomeKind.BROKEN, "the answer has no end")
    return held.decode(errors="replace").strip()


def _document(text: str, status: int) -> dict[str, object]:
    try:
        fields = mapping(JSON.decode(text))
    except (ValueError, RecursionError):
        raise page(text, status) from None
    if error := fields.get("error"):
        raise failure(error, status)
    if not fields or not httpx.codes.is_success(status):
        raise page(plain(text, 300), status)
    return fields
