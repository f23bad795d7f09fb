"""Inputs: pictures that people sent, made fit for a gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.domain import InputError, InputProblem
from bot.media import segments
from bot.media.bounds import Bounds
from bot.media.decoding import DecodingProcesses
from bot.media.store import MediaStore

_LOOKED_AT = 4 << 20  # bytes that are held to look at them; larger pictures are decoded elsewhere


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
        size, plain = await asyncio.to_thread(_look, self.media.path(sha256), bounds)
        if plain:
            return PreparedInput(sha256, size, *plain)
        return await self._converted(sha256, size, bounds, work, None)

    async def fit_mask(
        self, sha256: str, of: PreparedInput, bounds: Bounds, work: str = ""
    ) -> PreparedInput:
        """Make a mask of a kept picture: a PNG as large as `of`, clear where it is to be drawn.

        A picture without transparency is read as a drawing: what is bright is to be drawn. Raises
        InputError.
        """
        size, _ = await asyncio.to_thread(_look, self.media.path(sha256), bounds)
        return await self._converted(sha256, size, bounds, work, (of.width, of.height))

    async def _converted(
        self, sha256: str, size: int, bounds: Bounds, work: str, mask: tuple[int, int] | None
    ) -> PreparedInput:
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


def _look(path: Path, bounds: Bounds) -> tuple[int, segments.Head | None]:
    """Tell a file's size, and what it is where it is known to be fit as it is.

    Blocks. Raises InputError.
    """
    try:
        size = path.stat().st_size
        plain = segments.plain(path.read_bytes()) if size <= min(bounds.size, _LOOKED_AT) else None
    except FileNotFoundError:
        raise InputError(InputProblem.GONE) from None
    if size > bounds.max_bytes:
        raise InputError(InputProblem.TOO_MANY_BYTES)
    if plain is None:
        return size, None
    _, width, height = plain
    fits = max(width, height) <= bounds.side and width * height <= bounds.max_pixels
    return size, plain if fits else None
