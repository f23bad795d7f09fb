"""Errands: small calls beside the drawing, whose answer is one JSON document of words."""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx

from bot.domain import CallReport, Cost, CostSource, OutcomeKind, Usage
from bot.gateway.errors import CallFailed, failure, hiding, page, parse_retry_after, plain
from bot.gateway.json import JSON, amount, mapping, mappings
from bot.gateway.request import Body, InputImage, RawFile
from bot.gateway.transport import ERRORS, Transport, Upload, exchange, translate_error

if TYPE_CHECKING:
    from pydantic import SecretStr

    from bot.media.store import MediaStore


LARGEST = 1024 * 1024  # bytes of an answer
CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class TextResponse:
    """A good answer: its JSON, and what its head says the call cost, in US dollars."""

    fields: dict[str, object]
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class TextCallFailed:
    """What came instead of a good answer."""

    report: CallReport


class TextClient:
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

    async def run(self, body: Body) -> TextResponse | TextCallFailed:
        """Send a body once; every failure but CancelledError is Unfulfilled."""
        began, head = asyncio.get_running_loop().time(), _Head()
        try:
            with hiding(self._key.get_secret_value()):
                async with asyncio.timeout(self._timeout):
                    return await self._answer(body, head)
        except TimeoutError:
            failed = CallFailed(OutcomeKind.TIMEOUT, f"no whole answer in {self._timeout:g} s")
        except CallFailed as error:
            failed = error
        milliseconds = round((asyncio.get_running_loop().time() - began) * 1000)
        return TextCallFailed(
            CallReport(
                kind=failed.kind,
                http_status=head.status,
                latency_ms=milliseconds,
                detail=failed.detail,
                repeatable=failed.repeatable,
                retry_after=head.retry_after,
            )
        )

    async def _answer(self, body: Body, head: _Head) -> TextResponse:
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
            raise upload.failed or translate_error(error) from error
        finally:
            await upload.aclose()
        return TextResponse(_document(text, head.status or 0), head.cost)


class _Head:
    """What an answer's head says, for as much of it as came."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.retry_after: float | None = None
        self.cost: Decimal | None = None

    def take(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.retry_after = parse_retry_after(
            response.headers.get("retry-after", ""), datetime.now(UTC)
        )
        self.cost = amount(response.headers.get("x-litellm-response-cost", ""))


async def _read(response: httpx.Response) -> str:
    held = bytearray()
    async for piece in response.aiter_raw():
        held += piece
        if len(held) > LARGEST:
            raise CallFailed(OutcomeKind.BROKEN, "the answer has no end")
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


PROMPT_CHARACTERS = 1500
_DEMAND = (
    "You improve prompts for an image model. Answer with the improved prompt alone, in the language"
    " of the prompt, in at most 120 words: keep everything that is asked for, add what a picture"
    " needs (subject, setting, composition, light, style). No quotation marks, no explanations."
)
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class EnhancedPrompt:
    """What came of it; `words` is None where the call failed, as its report says."""

    words: str | None
    report: CallReport


class PromptEnhancer:
    """Betters prompts with one text model."""

    def __init__(self, errands: TextClient, model: str) -> None:
        self._errands = errands
        self.model = model
        self.host = errands.host

    async def rewrite(self, prompt: str) -> EnhancedPrompt:
        """Ask for a better prompt, once."""
        came = await self._errands.run(_chat_body(self.model, prompt))
        if isinstance(came, TextCallFailed):
            return EnhancedPrompt(None, came.report)
        choice = next(iter(mappings(came.fields.get("choices"))), {})
        content = mapping(choice.get("message")).get("content")
        usage = _chat_usage(mapping(came.fields.get("usage")), came.cost)
        words = (
            plain(content, PROMPT_CHARACTERS).strip().strip('"“”').strip()
            if isinstance(content, str)
            else ""
        )
        if not words:
            return EnhancedPrompt(None, CallReport(OutcomeKind.EMPTY, usage))
        return EnhancedPrompt(words, CallReport(OutcomeKind.TEXT_ONLY, usage))


def _chat_body(model: str, prompt: str) -> Body:
    messages = [{"role": "system", "content": _DEMAND}, {"role": "user", "content": prompt}]
    fields = {"model": model, "messages": messages, "stream": False}
    return Body((json.dumps(fields).encode(),))


def _chat_usage(told: dict[str, object], header: Decimal | None) -> Usage:
    cost = Cost() if header is None else Cost(int(header * _MILLION), source=CostSource.HEADER)
    counts = [told.get(name) for name in ("prompt_tokens", "completion_tokens")]
    tokens = [count if type(count) is int and 0 <= count < 10**9 else None for count in counts]
    return Usage(tokens[0], tokens[1], cost=cost)


ROUTE = "audio/transcriptions"
TRANSCRIPT_CHARACTERS = (
    4000  # as many as somebody can type; five minutes of speech have about as many
)
_MILLION = 1_000_000
# Gateways tell the format by the file's name; Telegram's voices are Opus in Ogg.
_BEGINNINGS = (
    (b"OggS", "ogg", "audio/ogg"),
    (b"ID3", "mp3", "audio/mpeg"),
    (b"\xff\xfb", "mp3", "audio/mpeg"),
    (b"\xff\xf3", "mp3", "audio/mpeg"),
    (b"fLaC", "flac", "audio/flac"),
    (b"RIFF", "wav", "audio/wav"),
    (b"\x1aE\xdf\xa3", "webm", "audio/webm"),
)


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard; `words` is None where the call failed, as its report says."""

    words: str | None
    report: CallReport


