"""Inputs: pictures that people sent, made fit for a gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.domain import InputError, InputProblem
from bot.media.bounds import Bounds
from bot.media.decoding import DecodingProcesses
from bot.media.store import MediaStore


@asynccontextmanager
async def open_inputs(media: MediaStore) -> AsyncIterator[Inputs]:
    """Be ready to have pictures decoded; nothing is started before the first."""
    processes = DecodingProcesses(media.scratch)
    try:
        yield Inputs(media, processes)
    finally:
        await processes.close()


@dataclass(frozen=True, slots=True)
class PreparedInput:
    """A kept picture that a gateway takes: `size` in bytes, `width` and `height` in pixels."""

    sha256: str
    size: int
    mime: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Inputs:
    """Has kept pictures decoded. `work` names whose: what ends the bot twice is given up."""

    media: MediaStore
    processes: DecodingProcesses

    async def fit(self, sha256: str, bounds: Bounds, work: str = "") -> PreparedInput:
        """Check a kept picture, and write it anew where it is not fit to be sent.

        Fit is a PNG, JPEG or WebP within the bounds that stands upright and says nothing but how
        it is shown. Otherwise it becomes a JPEG, or a PNG where it is transparent, upright, within
        the bounds, with its colour profile and no other metadata, kept beside the original. Raises
        InputError.
        """
        return await self._converted(sha256, bounds, work, None)

    async def fit_mask(
        self, sha256: str, of: PreparedInput, bounds: Bounds, work: str = ""
    ) -> PreparedInput:
        """Make a mask of a kept picture: a PNG as large as `of`, clear where it is to be drawn.

        A picture without transparency is read as a drawing: what is bright is to be drawn. Raises
        InputError.
        """
        return await self._converted(sha256, bounds, work, (of.width, of.height))

    async def _converted(
        self, sha256: str, bounds: Bounds, work: str, mask: tuple[int, int] | None
    ) -> PreparedInput:
        size = await self.media.size(sha256)
        if size is None:
            raise InputError(InputProblem.GONE)
        if size > bounds.max_bytes:
            raise InputError(InputProblem.TOO_MANY_BYTES)
        head, data = await self.processes.ask(
            {
                "path": str(self.media.path(sha256)),
                "work": work,
                "memory": bounds.memory,
                "seconds": bounds.seconds,
                "max_pixels": bounds.max_pixels,
                "side": bounds.side,
                "size": bounds.size,
                "mask": mask,
            }
        )
        if "problem" in head:
            raise InputError(InputProblem(head["problem"]))
        if data:
            stored = await self.media.put(data)
            sha256, size = stored.sha256, stored.size
        return PreparedInput(sha256, size, head["mime"], head["width"], head["height"])
