"""Status messages: one for each job, from "in the queue" until it becomes the picture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import structlog
from telegram.constants import ChatAction

from bot.domain import BotError, Job, TryLater, Unreachable, now
from bot.domain.jobs import ANNOUNCED_WITHIN
from bot.jobs.calls import ProgressView
from bot.jobs.messages import SentMessages
from bot.jobs.submit import QueuedJob
from bot.tg.errors import Moved, Rejected
from bot.tg.keyboards import Keyboards
from bot.tg.queue_status import QueueStatus
from bot.tg.sender import Markup, Sender, target_of
from bot.tg.sending import Priority, Sending, urgency, watched, watching
from bot.tg.status_text import StatusText, lines
from bot.tg.tasks import BackgroundTasks

Put = Callable[[str], Awaitable[None]]

log = structlog.get_logger(__name__)

ACTION_AFTER = 3.0  # seconds; who waits for less needs no more than the status
ACTION_SECONDS = 4.5  # a chat action is shown for five
ELAPSED_SECONDS = 20.0  # who waits for longer is told for how long, ever more seldom
DRAFT_SECONDS, EDIT_SECONDS = 1.0, 10.0  # between two of a kind
LAST_SECONDS = 5.0
FIRST_WORD_SECONDS = 10.0  # for which a job holds its slot before anything is said of it


@dataclass(frozen=True, slots=True)
class StatusMessages:
    """Shows how a job stands; the message's id is committed as soon as it is known.

    `cancel` is called where nobody can be told anything; `runs` says which jobs are being drawn.
    """

    sender: Sender
    sent: SentMessages
    background: BackgroundTasks
    text: StatusText
    positions: QueueStatus
    keyboards: Keyboards
    cancel: Callable[[int], Awaitable[object]]
    runs: Callable[[int], bool]
    _announcing: dict[int, tuple[asyncio.Task[None], Sending]] = field(
        default_factory=dict, init=False
    )
    # Jobs whose message has never left: it need not be looked for.
    _unsent: set[int] = field(default_factory=set, init=False)
    _closing: dict[int, asyncio.Task[None]] = field(default_factory=dict, init=False)
    # Jobs whose first word is refused, of those that run, and jobs whose first word failed otherwise.
    _refused: set[int] = field(default_factory=set, init=False)
    _unplaced: set[int] = field(default_factory=set, init=False)
    # Jobs whose message says already that they are drawn.
    _drawing: set[int] = field(default_factory=set, init=False)

    def announce(self, *jobs: QueuedJob) -> None:
        for queued in jobs:
            self._announce(queued)

    def _announce(self, queued: QueuedJob) -> None:
        job, started = queued.job, self.runs(queued.job.id)
        text = self.text.position(queued, started=started)
        if started:
            self._drawing.add(job.id)
        else:
            self.positions.note(queued)
        if not self._begin(job, text, Priority.STARTED if started else Priority.WAITING):
            self._drawing.discard(job.id)  # nothing was said
            self._unsent.add(job.id)

    def _begin(self, job: Job, text: str, priority: Priority, *, uncertain: bool = False) -> bool:
        """Place a job's first status beside everything else, if that is not too much."""
        sending = Sending(priority)
        placing = self._place_first(job, text, sending, uncertain=uncertain)
        task = self.background.run(placing, f"status of job {job.id}", of=job.account_id)
        if task:
            self._announcing[job.id] = task, sending
            task.add_done_callback(lambda _: self._announcing.pop(job.id, None))
        return task is not None

    def changed(self, queued: QueuedJob) -> None:
        self.positions.change(queued, self.text.changed(queued), self._known)

    @asynccontextmanager
    async def accompany(self, job: Job) -> AsyncIterator[ProgressView]:
        first_word = asyncio.create_task(self._first_word(job), name="first word")
        progress = Progress(job, self, first_word)
        shown = asyncio.create_task(
            self._show(job, progress, first_word), name=f"chat action of job {job.id}"
        )
        try:
            yield progress
        finally:
            shown.cancel()
            with suppress(asyncio.CancelledError):
                await shown
            first_word.cancel()
            self._refused.discard(job.id)
            if job.id not in self._announcing:
                self._unplaced.discard(job.id)
            # Not waited for here: an answer that was paid for is kept first.
            if progress.shows:
                ending = asyncio.create_task(progress.close(), name="end of progress")
                self._closing[job.id] = ending
            self._drawing.discard(job.id)

    async def settle(self, job: Job) -> None:
        """Wait until nothing is being said of a job any more: for some seconds at most."""
        await self.positions.settle(job.id)
        if closing := self._closing.pop(job.id, None):
            await closing

    async def message_of(self, job: Job) -> int:
        """Tell the id of a job's status message; one is made where there is none.

        Raises Unreachable, TryLater and Moved.
        """
        message_id = await self._known(job)
        if message_id is not None:
            return message_id
        with watched() as sending:
            try:
                uncertain = job.id not in self._unsent
                return await self._place(job, self.text.drawn(job), uncertain=uncertain)
            finally:
                if sending.begun:
                    self._unsent.discard(job.id)

    async def of_ended(self, jobs: Sequence[Job]) -> AsyncIterator[tuple[Job, int]]:
        """Find the messages of jobs that ended while they waited; what has not left is not said."""
        for job in jobs:
            if job.id in self._announcing:
                task, sending = self._announcing[job.id]
                if not sending.begun:
                    task.cancel()
        for job in jobs:
            await self.positions.settle(job.id)
            message_id = await self._known(job)
            self._unsent.discard(job.id)
            if message_id is not None:
                yield job, message_id

    async def renew(self, job: Job) -> int:
        await self.sent.status_lost(job.id)
        return await self._place(job, self.text.drawn(job))

    async def replace(self, job: Job, text: str, markup: Markup, *, uncertain: bool) -> int:
        """Say the last word of a job in a new message, which is its status from then on."""
        return await self.sender.send_once(
            target_of(job),
            text,
            markup,
            remember=partial(self.sent.status_replaced, job.id),
            above=job.after_message_id,
            uncertain=uncertain,
        )

    async def _known(self, job: Job) -> int | None:
        if job.status_message_id is not None:
            return job.status_message_id
        await self._announced(job.id)
        return await self.sent.status(job.id)

    async def _announced(self, job_id: int) -> bool:
        """Wait for a job's first word where that is under way: it is as urgent as what waits for it."""
        if job_id not in self._announcing:
            return False
        task, sending = self._announcing[job_id]
        sending.hurry(urgency())
        await asyncio.wait([task])
        return True

    async def _place_first(self, job: Job, text: str, sending: Sending, *, uncertain: bool) -> None:
        """Place the first status; where nobody can be told anything, nothing is bought either."""
        self._unplaced.add(job.id)
        self._refused.discard(job.id)
        with watching(sending):
            try:
                async with asyncio.timeout(_left(job)):
                    await self._place(job, text, uncertain=uncertain)
            except (Unreachable, Rejected) as refused:
                reason = str(refused)
                log.warning("nothing can be said, so nothing is drawn", job=job.id, reason=reason)
                if self.runs(job.id):
                    self._refused.add(job.id)  # it waits for this
                else:
                    await self.cancel(job.id)
                raise
            except Moved as moved:
                await self.sent.chat_migrated(job.chat_id, moved.chat_id)
                raise
            else:
                self._unplaced.discard(job.id)
            finally:
                if sending.begun:
                    self._unsent.discard(job.id)
                elif not uncertain:
                    self._unsent.add(job.id)
                if job.announced_until and job.id in self._unplaced:
                    await self.sent.unannounced(job.id)

    async def _first_word(self, job: Job) -> bool | None:
        """Wait until a job's message stands, and see to it; tells whether that is refused for good.

        None where it could not be said; that is no refusal. Whoever stops waiting leaves what is
        being sent on its way: the next time it is found.
        """
        try:
            with watched(Priority.STARTED):
                announced = await self._announced(job.id)
                begun = announced or job.id in self._drawing | self._refused
                if not (begun or job.status_message_id or await self.sent.status(job.id)):
                    uncertain, text = job.id not in self._unsent, self.text.drawn(job)
                    self._drawing.add(job.id)
                    self._begin(job, text, Priority.STARTED, uncertain=uncertain)
                    if not await self._announced(job.id):
                        return None  # too much is being said
        except BotError:
            return None
        except Exception:  # the task's edge
            log.exception("the first word failed", job=job.id)
            return None
        if job.id in self._refused:
            return True
        return None if job.id in self._unplaced else False

    async def _place(self, job: Job, text: str, *, uncertain: bool = False) -> int:
        surplus = False

        async def remember(message_id: int) -> None:
            nonlocal surplus
            surplus = not await self.sent.status_placed(job.id, message_id)
            if surplus:
                await self.sender.delete(job.chat_id, message_id)

        message_id = await self.sender.send_once(
            target_of(job),
            text,
            self.keyboards.status(job.locale, job.id),
            remember=remember,
            above=job.after_message_id,
            uncertain=uncertain,
        )
        return (await self.sent.status(job.id) or message_id) if surplus else message_id

    async def _show(
        self, job: Job, progress: Progress, first_word: asyncio.Task[bool | None]
    ) -> None:
        """Say "drawing" where something else was said, then show the action again and again."""
        try:
            await self.positions.settle(job.id)
            if await asyncio.shield(first_word) is not False:
                return
            if job.id not in self._drawing:
                await self.edit(job, self.text.drawn(job))
            shown = 0.0
            await asyncio.sleep(ACTION_AFTER)
            while True:
                await self.sender.act(job.chat_id, job.thread_id, ChatAction.UPLOAD_PHOTO)
                seconds = (now() - (job.started_at or now())).total_seconds()  # restarts included
                if seconds - shown >= max(ELAPSED_SECONDS, shown):
                    shown = seconds
                    progress.elapsed(self.text.elapsed(job, seconds))
                await asyncio.sleep(ACTION_SECONDS)
        except BotError:
            return  # decoration only: delivery finds out by itself what is wrong with the chat
        except Exception:  # the task's edge: a decoration must not cost a picture
            log.exception("chat action failed", job=job.id)

    async def edit(self, job: Job, text: str) -> None:
        """Put a text into a drawn job's message, after the last word on its place."""
        await self.positions.settle(job.id)
        with watched(Priority.MOVING):
            await self.positions.edit(job, await self.message_of(job), text)


