"""Text calls: small calls beside the drawing, whose answer is one JSON document of words.

`POST {url}/chat/completions` makes a prompt better, `POST {url}/audio/transcriptions` writes a
voice down: https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx

from bot.domain import CallReport, Cost, CostSource, OutcomeKind, Usage
from bot.gateway.errors import (
    CallFailed,
    MalformedJson,
    classify_error,
    classify_page,
    hiding,
    plain,
)
from bot.gateway.json import count, mapping, mappings, parse
from bot.gateway.request import Body, InputImage, make_boundary, multipart_body
from bot.gateway.transport import Endpoint, ResponseHead, Transport

if TYPE_CHECKING:
    from pydantic import SecretStr

    from bot.media.store import MediaStore

LARGEST = 1024 * 1024  # bytes of an answer
PROMPT_CHARACTERS = 1500
TRANSCRIPT_CHARACTERS = 4000  # as many as one can type; five minutes of speech have about as many
_CONNECTIONS = 32
_MILLION = 1_000_000
_INSTRUCTION = (
    "You improve prompts for an image model. Answer with the improved prompt alone, in the language"
    " of the prompt, in at most 120 words: keep everything that is asked for, add what a picture"
    " needs (subject, setting, composition, light, style). No quotation marks, no explanations."
)
# Gateways tell the format by the file's name; Telegram's voices are Opus in Ogg.
_AUDIO = (
    (b"OggS", "ogg", "audio/ogg"),
    (b"ID3", "mp3", "audio/mpeg"),
    (b"\xff\xfb", "mp3", "audio/mpeg"),
    (b"\xff\xf3", "mp3", "audio/mpeg"),
    (b"fLaC", "flac", "audio/flac"),
    (b"RIFF", "wav", "audio/wav"),
    (b"\x1aE\xdf\xa3", "webm", "audio/webm"),
)


@dataclass(frozen=True, slots=True)
class TextResponse:
    """A good answer: its JSON, and what its head says the call cost, in US dollars."""

    fields: dict[str, object]
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class TextResult:
    """What came of a text call; `words` is None where it failed, as its report says."""

    words: str | None
    report: CallReport


class TextClient:
    """Makes text calls to one gateway at `url`, which ends before the route.

    `timeout` is in seconds, for a whole call, `connect` for a connection.
    """

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
        context = httpx.create_ssl_context()
        transport = Transport(context, connections=_CONNECTIONS, proxy=proxy)
        self._endpoint = Endpoint(url.rstrip("/"), key, media, transport, connect)
        self._timeout = timeout
        self.host: str = httpx.URL(self._endpoint.url).host

    async def aclose(self) -> None:
        await self._endpoint.transport.aclose()

    async def call(self, body: Body) -> TextResponse | CallReport:
        """Send a body once; every failure but CancelledError is a report."""
        began, head = asyncio.get_running_loop().time(), ResponseHead()
        try:
            with hiding(self._endpoint.key.get_secret_value()):
                async with asyncio.timeout(self._timeout):
                    return await self._answer(body, head)
        except TimeoutError:
            failed = CallFailed(OutcomeKind.TIMEOUT, f"no whole answer in {self._timeout:g} s")
        except CallFailed as error:
            failed = error
        return CallReport(
            kind=failed.kind,
            http_status=head.status,
            latency_ms=round((asyncio.get_running_loop().time() - began) * 1000),
            detail=failed.detail,
            repeatable=failed.repeatable,
            retry_after=head.retry_after,
        )

    async def _answer(self, body: Body, head: ResponseHead) -> TextResponse:
        async with self._endpoint.post(body, accept="application/json") as response:
            head.take(response)
            text = await _read(response)
        return TextResponse(_fields(text, response.status_code), head.cost)


async def _read(response: httpx.Response) -> str:
    held = bytearray()
    async for piece in response.aiter_raw():
        held += piece
        if len(held) > LARGEST:
            raise CallFailed(OutcomeKind.BROKEN, "the answer has no end")
    return held.decode(errors="replace").strip()


def _fields(text: str, status: int) -> dict[str, object]:
    try:
        fields = mapping(parse(text))
    except MalformedJson:
        raise classify_page(text, status) from None
    if error := fields.get("error"):
        raise classify_error(error, status)
    if not fields or not httpx.codes.is_success(status):
        raise classify_page(plain(text, 300), status)
    return fields


@dataclass(frozen=True, slots=True)
class PromptEnhancer:
    """Makes prompts better with one text model."""

    client: TextClient
    model: str

    @property
    def host(self) -> str:
        return self.client.host

    async def enhance(self, prompt: str) -> TextResult:
        """Ask for a better prompt, once."""
        messages = [
            {"role": "system", "content": _INSTRUCTION},
            {"role": "user", "content": prompt},
        ]
        fields = {"model": self.model, "messages": messages, "stream": False}
        answer = await self.client.call(Body((json.dumps(fields).encode(),)))
        if isinstance(answer, CallReport):
            return TextResult(None, answer)
        choice = next(iter(mappings(answer.fields.get("choices"))), {})
        content = mapping(choice.get("message")).get("content")
        told = mapping(answer.fields.get("usage"))
        usage = Usage(
            count(told.get("prompt_tokens")),
            count(told.get("completion_tokens")),
            cost=_reported(answer.cost),
        )
        words = plain(content, PROMPT_CHARACTERS) if isinstance(content, str) else ""
        words = words.strip().strip('"“”').strip()
        kind = OutcomeKind.TEXT_ONLY if words else OutcomeKind.EMPTY
        return TextResult(words or None, CallReport(kind, usage))


@dataclass(frozen=True, slots=True)
class Transcriber:
    """Has voices written down by one model; `minute` is its price of a minute in US dollars, or 0."""

    client: TextClient
    media: MediaStore
    model: str
    minute: Decimal = Decimal(0)

    @property
    def host(self) -> str:
        return self.client.host

    async def transcribe(self, sha256: str, size: int, seconds: int) -> TextResult:
        """Write a kept voice down; it is read from its file while it is sent. Asks once."""
        suffix, mime = await self._audio_type(sha256)
        voice = InputImage(sha256, mime, size)
        body = transcription_body(self.model, voice, f"voice.{suffix}", make_boundary())
        answer = await self.client.call(body)
        if isinstance(answer, CallReport):
            return TextResult(None, answer)
        text = answer.fields.get("text")
        if not isinstance(text, str):
            report = CallReport(OutcomeKind.BROKEN, detail="an answer without text")
            return TextResult(None, report)
        told = mapping(answer.fields.get("usage"))
        cost = _reported(answer.cost)
        if answer.cost is None and self.minute:
            micros = int(self.minute * _MILLION * seconds / 60)
            cost = Cost(micros, source=CostSource.PRICE_TABLE)
        usage = Usage(count(told.get("input_tokens")), count(told.get("output_tokens")), cost=cost)
        words = plain(text, TRANSCRIPT_CHARACTERS).strip()
        return TextResult(words, CallReport(OutcomeKind.TEXT_ONLY, usage))

    async def _audio_type(self, sha256: str) -> tuple[str, str]:
        head = b""
        async for piece in self.media.read(sha256, 16):
            head = piece
            break
        if head[4:8] == b"ftyp":
            return "m4a", "audio/mp4"
        known = ((suffix, mime) for sign, suffix, mime in _AUDIO if head.startswith(sign))
        return next(known, ("ogg", "audio/ogg"))


def transcription_body(model: str, voice: InputImage, filename: str, boundary: str) -> Body:
    """Build the form; `boundary` must be such that nothing in it can hold it."""
    fields = {"model": model, "response_format": "json"}
    return multipart_body("audio/transcriptions", fields, [("file", filename, voice)], boundary)


def _reported(dollars: Decimal | None) -> Cost:
    return Cost() if dollars is None else Cost(int(dollars * _MILLION), source=CostSource.HEADER)
