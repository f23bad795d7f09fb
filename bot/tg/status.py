"""Status messages: one for each job, from "in the queue" until it becomes the picture."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import structlog
from telegram.constants import ChatAction

from bot.domain import BotError, Unreachable, now
from bot.tg.errors import Rejected
from bot.tg.queue_status import QueueStatus
from bot.tg.sender import Lost, target_of
from bot.tg.status_text import lines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from bot.domain import Job
    from bot.jobs.calls import ProgressView
    from bot.jobs.messages import SentMessages
    from bot.jobs.queue import QueueService
    from bot.jobs.results import QueuedJob
    from bot.tg.keyboards import Keyboards
    from bot.tg.sender import Sender
    from bot.tg.status_text import StatusText
    from bot.tg.tasks import BackgroundTasks

    Put = Callable[[str], Awaitable[None]]

log = structlog.get_logger(__name__)

ACTION_AFTER = 3.0  # seconds; who waits for less needs no more than the status
ACTION_SECONDS = 4.5  # a chat action is shown for five
ELAPSED_SECONDS = 30.0  # who waits for longer is told for how long


class StatusMessages:
    """Shows how a job stands; the message's id is committed as soon as it is known."""

    def __init__(
        self,
        *,
        sender: Sender,
        sent: SentMessages,
        background: BackgroundTasks,
        wording: StatusText,
        queue: QueueService,
        keyboards: Keyboards,
        call_off: Callable[[int], Awaitable[object]],
    ) -> None:
        self._sender = messages
        self._sent = places
        self._background = talk
        self._wording = wording
        self.waiting = QueueStatus(
            queue=queue, sender=sender, keyboards=keyboards, wording=wording, background=talk
        )
        self._keyboards = keyboards
        self._call_off = call_off
        self._announcing: dict[int, asyncio.Task[None]] = {}
        self._closing: dict[int, asyncio.Task[None]] = {}
        self._drawing: set[int] = set()  # jobs whose message says so already

    def announce(self, accepted: QueuedJob) -> None:
        """Tell at once that a wish was accepted, and where it stands."""
        job = accepted.job
        text = self._wording.standing(accepted)
        if accepted.started:
            self._drawing.add(job.id)
        else:
            self.waiting.told(accepted)
        task = self._background.run(self._tell(job, text), f"status of job {job.id}")
        if task:
            self._announcing[job.id] = task
            task.add_done_callback(lambda _: self._announcing.pop(job.id, None))

    def changed(self, accepted: QueuedJob) -> None:
        """Tell that an edited message changed a job that waits."""
        self.waiting.change(accepted, self._wording.changed(accepted), self._known)

    @asynccontextmanager
    async def accompany(self, job: Job) -> AsyncIterator[ProgressView]:
        """Show that a job is being drawn, for as long as the context is open."""
        live = self._live(job)
        shown = asyncio.create_task(self._show(job, live), name=f"chat action of job {job.id}")
        try:
            yield live
        finally:
            shown.cancel()
            with suppress(asyncio.CancelledError):
                await shown
            # Not waited for here: an answer that was paid for is kept first.
            self._closing[job.id] = asyncio.create_task(live.close(), name="end of live words")
            self._drawing.discard(job.id)

    async def quiet(self, job: Job) -> None:
        """Wait until nothing is being said of a job any more: for some seconds at most."""
        await self.waiting.settle(job.id)
        if closing := self._closing.pop(job.id, None):
            await closing

    async def message_of(self, job: Job) -> int:
        """Tell the id of a job's status message; one is made where there is none.

        Raises Unreachable, TryLater and Moved.
        """
        message_id = await self._known(job)
        if message_id is not None:
            return message_id
        return await self._place(job, self._drawing_text(job), uncertain=True)

    async def renew(self, job: Job) -> int:
        """Make a new status message in place of one that is gone."""
        await self._sent.status_lost(job.id)
        return await self._place(job, self._drawing_text(job), uncertain=False)

    async def _known(self, job: Job) -> int | None:
        if job.status_message_id is not None:
            return job.status_message_id
        if task := self._announcing.get(job.id):
            await asyncio.wait([task])
        return await self._sent.status(job.id)

    async def _tell(self, job: Job, text: str) -> None:
        """Place the first status; where nobody can be told anything, nothing is bought either."""
        try:
            await self._place(job, text, uncertain=False)
        except Unreachable:
            await self._call_off(job.id)
            raise

    async def _place(self, job: Job, text: str, *, uncertain: bool) -> int:
        surplus = False

        async def remember(message_id: int) -> None:
            nonlocal surplus
            surplus = not await self._sent.status_placed(job.id, message_id)
            if surplus:
                await self._sender.delete(job.chat_id, message_id)

        message_id = await self._sender.send_once(
            target_of(job),
            text,
            self._keyboards.status(job.locale, job.id),
            remember=remember,
            above=job.after_message_id,
            uncertain=uncertain,
        )
        return (await self._sent.status(job.id) or message_id) if surplus else message_id

    async def _show(self, job: Job, live: Progress) -> None:
        """Say "drawing" where something else was said, then show the action again and again."""
        try:
            await self.waiting.settle(job.id)
            if job.id not in self._drawing:
                await self._say_drawing(job)
            told = 0.0
            await asyncio.sleep(ACTION_AFTER)
            while True:
                await self._sender.act(job.chat_id, job.thread_id, ChatAction.UPLOAD_PHOTO)
                seconds = _seconds(job)
                if seconds - told >= max(ELAPSED_SECONDS, told / 2):  # ever more seldom
                    told = seconds
                    live.elapsed(self._wording.elapsed(job, seconds))
                await asyncio.sleep(ACTION_SECONDS)
        except BotError:
            return  # decoration only: delivery finds out by itself what is wrong with the chat
        except Exception:  # the task's edge: a decoration must not cost a picture
            log.exception("chat action failed", job=job.id)

    def _live(self, job: Job) -> Progress:
        async def edit(text: str) -> None:
            await self.waiting.settle(job.id)
            message_id = await self.message_of(job)
            keyboard = self._keyboards.status(job.locale, job.id)
            with suppress(Lost):
                await self._sender.edit(job.chat_id, message_id, text, keyboard)

        async def draft(text: str) -> None:
            await self._sender.draft(job, text)

        def instead(label: str) -> str:
            return self._wording.instead(job, label)

        return Progress(
            self._wording.drawing(job),
            instead,
            edit=edit,
            draft=draft if job.private else None,
            usual=self._wording.usual(job),
        )

    async def _say_drawing(self, job: Job) -> None:
        message_id = await self.message_of(job)
        text, keyboard = self._drawing_text(job), self._keyboards.status(job.locale, job.id)
        with suppress(Lost):
            await self._sender.edit(job.chat_id, message_id, text, keyboard)

    def _drawing_text(self, job: Job) -> str:
        return lines(self._wording.drawing(job), self._wording.usual(job))