class Progress:
    """Shows how a job's drawing goes: in private, its words are drafts."""

    def __init__(
        self, job: Job, status: StatusMessages, first_word: asyncio.Task[bool | None]
    ) -> None:
        self._job, self._status, self._first_word = job, status, first_word
        self._instead = self._elapsed = self._words = ""
        self._has_drafts = job.private
        self._drafts = _Ticker(self._put_draft, DRAFT_SECONDS)
        self._edits = _Ticker(partial(status.edit, job), EDIT_SECONDS)

    async def refused(self) -> bool:
        done, _ = await asyncio.wait([self._first_word], timeout=FIRST_WORD_SECONDS)
        refused = self._first_word.result() if done else None
        if refused is None:
            raise TryLater
        return refused

    def words(self, text: str) -> None:
        self._words = text
        if self._has_drafts:
            self._drafts.show(text)
        else:
            self._edits.show(self._text_now())

    def instead(self, label: str) -> None:
        self._instead, self._words = label, ""
        self._edits.show(self._text_now())

    def elapsed(self, text: str) -> None:
        self._elapsed = text
        self._edits.show(self._text_now())

    @property
    def shows(self) -> bool:
        """Whether anything was to be shown, which may be on its way."""
        return self._drafts.begun or self._edits.begun

    async def close(self) -> None:
        """End; what is on its way has some seconds to arrive before the result does."""
        await self._drafts.close()
        await self._edits.close()

    def _text_now(self) -> str:
        text, job = self._status.text, self._job
        usual = "" if self._instead else text.usual(job)
        times = " · ".join(filter(None, (self._elapsed, usual)))
        head = text.instead(job, self._instead) if self._instead else text.drawing(job)
        words = "" if self._has_drafts else self._words
        return "\n\n".join(filter(None, (lines(head, times, text.notes(job)), words)))

    async def _put_draft(self, text: str) -> None:
        if not self._has_drafts:
            return
        try:
            await self._status.sender.draft(self._job, text)
        except Rejected:  # an older Bot API server
            self._has_drafts = False
            self._edits.show(self._text_now())


