"""Thumbnails: pictures as small as a page shows them, made when they are asked for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from bot.domain import InputError, MediaUnavailable
from bot.media.inputs import Inputs

SIDE = 320  # pixels
KEPT = 4 << 20  # bytes of them in memory, some 300
MOST_WAIT = 100  # for one that is being made


@dataclass(slots=True)
class Thumbnails:
    """Makes one at a time, so that the other decoding process is there for those who ask the bot."""

    inputs: Inputs
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _made: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    _bytes: int = 0
    _waiting: int = 0

    async def of(self, sha256: str) -> bytes | None:
        """Give a kept picture as a small WebP; None where it is not to be had now, or too many wait."""
        if sha256 in self._made:
            self._made.move_to_end(sha256)
            return self._made[sha256]
        if self._waiting >= MOST_WAIT:
            return None
        self._waiting += 1
        try:
            async with self._turn:
                if sha256 not in self._made:
                    self._keep(sha256, await self.inputs.small(sha256, SIDE))
                return self._made[sha256]
        except (InputError, MediaUnavailable):
            return None
        finally:
            self._waiting -= 1

    def _keep(self, sha256: str, data: bytes) -> None:
        self._made[sha256] = data
        self._bytes += len(data)
        while self._bytes > KEPT and len(self._made) > 1:
            _, oldest = self._made.popitem(last=False)
            self._bytes -= len(oldest)
