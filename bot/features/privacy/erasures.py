"""Erasures that were begun: gone on with slice by slice, beside everybody else, and told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

import structlog

from bot.domain import BotError, PendingErasure, TryLater
from bot.features.privacy.service import ERASED_AT_ONCE, PrivacyService
from bot.tg.replies import Replies
from bot.tg.tasks import work_off

log = structlog.get_logger(__name__)

PAUSE = 10.0  # seconds after a failure
TOLD_EVERY = 5.0  # seconds


@dataclass(slots=True)
class _Progress:
    """How many jobs an erasure found, how many are left, and when that was last said."""

    jobs: int
    left: int
    told_at: float


@dataclass(frozen=True, slots=True)
class Erasures:
    """Works off what /forget has begun, all accounts in turn; a new start goes on with it.

    `on_erased` is called when an account has nothing left.
    """

    replies: Replies
    privacy: PrivacyService
    on_erased: Callable[[], None]
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _progress: dict[int, _Progress] = field(default_factory=dict)

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        await work_off(self._erase_all, self._woken, "erasure waits", pause=PAUSE)

    async def _erase_all(self) -> None:
        """Give each account a turn until none is left; raises what the last failed one raised."""
        while under_way := await self.privacy.erasures():
            later: TryLater | None = None
            for erasure in under_way:
                try:
                    await self._advance(erasure)
                except TryLater as error:
                    later = error
            if later:
                raise later

    async def _advance(self, erasure: PendingErasure) -> None:
        if not erasure.up_to_job_id:
            await self._end(erasure)
            return
        began = monotonic()
        await self.privacy.go_on(erasure)
        await self._tell_progress(erasure)
        # Half of the writer's time is left to those who want pictures.
        await asyncio.sleep(monotonic() - began)

    async def _end(self, erasure: PendingErasure) -> None:
        text = self.replies.texts(erasure.locale, "forget.done")
        if erasure.stored:
            stored = self.replies.texts(erasure.locale, "forget.stored", n=erasure.stored)
            text += f"\n\n{stored}"
        await self._say(erasure, text)
        self._progress.pop(erasure.account_id, None)
        await self.privacy.end(erasure)
        self.on_erased()

    async def _tell_progress(self, erasure: PendingErasure) -> None:
        if (progress := self._progress.get(erasure.account_id)) is None:
            jobs = await self.privacy.left(erasure)
            progress = _Progress(max(1, jobs), jobs, monotonic())
            self._progress[erasure.account_id] = progress
        progress.left = max(0, progress.left - ERASED_AT_ONCE)
        if monotonic() - progress.told_at >= TOLD_EVERY:
            progress.told_at = monotonic()
            percent = 100 - 100 * progress.left // progress.jobs
            text = self.replies.texts(erasure.locale, "forget.working", percent=percent)
            with suppress(TryLater):  # the next one says more
                await self._say(erasure, text)

    async def _say(self, erasure: PendingErasure, text: str) -> None:
        """Put a text into the message that asked; raises TryLater. Who deleted it wants none."""
        if not erasure.message_id:  # an operator asked
            return
        try:
            await self.replies.sender.edit(erasure.account_id, erasure.message_id, text, None)
        except TryLater:
            raise
        except BotError as error:
            log.info("not told", error=type(error).__name__)
