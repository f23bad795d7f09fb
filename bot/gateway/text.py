"""Text calls: small calls beside the drawing, whose answer is one JSON document of words.

`POST {url}/chat/completions` makes a prompt better, `POST {url}/audio/transcriptions` writes a
voice down: https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from decimal import Decimal

import httpx

from bot.domain import CallReport, Cost, CostSource, OutcomeKind, Usage
from bot.gateway.classify import classify_error, classify_page, unnamed_error
from bot.gateway.cost import unless_free
from bot.gateway.encoding import decoded
from bot.gateway.errors import CallFailed, hiding, plain
from bot.gateway.json import Json, count, mapping, mappings, parse_documents
from bot.gateway.request import Body, InputImage, make_boundary, multipart_body
from bot.gateway.spoken import without_thoughts
from bot.gateway.transport import ERRORS, Endpoint, ResponseHead, translate_error

LARGEST = 1024 * 1024  # bytes of an answer
PROMPT_CHARACTERS = 1500
TRANSCRIPT_CHARACTERS = 4000  # as many as one can type; five minutes of speech have about as many
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
class TextResult:
    """What came of a text call; `words` is None where it failed, as its report says."""

    words: str | None
    report: CallReport


@dataclass(frozen=True, slots=True)
class TextClient:
    """Has one model do small tasks, each in one call that is made once.

    `minute` is its price of a minute of speech in US dollars, 0 if nobody knows.
    """

    endpoint: Endpoint
    model: str
    minute: Decimal = Decimal(0)

    @property
    def host(self) -> str:
        return self.endpoint.host

    async def enhance(self, prompt: str) -> TextResult:
        with hiding(self.endpoint.key.get_secret_value()):
            return await self._enhance(prompt)

    async def _enhance(self, prompt: str) -> TextResult:
        messages = [
            {"role": "system", "content": _INSTRUCTION},
            {"role": "user", "content": prompt},
        ]
        fields = {"model": self.model, "messages": messages, "stream": False}
        answer = await self._call(Body((json.dumps(fields).encode(),)))
        if isinstance(answer, CallReport):
            return TextResult(None, answer)
        choice = next(iter(mappings(answer.fields.get("choices"))), {})
        content = mapping(choice.get("message")).get("content")
        usage = answer.usage("prompt_tokens", "completion_tokens")
        said = without_thoughts(content) if isinstance(content, str) else ""
        words = plain(said, PROMPT_CHARACTERS)
        words = words.strip().strip('"“”').strip()
        kind = OutcomeKind.TEXT_ONLY if words else OutcomeKind.EMPTY
        return TextResult(words or None, CallReport(kind, usage))

    async def transcribe(self, sha256: str, size: int, seconds: int) -> TextResult:
        """Write a kept voice down; it is read from its file while it is sent."""
        with hiding(self.endpoint.key.get_secret_value()):
            return await self._transcribe(sha256, size, seconds)

    async def _transcribe(self, sha256: str, size: int, seconds: int) -> TextResult:
        suffix, mime = await self._audio_type(sha256)
        voice = InputImage(sha256, mime, size)
        body = transcription_body(self.model, voice, f"voice.{suffix}", make_boundary())
        answer = await self._call(body)
        if isinstance(answer, CallReport):
            return TextResult(None, answer)
        text = answer.fields.get("text")
        if not isinstance(text, str):
            report = CallReport(OutcomeKind.UNREADABLE, detail="an answer without text")
            return TextResult(None, report)
        usage = answer.usage("input_tokens", "output_tokens")
        if answer.cost is None and self.minute:
            micros = int(self.minute * _MILLION * seconds / 60)
            usage = replace(usage, cost=Cost(micros, source=CostSource.PRICE_TABLE))
        words = plain(text, TRANSCRIPT_CHARACTERS).strip()
        return TextResult(words, CallReport(OutcomeKind.TEXT_ONLY, usage))

    async def _call(self, body: Body) -> _Answer | CallReport:
        """Send a body once; every failure but CancelledError is a report."""
        began, head = asyncio.get_running_loop().time(), ResponseHead()
        endpoint = self.endpoint
        try:
            async with (
                asyncio.timeout(endpoint.timeout),
                endpoint.post(body, accept="application/json") as response,
            ):
                head.take(response)
                fields = _fields(*await _read(response), response.status_code)
                return _Answer(fields, head.cost)
        except TimeoutError:
            failed = CallFailed(OutcomeKind.TIMEOUT, f"no whole answer in {endpoint.timeout:g} s")
        except CallFailed as error:
            failed = error
        return CallReport(
            kind=failed.kind,
            usage=unless_free(Usage(), failed.kind, head.status),
            http_status=head.status,
            latency_ms=round((asyncio.get_running_loop().time() - began) * 1000),
            detail=failed.detail,
            repeatable=failed.repeatable,
            retry_after=head.retry_after,
        )

    async def _audio_type(self, sha256: str) -> tuple[str, str]:
        head = b""
        async for piece in self.endpoint.media.read(sha256, 16):
            head = piece
            break
        if head[4:8] == b"ftyp":
            return "m4a", "audio/mp4"
        known = ((suffix, mime) for sign, suffix, mime in _AUDIO if head.startswith(sign))
        return next(known, ("ogg", "audio/ogg"))


@dataclass(frozen=True, slots=True)
class _Answer:
    """A good answer: its JSON, and what its head says the call cost, in US dollars."""

    fields: Json
    cost: Decimal | None

    def usage(self, tokens_in: str, tokens_out: str) -> Usage:
        counts = mapping(self.fields.get("usage"))
        cost = Cost()
        if self.cost is not None:
            cost = Cost(int(self.cost * _MILLION), source=CostSource.HEADER)
        return Usage(count(counts.get(tokens_in)), count(counts.get(tokens_out)), cost=cost)


async def _read(response: httpx.Response) -> tuple[str, CallFailed | None]:
    """Read a body; also tells why no more of it came, where it did not end as HTTP ends."""
    held, broken = bytearray(), None
    try:
        async for piece in decoded(response):
            held += piece
            if len(held) > LARGEST:
                raise CallFailed(OutcomeKind.UNREADABLE, "the answer has no end")
    except ERRORS as exc:
        broken = translate_error(exc)
    return held.decode(errors="replace").strip(), broken


def _fields(text: str, broken: CallFailed | None, status: int) -> Json:
    """Give the first document's fields, whatever stands behind it, if it is whole and no error."""
    success = httpx.codes.is_success(status)
    found, _ = parse_documents(text)
    if not found:
        raise (success and broken) or classify_page(text, status)
    fields = mapping(found[0])
    if error := fields.get("error") or unnamed_error(fields):
        raise classify_error(error, status)
    if not fields or not success:
        raise classify_page(plain(text, 300), status)
    return fields


def transcription_body(model: str, voice: InputImage, filename: str, boundary: str) -> Body:
    """Build the form; `boundary` must be such that nothing in it can hold it."""
    fields = {"model": model, "response_format": "json"}
    return multipart_body("audio/transcriptions", fields, [("file", filename, voice)], boundary)
