"""The status messages of jobs in the queue, edited as it moves.

Seldom, for edits count against what Telegram lets a bot say: a round every ten seconds while
somebody waits, a few messages a round, one of a chat, and only where somebody has come nearer by
as much as he would notice. Where there is no room at all, they are left out.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import structlog

from bot.domain import Job, StorageUnavailable, TryLater
from bot.jobs.queue import QueuePosition, QueueService
from bot.jobs.submit import QueuedJob
from bot.tg.keyboards import Keyboards
from bot.tg.sender import Lost, Sender
from bot.tg.sending import Priority, watched
from bot.tg.status_text import StatusText
from bot.tg.tasks import BackgroundTasks

Find = Callable[[Job], Awaitable[int | None]]

log = structlog.get_logger(__name__)

ROUND_SECONDS = 10.0  # a message is not edited more often
AT_ONCE = 20  # edits a round
NOTICED = 5  # one of so many is a move worth telling
LAST_SECONDS = 5.0  # an edit that is on its way has them to arrive, before other words do
FINISHED = 10_000  # jobs that are remembered to wait no more: far more than leave during one edit


class _Shown(NamedTuple):
    """What somebody was told of his place, and when."""

    ahead: int
    dispatched: bool
    at: float


@dataclass(slots=True)
class QueueStatus:
    """Keeps the places in the queue up to date."""

    queue: QueueService
    sender: Sender
    keyboards: Keyboards
    text: StatusText
    background: BackgroundTasks
    _news: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _shown: dict[int, _Shown] = field(default_factory=dict, init=False)
    _edits: dict[int, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _finished: OrderedDict[int, None] = field(default_factory=OrderedDict, init=False)

    def __post_init__(self) -> None:
        self._news.set()  # jobs may wait since an earlier process

    def note(self, queued: QueuedJob) -> None:
        self._shown[queued.job.id] = _Shown(queued.ahead, queued.dispatched, _clock())
        self._news.set()

    def change(self, queued: QueuedJob, text: str, find: Find) -> None:
        """Say something else in a waiting job's message; `find` tells its id."""
        self.note(queued)
        earlier = self._edits.get(queued.job.id)

        async def edit() -> None:
            if earlier:
                await asyncio.wait([earlier])
            message_id = await find(queued.job)
            if message_id is not None:
                await self.edit(queued.job, message_id, text, Priority.ANSWER)

        self._start(queued.job, edit)

    async def settle(self, job_id: int) -> None:
        """Say no more of a job that waits no more; what is on its way arrives or is given up."""
        self._finished[job_id] = None
        while len(self._finished) > FINISHED:
            self._finished.popitem(last=False)
        if task := self._edits.get(job_id):
            await asyncio.wait([task], timeout=LAST_SECONDS)
            task.cancel()
            await asyncio.wait([task])

    async def run(self) -> None:
        """Edit for ever; nothing is done while nobody waits."""
        while True:
            await self._news.wait()
            self._news.clear()
            await asyncio.sleep(ROUND_SECONDS)
            try:
                somebody_waits = await self._round()
            except StorageUnavailable:
                somebody_waits = True
            except Exception:  # the loop's edge: a decoration must not end with one mistake
                log.exception("places in the queue not told")
                somebody_waits = True
            if somebody_waits:
                self._news.set()

    async def _round(self) -> bool:
        """Tell those who have come nearer; whether anybody waits."""
        told = set(self._shown)  # who is told of his place meanwhile is none of these
        positions = await self.queue.positions()
        for job_id in told.difference(place.job_id for place in positions):
            self._shown.pop(job_id, None)
        for place in list(self._due(positions)):
            await self._update(place)
        return bool(positions)

    def _due(self, positions: list[QueuePosition]) -> Iterator[QueuePosition]:
        """Choose whom to tell: those who have heard nothing for the longest time."""
        moved = [place for place in positions if self._moved(place)]
        chats: set[int] = set()
        for place in sorted(moved, key=self._shown_at):
            if len(chats) < AT_ONCE and place.chat_id not in chats:
                chats.add(place.chat_id)
                yield place

    def _moved(self, place: QueuePosition) -> bool:
        if place.job_id in self._edits or _clock() - self._shown_at(place) < ROUND_SECONDS:
            return False
        shown = self._shown.get(place.job_id)
        if shown is None:
            return True
        if place.ahead == 0:
            return shown.ahead > 0 or shown.dispatched is not place.dispatched
        return (shown.ahead - place.ahead) * NOTICED >= place.ahead

    def _shown_at(self, place: QueuePosition) -> float:
        shown = self._shown.get(place.job_id)
        return shown.at if shown else 0.0

    async def _update(self, place: QueuePosition) -> None:
        queued = await self.queue.queued(place)
        if queued is None or (message_id := queued.job.status_message_id) is None:
            return
        self.note(queued)
        text = self.text.position(queued)

        async def edit() -> None:
            if not await self.edit(queued.job, message_id, text):
                self._shown.pop(queued.job.id, None)  # it is still to be told

        self._start(queued.job, edit)

    def _start(self, job: Job, edit: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if job.id in self._finished:
            return
        task = self.background.run(edit(), f"place of job {job.id}")
        if task:
            self._edits[job.id] = task
            task.add_done_callback(lambda done: self._forget(job.id, done))

    def _forget(self, job_id: int, task: asyncio.Task[None]) -> None:
        if self._edits.get(job_id) is task:
            del self._edits[job_id]

    async def edit(
        self, job: Job, message_id: int, text: str, priority: Priority = Priority.MOVING
    ) -> bool:
        """Say where a job stands; False where Telegram has no room for it now."""
        keyboard = self.keyboards.status(job.locale, job.id)
        try:
            with watched(priority), suppress(Lost):
                await self.sender.edit(job.chat_id, message_id, text, keyboard)
        except TryLater:
            if priority is not Priority.MOVING:
                raise
            return False
        return True


def _clock() -> float:
    return asyncio.get_running_loop().time()
