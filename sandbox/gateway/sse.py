"""Server-sent events: how a stream writes its JSON, with pictures in it that are not copied."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence

from sandbox.gateway.body import Body, Burst, Piece
from sandbox.gateway.context import Context
from sandbox.gateway.placeholders import filled
from sandbox.gateway.replies import Reply
from sandbox.gateway.shapes import Json


def event(
    reply: Reply, data: Json, fills: Sequence[Sequence[Piece]] = (), name: str | None = None
) -> Burst:
    """Write one event; `fills` come in the place of the placeholders in `data`."""
    # Without indent everything is one line; with it, a line break stands between all tokens.
    text = json.dumps(data, ensure_ascii=False, indent=0 if reply.multiline else None)
    lines = [f"data: {line}" for line in text.split("\n")]
    if name is not None:
        lines.insert(0, f"event: {name}")
    return filled(_ended(reply, lines), fills)


def body(
    reply: Reply,
    opening: Sequence[Burst],
    rest: Sequence[Burst],
    error: Callable[[int], Burst],
    context: Context,
) -> Body:
    """Make the stream's body of its events: pictures come after the opening, `error` breaks off."""
    if reply.midstream is not None:
        after = reply.midstream_after
        rest = [*rest[: max(0, after - len(opening))], error(reply.midstream)]
        opening = opening[:after]
    before = _between(
        opening, [(_ended(reply, [f": {said}"]).encode(),) for said in reply.comments]
    )
    done = [(_ended(reply, ["data: [DONE]"]).encode(),)] if reply.done else []
    return Body(
        (*before, *rest, *done),
        content_type="text/event-stream",
        headers=(*context.headers, *reply.headers),
        pause=reply.pause,
        chunked=True,
        opening=len(before),
    )


def _between(events: Sequence[Burst], comments: Sequence[Burst]) -> tuple[Burst, ...]:
    """Put a comment before each event for as long as there are some."""
    paired = itertools.zip_longest(comments, events)
    return tuple(burst for pair in paired for burst in pair if burst is not None)


def _ended(reply: Reply, lines: Sequence[str]) -> str:
    end = "\r\n" if reply.crlf else "\n"
    return end.join([*lines, "", ""])