class Transcriber:
    """Has voices written down by one model; `minute` is its price of a minute in US dollars, or 0."""

    def __init__(
        self, errands: TextClient, media: MediaStore, model: str, minute: Decimal = Decimal(0)
    ) -> None:
        self._errands = errands
        self._media = media
        self.model = model
        self.host = errands.host
        self._minute = minute

    async def transcribe(self, sha256: str, size: int, seconds: int) -> Transcript:
        """Write a kept voice down; it is read from its file while it is sent. Asks once."""
        ending, mime = await self._kind(sha256)
        boundary = f"picturebot-{secrets.token_hex(24)}"
        came = await self._errands.run(
            transcription_body(
                self.model, InputImage(sha256, mime, size), f"voice.{ending}", boundary
            )
        )
        if isinstance(came, TextCallFailed):
            return Transcript(None, came.report)
        text = came.fields.get("text")
        if not isinstance(text, str):
            report = CallReport(OutcomeKind.BROKEN, detail="an answer without text")
            return Transcript(None, report)
        usage = _transcription_usage(
            mapping(came.fields.get("usage")), came.cost, self._minute, seconds
        )
        words = plain(text, TRANSCRIPT_CHARACTERS).strip()
        return Transcript(words, CallReport(OutcomeKind.TEXT_ONLY, usage))

    async def _kind(self, sha256: str) -> tuple[str, str]:
        head = b""
        async for piece in self._media.read(sha256, 16):
            head = piece
            break
        if head[4:8] == b"ftyp":
            return "m4a", "audio/mp4"
        known = ((ending, mime) for sign, ending, mime in _BEGINNINGS if head.startswith(sign))
        return next(known, ("ogg", "audio/ogg"))


def transcription_body(model: str, voice: InputImage, name: str, boundary: str) -> Body:
    """Build the form; `boundary` must be such that nothing in it can hold it."""
    fields = {"model": model, "response_format": "json"}
    parts = [f"{_part_head(boundary, field)}\r\n\r\n{value}\r\n" for field, value in fields.items()]
    head = (
        f'{_part_head(boundary, "file")}; filename="{name}"\r\nContent-Type: {voice.mime}\r\n\r\n'
    )
    end = f"\r\n--{boundary}--\r\n"
    pieces = ("".join([*parts, head]).encode(), RawFile(voice), end.encode())
    return Body(pieces, ROUTE, f"multipart/form-data; boundary={boundary}")


def _part_head(boundary: str, name: str) -> str:
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'


def _transcription_usage(
    told: dict[str, object], header: Decimal | None, minute: Decimal, seconds: int
) -> Usage:
    if header is not None:
        cost = Cost(int(header * _MILLION), source=CostSource.HEADER)
    elif minute:
        micros = int(minute * _MILLION * seconds / 60)
        cost = Cost(micros, source=CostSource.PRICE_TABLE)
    else:
        cost = Cost()
    return Usage(_count(told, "input_tokens"), _count(told, "output_tokens"), cost=cost)


def _count(told: dict[str, object], name: str) -> int | None:
    value = told.get(name)
    known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9
    return value if known and isinstance(value, int) else None
