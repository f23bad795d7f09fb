"""Waiting: the status messages of jobs in the queue, edited as it moves.

Seldom, for edits count against what Telegram lets a bot say: a round every ten seconds while
somebody waits, a few messages a round, one of a chat, and only where somebody has come nearer by
as much as he would notice.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from bot.domain import StorageUnavailable
from bot.tg.sender import Lost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from bot.domain import Job
    from bot.jobs.queue import QueuePosition, QueueService
    from bot.jobs.results import QueuedJob
    from bot.tg.keyboards import Keyboards
    from bot.tg.sender import Sender
    from bot.tg.status_text import StatusText
    from bot.tg.tasks import BackgroundTasks

    Find = Callable[[Job], Awaitable[int | None]]

log = structlog.get_logger(__name__)

ROUND_SECONDS = 10.0  # a message is not edited more often
AT_ONCE = 20  # edits a round
NOTICED = 5  # one of so many is a move worth telling
LAST_SECONDS = 5.0  # an edit that is on its way has them to arrive, before other words do
LEFT = 10_000  # jobs that are remembered to wait no more: far more than leave during one edit


class QueueStatus:
    """Keeps the places in the queue up to date."""

    def __init__(
        self,
        *,
        queue: QueueService,
        sender: Sender,
        keyboards: Keyboards,
        wording: StatusText,
        background: BackgroundTasks,
    ) -> None:
        self._queue = queue
        self._sender = messages
        self._keyboards = keyboards
        self._wording = wording
        self._background = talk
        self._news = asyncio.Event()
        self._news.set()  # jobs may wait since an earlier process
        self._told: dict[int, tuple[int, bool]] = {}
        self._told_at: dict[int, float] = {}
        self._edits: dict[int, asyncio.Task[None]] = {}
        self._left: OrderedDict[int, None] = OrderedDict()

    def told(self, accepted: QueuedJob) -> None:
        """Note that somebody waits, and what he was told."""
        self._told[accepted.job.id] = (accepted.ahead, accepted.dispatched)
        self._told_at[accepted.job.id] = _clock()
        self._news.set()

    def change(self, accepted: QueuedJob, text: str, find: Find) -> None:
        """Say something else in a waiting job's message; `find` tells its id."""
        self.told(accepted)
        earlier = self._edits.get(accepted.job.id)

        async def say() -> None:
            if earlier:
                await asyncio.wait([earlier])
            message_id = await find(accepted.job)
            if message_id is not None:
                await self._edit(accepted.job, message_id, text)

        self._begin(accepted.job, say)

    async def settle(self, job_id: int) -> None:
        """Say no more of a job that waits no more; what is on its way arrives or is given up."""
        self._left[job_id] = None
        while len(self._left) > LEFT:
            self._left.popitem(last=False)
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
                waited_for = await self._round()
            except StorageUnavailable:
                waited_for = True
            except Exception:  # the loop's edge: a decoration must not end with one mistake
                log.exception("places in the queue not told")
                waited_for = True
            if waited_for:
                self._news.set()

    async def _round(self) -> bool:
        """Tell those who have come nearer; whether anybody waits."""
        line = await self._queue.line()
        waits = {place.job_id for place in line}
        self._told = {job: told for job, told in self._told.items() if job in waits}
        self._told_at = {job: at for job, at in self._told_at.items() if job in waits}
        for place in list(self._due(line)):
            await self._tell(place)
        return bool(line)

    def _due(self, line: list[QueuePosition]) -> Iterator[QueuePosition]:
        """Choose whom to tell: those who have heard nothing for the longest time."""
        moved = [place for place in line if self._moved(place)]
        chats: set[int] = set()
        for place in sorted(moved, key=lambda place: self._told_at.get(place.job_id, 0.0)):
            if len(chats) < AT_ONCE and place.chat_id not in chats:
                chats.add(place.chat_id)
                yield place

    def _moved(self, place: QueuePosition) -> bool:
        now = _clock()
        if place.job_id in self._edits or now - self._told_at.get(place.job_id, 0) < ROUND_SECONDS:
            return False
        told = self._told.get(place.job_id)
        if told is None:
            return True
        ahead, dispatched = told
        if place.ahead == 0:
            return ahead > 0 or dispatched is not place.dispatched
        return (ahead - place.ahead) * NOTICED >= place.ahead

    async def _tell(self, place: QueuePosition) -> None:
        accepted = await self._queue.waiting(place)
        if accepted is None or (message_id := accepted.job.status_message_id) is None:
            return
        self.told(accepted)
        text = self._wording.standing(accepted)
        self._begin(accepted.job, lambda: self._edit(accepted.job, message_id, text))

    def _begin(self, job: Job, utterance: Callable[[], Awaitable[None]]) -> None:
        if job.id in self._left:
            return

        async def say() -> None:
            await utterance()

        task = self._background.run(say(), f"place of job {job.id}")
        if task:
            self._edits[job.id] = task
            task.add_done_callback(lambda done: self._ended(job.id, done))

    def _ended(self, job_id: int, task: asyncio.Task[None]) -> None:
        if self._edits.get(job_id) is task:
            del self._edits[job_id]

    async def _edit(self, job: Job, message_id: int, text: str) -> None:
        keyboard = self._keyboards.status(job.locale, job.id)
        with suppress(Lost):
            await self._sender.edit(job.chat_id, message_id, text, keyboard)


def _clock() -> float:
    return asyncio.get_running_loop().time()
