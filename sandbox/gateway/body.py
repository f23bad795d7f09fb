"""Bodies: an answer as it goes over the wire, in bursts of pieces, with pauses between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sandbox.gateway.replies import Reply

# A view where a large piece is cut: pictures are not copied.
Piece = bytes | memoryview
Burst = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Body:
    """An answer in bursts, each of pieces sent in a row; pictures are not copied into one string.

    `pause` seconds pass between bursts. `chunked` does not tell the length. `opening` is how many
    bursts come before the first picture: where a gate may hold a stream.
    """

    bursts: tuple[Burst, ...]
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    pause: float = 0.0
    chunked: bool = False
    opening: int | None = None

    @property
    def length(self) -> int:
        return sum(len(piece) for burst in self.bursts for piece in burst)

    def data(self) -> bytes:
        """Give the whole; for short bodies."""
        return b"".join(piece for burst in self.bursts for piece in burst)


def whole(
    data: bytes,
    status: int = 200,
    content_type: str = "application/json",
    headers: tuple[tuple[str, str], ...] = (),
) -> Body:
    return Body(((data,),), status, content_type, headers)


def until(bursts: Iterable[Burst], end: int) -> Iterator[Burst]:
    """Give the bursts up to `end` bytes in all."""
    for burst in bursts:
        kept: list[Piece] = []
        for piece in burst:
            kept.append(piece if len(piece) <= end else memoryview(piece)[:end])
            end -= len(kept[-1])
        yield tuple(kept)
        if end <= 0:
            return


def distort(body: Body, reply: Reply) -> Body:
    """Add the blanks before the answer, and end it early, as the reply demands."""
    if reply.lead:
        first, *others = body.bursts
        body = replace(body, bursts=((reply.lead, *first), *others))
    if reply.keepalives:
        # CLIProxyAPI writes blank lines while it waits: the status is fixed before it knows.
        blanks = ((b"\n",),) * reply.keepalives
        body = replace(
            body,
            bursts=(*blanks, *body.bursts),
            status=200,
            pause=reply.pause,
            chunked=True,
            opening=None if body.opening is None else body.opening + len(blanks),
        )
    if reply.truncate is not None:
        end = int(body.length * reply.truncate)
        body = replace(body, bursts=tuple(until(body.bursts, end)))
    return body
