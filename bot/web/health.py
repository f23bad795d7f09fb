"""Whether the bot is well: /healthz says that it is alive, /readyz of what it needs what is wrong."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot.domain import StorageUnavailable, now
from bot.features.admin.version import program_version
from bot.heartbeat import Heartbeat
from bot.media.store import MediaStore
from bot.storage import Store, Transaction

TRUSTED = 2.0  # seconds that one look counts: whoever asks often does not write often
SILENCE = 90.0  # seconds without an answer of Telegram's; a poll is held for 50
PATIENCE = 5.0  # seconds for the database
AWAY = 60.0  # seconds in which other processes are not heard
# Of no request it is true that it fails for that: what others have decided is read meanwhile.
NOTICES = "notices"
_MIB = 1 << 20
_NO_STORE = {"Cache-Control": "no-store"}


class _Undone(Exception):
    """Rolls a write back."""


@dataclass(slots=True)
class Vitals:
    """Looks at what the bot needs; `answered_at` tells by `monotonic` when Telegram last answered."""

    store: Store
    heartbeat: Heartbeat
    answered_at: Callable[[], float]
    media: MediaStore
    least_free_mb: int
    _seen: dict[str, bool] = field(default_factory=dict, init=False)
    _seen_at: float = field(default=float("-inf"), init=False)
    _writing: asyncio.Task[bool] | None = field(default=None, init=False)
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def lamps(self) -> dict[str, bool]:
        """Tell of each part whether it is well."""
        async with self._looking:
            if monotonic() - self._seen_at > TRUSTED:
                self._seen, self._seen_at = await self._look(), monotonic()
        return self._seen

    async def _look(self) -> dict[str, bool]:
        stalled = self.heartbeat.stalled
        notices = self.store.notices.away < AWAY
        return {
            **({NOTICES: notices} if self.store.is_shared else {}),
            "database": await self._writable(),
            "telegram": self.silence < SILENCE,
            **{part: part not in stalled for part in ("polling", "dispatcher")},
            "disk": await asyncio.to_thread(self.free) >= self.least_free_mb * _MIB,
            **({"bucket": self.media.answers()} if self.media.in_bucket else {}),
        }

    @property
    def silence(self) -> float:
        """Seconds since Telegram last answered a poll; infinite before it first has."""
        return monotonic() - self.answered_at()

    def free(self) -> int:
        """Look how many bytes are free: none where the folder is gone. Blocks."""
        try:
            return shutil.disk_usage(self.media.root).free
        except FileNotFoundError:
            return 0

    async def _writable(self) -> bool:
        """Write something that is not kept; a write that has begun cannot be broken off."""
        self._writing = self._writing or asyncio.create_task(self._write(), name="readyz")
        done, _ = await asyncio.wait([self._writing], timeout=PATIENCE)
        if not done:
            return False
        written, self._writing = self._writing.result(), None
        return written

    async def _write(self) -> bool:
        try:
            await self.store.write(_touch)
        except _Undone:
            return True
        except StorageUnavailable:
            return False
        return True


def _touch(tx: Transaction) -> None:
    tx.keys.add("readyz", now())
    raise _Undone


def health_routes(vitals: Vitals) -> list[BaseRoute]:
    async def ready(_: Request) -> Response:
        lamps = await vitals.lamps()
        well = all(fine for part, fine in lamps.items() if part != NOTICES)
        told = {part: "ok" if fine else "failing" for part, fine in lamps.items()}
        return JSONResponse(
            {"status": "ok" if well else "failing", **told}, 200 if well else 503, _NO_STORE
        )

    async def alive(_: Request) -> Response:
        return PlainTextResponse("ok\n", headers=_NO_STORE)

    async def tell_version(_: Request) -> Response:
        return JSONResponse({"version": program_version()}, headers=_NO_STORE)

    return [
        Route("/healthz", alive),
        Route("/readyz", ready),
        Route("/version", tell_version),
    ]