def _seconds(job: Job) -> float:
    """Tell for how long a job has been drawn, restarts included."""
    return (now() - (job.started_at or now())).total_seconds()


DRAFT_SECONDS, EDIT_SECONDS = 1.0, 10.0  # between two of a kind
LAST_SECONDS = 5.0


class Progress:
    """Shows one job's progress; `draft` is None where there are no drafts.

    `head` says that something is drawn, `usual` how long that takes, `instead` words that another
    model does.
    """

    def __init__(
        self,
        head: str,
        instead: Callable[[str], str],
        *,
        edit: Put,
        draft: Put | None,
        usual: str = "",
    ) -> None:
        self._head = head
        self._usual = usual
        self._elapsed = ""
        self._instead = instead
        self._words = ""
        self._draft = draft
        self._drafts = _Ticker(self._put_draft, DRAFT_SECONDS)
        self._edits = _Ticker(edit, EDIT_SECONDS)

    def words(self, text: str) -> None:
        """Show what the model has said so far."""
        self._words = text
        if self._draft:
            self._drafts.tell(text)
        else:
            self._edits.tell(self._standing())

    def instead(self, label: str) -> None:
        """Show that another model draws."""
        self._head, self._words, self._usual = self._instead(label), "", ""
        self._edits.tell(self._standing())

    def elapsed(self, text: str) -> None:
        """Show how long it has taken."""
        self._elapsed = text
        self._edits.tell(self._standing())

    async def close(self) -> None:
        """End; what is on its way has some seconds to arrive before the result does."""
        await self._drafts.close()
        await self._edits.close()

    def _standing(self) -> str:
        times = " · ".join(filter(None, (self._elapsed, self._usual)))
        words = "" if self._draft else self._words
        return "\n\n".join(filter(None, (lines(self._head, times), words)))

    async def _put_draft(self, text: str) -> None:
        if self._draft is None:
            return
        try:
            await self._draft(text)
        except Rejected:  # an older Bot API server
            self._draft = None
            self._edits.tell(self._standing())


class _Ticker:
    """Puts the newest text at most every `gap` seconds; what came between is never seen."""

    def __init__(self, put: Put, gap: float) -> None:
        self._put = put
        self._gap = gap
        self._text = ""
        self._news = asyncio.Event()
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def tell(self, text: str) -> None:
        if not text or text == self._text or self._over.is_set():
            return
        self._text = text
        self._news.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="live words")

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
                await self._put(self._text)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._gap):
                        await self._over.wait()
                await self._news.wait()
        except BotError:
            return  # decoration only: delivery finds out by itself what is wrong with the chat
        except Exception:  # the task's edge: a decoration must not cost a picture
            log.exception("progress could not be shown")
