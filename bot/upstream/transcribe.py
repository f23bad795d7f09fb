"""Transcription: a voice's words, by `POST {url}/audio/transcriptions`.

https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from bot.domain import CallReport, Cost, CostSource, OutcomeKind, Usage
from bot.upstream.body import Body, Raw
from bot.upstream.document import mapping
from bot.upstream.errand import Unfulfilled
from bot.upstream.errors import plain
from bot.upstream.order import Input

if TYPE_CHECKING:
    from bot.media.store import MediaStore
    from bot.upstream.errand import Errands

ROUTE = "audio/transcriptions"
MOST_CHARACTERS = 4000  # as many as somebody can type; five minutes of speech have about as many
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
        self, errands: Errands, media: MediaStore, model: str, minute: Decimal = Decimal(0)
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
            form(self.model, Input(sha256, mime, size), f"voice.{ending}", boundary)
        )
        if isinstance(came, Unfulfilled):
            return Transcript(None, came.report)
        text = came.fields.get("text")
        if not isinstance(text, str):
            report = CallReport(OutcomeKind.BROKEN, detail="an answer without text")
            return Transcript(None, report)
        usage = _usage(mapping(came.fields.get("usage")), came.cost, self._minute, seconds)
        words = plain(text, MOST_CHARACTERS).strip()
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


def form(model: str, voice: Input, name: str, boundary: str) -> Body:
    """Build the form; `boundary` must be such that nothing in it can hold it."""
    fields = {"model": model, "response_format": "json"}
    parts = [f"{_head(boundary, field)}\r\n\r\n{value}\r\n" for field, value in fields.items()]
    head = f'{_head(boundary, "file")}; filename="{name}"\r\nContent-Type: {voice.mime}\r\n\r\n'
    end = f"\r\n--{boundary}--\r\n"
    pieces = ("".join([*parts, head]).encode(), Raw(voice), end.encode())
    return Body(pieces, ROUTE, f"multipart/form-data; boundary={boundary}")


def _head(boundary: str, name: str) -> str:
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'


def _usage(told: dict[str, object], header: Decimal | None, minute: Decimal, seconds: int) -> Usage:
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
