"""Inputs: pictures that people sent, made fit for a gateway; and gateways', made fit for people."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.domain import InputError, InputProblem
from bot.media import segments
from bot.media.bounds import Bounds
from bot.media.decoding import DecodingProcesses
from bot.media.regular import open_regular
from bot.media.store import MediaStore, StoredFile, Writer

_REMEMBERED = 1000  # files

_MOST_PIXELS = 32_000_000  # of an answer: 450 MB of the process that decodes


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
    _plain: OrderedDict[str, tuple[int, segments.Head | None]] = field(default_factory=OrderedDict)

    async def fit(self, sha256: str, bounds: Bounds, work: str = "") -> PreparedInput:
        """Check a kept picture, and write it anew where it is not fit to be sent.

        Fit is a PNG, JPEG or WebP within the bounds that stands upright and says nothing but how
        it is shown. Otherwise it becomes a JPEG, or a PNG where it is transparent, upright, within
        the bounds, with its colour profile and no other metadata, kept beside the original. Raises
        InputError.
        """
        size, plain = await self._look(sha256, bounds)
        if plain:
            return PreparedInput(sha256, size, *plain)
        return await self._converted(sha256, size, bounds, work)

    async def fit_mask(
        self, sha256: str, of: PreparedInput, bounds: Bounds, work: str = ""
    ) -> PreparedInput:
        """Make a mask of a kept picture: a PNG as large as `of`, clear where it is to be drawn.

        A picture without transparency is read as a drawing: what is bright is to be drawn. Raises
        InputError.
        """
        size, _ = await self._look(sha256, bounds)
        return await self._converted(sha256, size, bounds, work, mask=(of.width, of.height))

    async def as_png(self, picture: StoredFile, *, max_pixels: int) -> PreparedInput:
        """Write a kept picture anew as PNG, with its tones and its profile. Raises InputError."""
        most = min(max_pixels, _MOST_PIXELS)
        bounds = Bounds(max_pixels=most, max_bytes=picture.size, side=0, size=0)
        return await self._converted(picture.sha256, picture.size, bounds, png=True)

    async def small(self, sha256: str, side: int) -> bytes:
        """Write a kept picture as WebP of at most `side` pixels; it is not kept. Raises InputError."""
        size = await self.media.size(sha256)
        if size is None:
            raise InputError(InputProblem.GONE)
        bounds = Bounds(max_pixels=_MOST_PIXELS, max_bytes=size, side=side, size=0)
        _, data = await self._asked(sha256, bounds, small=True)
        return data

    @asynccontextmanager
    async def _local(self, sha256: str) -> AsyncIterator[Path]:
        """Lend a file that is to be decoded; raises InputError where it is gone."""
        try:
            async with self.media.local(sha256) as path:
                yield path
        except FileNotFoundError:
            raise InputError(InputProblem.GONE) from None

    async def keep(self, writer: Writer) -> str:
        """Commit a file that may be a picture, and remember what it is; tells its sha256."""
        stored, plain = await writer.commit_checked(segments.look)
        self._remember(stored.sha256, stored.size, plain)
        return stored.sha256

    async def _look(self, sha256: str, bounds: Bounds) -> tuple[int, segments.Head | None]:
        """Tell a file's size, and what it is where it is known to be fit; raises InputError."""
        seen = self._plain.get(sha256)
        if seen is None:
            async with self._local(sha256) as path:
                seen = await asyncio.to_thread(_look, path)
            self._remember(sha256, *seen)
        size, plain = seen
        if size > bounds.max_bytes:
            raise InputError(InputProblem.TOO_MANY_BYTES)
        if plain is None or size > bounds.size:
            return size, None
        _, width, height = plain
        fits = max(width, height) <= bounds.side and width * height <= bounds.max_pixels
        return size, plain if fits else None

    def _remember(self, sha256: str, size: int, plain: segments.Head | None) -> None:
        self._plain[sha256] = size, plain
        if len(self._plain) > _REMEMBERED:
            self._plain.popitem(last=False)

    async def _converted(
        self,
        sha256: str,
        size: int,
        bounds: Bounds,
        work: str = "",
        *,
        mask: tuple[int, int] | None = None,
        png: bool = False,
    ) -> PreparedInput:
        head, data = await self._asked(sha256, bounds, work, mask=mask, png=png)
        if data:
            stored = await self.media.put(data)
            sha256, size = stored.sha256, stored.size
        return PreparedInput(sha256, size, head["mime"], head["width"], head["height"])

    async def _asked(
        self,
        sha256: str,
        bounds: Bounds,
        work: str = "",
        *,
        mask: tuple[int, int] | None = None,
        png: bool = False,
        small: bool = False,
    ) -> tuple[dict[str, Any], bytes]:
        async with self._local(sha256) as path:
            head, data = await self.processes.ask(
                {
                    "path": str(path),
                    "work": work,
                    "memory": bounds.memory,
                    "seconds": bounds.seconds,
                    "max_pixels": bounds.max_pixels,
                    "side": bounds.side,
                    "size": bounds.size,
                    "mask": mask,
                    "png": png,
                    "small": small,
                }
            )
        if "problem" in head:
            raise InputError(InputProblem(head["problem"]))
        return head, data


def _look(path: Path) -> tuple[int, segments.Head | None]:
    with open_regular(path) as file:
        return os.fstat(file.fileno()).st_size, segments.look(file)
