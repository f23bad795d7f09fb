"""Streamed chat completions: the chunks of an answer, in the forms that gateways give them."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sandbox.gateway import sse, usages
from sandbox.gateway.body import Body, Burst, Piece
from sandbox.gateway.chat_response import ending, said, text_of
from sandbox.gateway.context import Context
from sandbox.gateway.pictures import Picture
from sandbox.gateway.placeholders import parts, placeholder
from sandbox.gateway.replies import Reply, Shape, Stream, UsagePlace
from sandbox.gateway.shapes import Json

_HEAD = "data:image/png;base64,"


def stream(
    reply: Reply, pictures: Sequence[Picture], context: Context, *, include_usage: bool
) -> Body:
    """Build the body of a streamed completion: role, words, pictures, the end."""
    reply = _in_shape(reply)
    chunks = _Chunks(reply, context, [picture.base64 for picture in pictures])
    opening, rest = chunks.message(said(reply, pictures, context))
    rest += chunks.end(len(pictures), include_usage=include_usage)
    return sse.body(reply, opening, rest, chunks.error, context)


def _in_shape(reply: Reply) -> Reply:
    """Let the stream's form decide the shape where it says where pictures are."""
    match reply.stream:
        case Stream.IMAGES:
            return replace(reply, shape=Shape.IMAGES)
        case Stream.IMAGE:
            return replace(reply, shape=Shape.ONE_HUB)
        case _:
            return reply


def _apart(content: str, text: str) -> tuple[list[str], list[str]]:
    """Divide the content into the words of its text and the lines behind it, pictures and links."""
    spoken = text if content.startswith(text) else ""
    behind = content[len(spoken) :]
    return re.findall(r"\S+\s*|\s+", spoken), re.findall(r"\n?[^\n]+", behind)


def _others(message: Json) -> Iterator[Json]:
    """Give the deltas of what is not content; of pictures in a list each has its own."""
    for key, value in message.items():
        if key in {"images", "image"} and isinstance(value, list):
            yield from ({key: [item]} for item in value)
        else:
            yield {key: value}


class _Chunks:
    """Writes the chunks of one completion."""

    def __init__(self, reply: Reply, context: Context, fills: Sequence[Sequence[Piece]]) -> None:
        self._reply = reply
        self._context = context
        self._fills = fills
        self._envelope: Json = {
            "id": f"chatcmpl-sandbox-{context.call}",
            "object": "chat.completion.chunk",
            "created": context.created,
            "model": context.model,
        }

    def message(self, message: Json) -> tuple[list[Burst], list[Burst]]:
        """Write what is said: the role and the words, and then what holds the pictures."""
        content = message.pop("content")
        others = [self._delta(delta) for delta in _others(message)]
        opening = [self._delta({"role": "assistant", "content": ""})]
        if not isinstance(content, str):
            return opening, [*([self._delta({"content": content})] if content else []), *others]
        if self._reply.stream is Stream.SPLIT:
            return opening, [*self._split(content), *others]
        words, behind = _apart(content, text_of(self._reply))
        opening += [self._delta({"content": word}) for word in words]
        return opening, [*(self._delta({"content": line}) for line in behind), *others]

    def _delta(self, delta: Json, fills: Sequence[Sequence[Piece]] | None = None) -> Burst:
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        filling = self._fills if fills is None else fills
        return sse.event(self._reply, self._envelope | {"choices": [choice]}, filling)

    def _split(self, content: str) -> list[Burst]:
        pieces = parts(content, self._fills)
        cuts = _cut(pieces, _places(pieces, self._reply))
        return [self._delta({"content": placeholder(0)}, [_escaped(cut)]) for cut in cuts]

    def end(self, pictures: int, *, include_usage: bool) -> list[Burst]:
        """Write the chunk with the reason of the end and the usage, in it or behind it."""
        text = text_of(self._reply)
        usage = usages.chat(self._reply.usage, self._context, pictures, text)
        last: Json = {"choices": [{"index": 0, "delta": {}} | ending(self._reply)]}
        match self._reply.usage_place:
            case UsagePlace.LAST:
                return [sse.event(self._reply, self._envelope | last | usage)]
            case UsagePlace.ASKED if not include_usage:
                usage = {}
            case _:
                pass
        events = [sse.event(self._reply, self._envelope | last)]
        if usage:
            final = self._envelope | {"choices": []} | usage
            events.append(sse.event(self._reply, final))
        return events

    def error(self, code: int) -> Burst:
        """Write an error under status 200, as OpenRouter does."""
        message = "Rate limit exceeded" if code == 429 else "Provider returned error"  # noqa: PLR2004 - HTTP's own
        kind = "rate_limit_exceeded" if code == 429 else "provider_error"  # noqa: PLR2004
        choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}
        said = {"code": code, "message": message, "metadata": {"error_type": kind}}
        return sse.event(self._reply, self._envelope | {"error": said, "choices": [choice]})


# Cutting anywhere
# ----------------


def _places(pieces: Sequence[str | Piece], reply: Reply) -> list[int]:
    """Choose where to cut; one place is inside of the first data URL's head."""
    length = sum(map(len, pieces))
    dice = random.Random(reply.seed)  # noqa: S311 - places, not secrets
    wanted = min(reply.deltas, length) - 1
    places = set(dice.sample(range(1, length), wanted)) if wanted > 0 else set()
    first = pieces[0] if pieces else ""
    head = first.find("data:") if isinstance(first, str) else -1
    if places and head >= 0:
        places.remove(max(places))
        places.add(head + dice.randrange(1, len(_HEAD) - 1))
    return sorted(places)


def _cut(pieces: Sequence[str | Piece], places: Sequence[int]) -> Iterator[list[str | Piece]]:
    """Cut the pieces, as if they were one string, at the places."""
    row = list(pieces)
    for start, end in itertools.pairwise([0, *places, sum(map(len, pieces))]):
        wanted = end - start
        cut: list[str | Piece] = []
        while wanted:
            piece = row.pop(0)
            if len(piece) > wanted:
                row.insert(0, _slice(piece, wanted, len(piece)))
                piece = _slice(piece, 0, wanted)
            wanted -= len(piece)
            cut.append(piece)
        yield cut


def _slice(piece: str | Piece, start: int, end: int) -> str | Piece:
    return piece[start:end] if isinstance(piece, str) else memoryview(piece)[start:end]


def _escaped(pieces: Sequence[str | Piece]) -> list[Piece]:
    """Write text as it stands inside of a JSON string; base64 needs nothing."""
    return [
        json.dumps(piece, ensure_ascii=False)[1:-1].encode(errors="replace")
        if isinstance(piece, str)
        else piece
        for piece in pieces
    ]
