"""Calls: what came in and what became of it, and the gate that holds them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self

from sandbox.gateway.inputs import Input
from sandbox.gateway.requests import DrawingRequest, Route

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
    that left, `pictures` the sha256 of each picture drawn (not of noise). `size` is what the client
    said, in his words, `count` how many pictures he wanted; `ignored` counts pictures that came
    along and that the model does not see; `fields` holds the other scalar fields of the body.
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
    route: Route
    stream: bool = False
    size: str | None = None
    count: int = 1
    mask: Input | None = None
    ignored: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    state: CallState = CallState.OPEN
    status: int = 0
    sent: int = 0
    pictures: tuple[str, ...] = ()


def new_call(number: int, at: datetime, request: DrawingRequest) -> Call:
    return Call(
        number=number,
        at=at,
        model=request.model,
        prompt=request.prompt,
        system=request.system,
        modalities=request.modalities,
        aspect_ratio=request.aspect_ratio,
        inputs=request.inputs,
        skeleton=request.skeleton,
        route=request.route,
        stream=request.stream,
        size=request.size,
        count=request.count,
        mask=request.mask,
        ignored=request.ignored,
        fields=request.fields,
    )


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice that came in: by which model, under which name, with how many bytes."""

    model: str
    name: str
    mime: str
    size: int


@dataclass(slots=True)
class Gate:
    """Holds the calls that come in until it is released; as a context it releases at the end."""

    noted: Callable[[], None]
    waiting: int = 0
    _open: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        self._open.set()

    @property
    def released(self) -> bool:
        return self._open.is_set()

    async def hold(self) -> None:
        """Wait for the release, counted among the waiting; `noted` is called at every change."""
        if self.released:
            return
        self.waiting += 1
        self.noted()
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                await self._open.wait()
        finally:
            self.waiting -= 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