@dataclass(slots=True)
class _Ticker:
    """Puts the newest text at most every `gap` seconds; what came between is never seen."""

    put: Put
    gap: float
    _text: str = field(default="", init=False)
    _news: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _over: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _task: asyncio.Task[None] | None = field(default=None, init=False)

    def show(self, text: str) -> None:
        if not text or text == self._text or self._over.is_set():
            return
        self._text = text
        self._news.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="progress")

    @property
    def begun(self) -> bool:
        return self._task is not None

    async def close(self) -> None:
        self._over.set()
        self._news.set()
        if self._task is None:
            return
        await asyncio.wait([self._task], timeout=LAST_SECONDS)
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while not self._over.is_set():
                self._news.clear()
                await self.put(self._text)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.gap):
                        await self._over.wait()
                await self._news.wait()
        except BotError:
            return  # decoration only: delivery finds out by itself what is wrong with the chat
        except Exception:  # the task's edge: a decoration must not cost a picture
            log.exception("progress could not be shown")


def _left(job: Job) -> float | None:
    """Tell for how many seconds others leave a job's first word to this process; None where none do."""
    until = job.created_at + ANNOUNCED_WITHIN if job.announced_until else now()
    seconds = (until - now()).total_seconds()
    return seconds if seconds > 0 else None
