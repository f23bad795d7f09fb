"""Calls: what came in and what became of it, and the gate that holds them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from datetime import datetime

    from bot.sandbox.gateway.asks import Input

LONGEST_WAIT = 600.0


class CallState(StrEnum):
    """How far a call has come; `cut` means that one of the two sides dropped the connection."""

    OPEN = "open"
    ANSWERED = "answered"
    CUT = "cut"


@dataclass(slots=True)
class Call:
    """A request that came in, and what became of it.

    `status` is the HTTP status answered (0 while open), `sent` the bytes of the answer's body
    that left, `pictures` the sha256 of each picture drawn (not of noise).
    """

    number: int
    at: datetime
    model: str
    prompt: str
    system: str
    modalities: tuple[str, ...]
    aspect_ratio: str | None
    inputs: tuple[Input, ...]
    skeleton: str
    state: CallState = CallState.OPEN
    status: int = 0
    sent: int = 0
    pictures: tuple[str, ...] = ()


@dataclass(slots=True)
class Gate:
    """Holds the calls that come in until it is released; as a context it releases at the end."""

    waiting: int = 0
    _open: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Let the held calls, and all later ones, go on."""
        self._open.set()

    @property
    def released(self) -> bool:
        """Whether calls pass."""
        return self._open.is_set()

    async def wait(self) -> None:
        """Wait for the release."""
        async with asyncio.timeout(LONGEST_WAIT):
            await self._open.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
