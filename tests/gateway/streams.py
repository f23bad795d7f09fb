"""Streams of events to test with: written in any of the ways in which gateways write them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise

from bot.gateway.receive import ResponseReader

DONE = b"data: [DONE]\n\n"


def event(document: object) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\n\n"


def delta(content: str, reason: str | None = None) -> bytes:
    return event(
        {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": reason}]}
    )


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Split `data` at `cuts`, each taken modulo its length."""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@dataclass(frozen=True)
class Taken:
    """What a reader made of some bytes: pictures by index."""

    reader: ResponseReader
    pictures: dict[int, bytes]


def taken(chunks: list[bytes], reader: ResponseReader | None = None) -> Taken:
    reader = reader or ResponseReader(limit=1 << 20, images=16)
    pictures: dict[int, bytes] = {}
    for chunk in chunks:
        for piece in reader.feed(chunk):
            pictures[piece.index] = pictures.get(piece.index, b"") + piece.data
    for piece in reader.finish():
        pictures[piece.index] = pictures.get(piece.index, b"") + piece.data
    return Taken(reader, pictures)
