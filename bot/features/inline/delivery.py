"""How a job stands in its inline message, from the placeholder to the picture.

The picture goes into a message of the storage chat first, by the same steps as anywhere else; its
file id is committed, then put into the inline message by an edit, which can be repeated.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from bot.domain import BotError, OutcomeKind, TryLater, Unreachable
from bot.domain.jobs import GUEST
from bot.features.inline import messages
from bot.tg.delivery import hopeless
from bot.tg.errors import Moved, Rejected
from bot.tg.sender import Lost, Target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from bot.domain import Job, Picture
    from bot.features.inline.messages import InlineSender
    from bot.jobs.calls import ProgressView
    from bot.jobs.messages import SentMessages
    from bot.jobs.submit import QueuedJob
    from bot.tg.delivery import Delivery
    from bot.tg.keyboards import Keyboards
    from bot.tg.replies import Replies

log = structlog.get_logger(__name__)

RENEWALS = 3  # how often the storage message may vanish under our hands before we wait


class NoProgress:
    """Shows nothing: an inline message is edited as rarely as possible."""

    def words(self, text: str) -> None:
        """Leave the model's words out."""

    def instead(self, label: str) -> None:
        """Leave out who draws."""


@dataclass(frozen=True, slots=True)
class InlineDelivery:
    """Speaks for jobs that have an inline message; `runs` tells whether one is being drawn."""

    inline: InlineSender
    replies: Replies
    sent: SentMessages
    delivery: Delivery
    keyboards: Keyboards
    cancel: Callable[[int], Awaitable[object]]
    runs: Callable[[int], bool]
    _announcing: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _drawing: set[int] = field(default_factory=set)  # jobs whose message says so already

    def announce(self, queued: QueuedJob) -> None:
        """Tell that a prompt was accepted, where its message does not say so already."""
        job, running = queued.job, self.runs(queued.job.id)
        if running:
            self._drawing.add(job.id)
        announcement = self._announce(job, running=running)
        task = self.replies.background.run(announcement, f"inline status of job {job.id}")
        if task:
            self._announcing[job.id] = task
            task.add_done_callback(lambda _: self._announcing.pop(job.id, None))

    def tell(self, message_id: str, text: str) -> None:
        """Make a message say why there is no job for it."""
        if message_id.startswith(GUEST):
            note = messages.note(text)
            answer = self.inline.answer_guest(message_id.removeprefix(GUEST), note)
            self.replies.background.run(answer, "reply to a guest message")
        else:
            self.replies.background.run(self.inline.edit(message_id, text, None), "inline reply")

    @asynccontextmanager
    async def accompany(self, job: Job) -> AsyncIterator[ProgressView]:
        """Show that a job is being drawn, for as long as the context is open."""
        shown = asyncio.create_task(self._say_drawing(job), name=f"inline status of job {job.id}")
        try:
            yield NoProgress()
        finally:
            shown.cancel()
            with suppress(asyncio.CancelledError):
                await shown
            self._drawing.discard(job.id)

    async def deliver(self, job: Job, pictures: list[Picture], *, again: bool) -> None:
        """Put a job's result where it belongs; `again` says that an earlier try may have begun it.

        Raises Unreachable where that is impossible and TryLater where it is now.
        """
        try:
            message_id = await self._message_of(job)
            if pictures:
                await self._show(job, message_id, pictures[0], again=again)
            else:
                await self._explain(job, message_id)
        except Moved as moved:
            await self.sent.chat_migrated(job.chat_id, moved.chat_id)
            self.replies.preferences.forget()
            raise TryLater(0) from moved
        except Rejected as refused:
            log.error("Telegram refuses an inline result", job=job.id, reason=refused.reason)  # noqa: TRY400 - expected, no traceback
            raise Unreachable(refused.reason) from refused

    async def _message_of(self, job: Job) -> str:
        """Tell a job's inline message; a guest's question is answered first, with a placeholder.

        It can be answered once: if nobody saw the end of that, its message is lost, and the job
        ends undelivered.
        """
        if (task := self._announcing.get(job.id)) and task is not asyncio.current_task():
            await asyncio.wait([task])
        message_id = await self.sent.inline(job.id)
        if not message_id:
            raise Unreachable("the inline message is gone")
        if message_id.startswith(GUEST):
            offer = messages.offer(self.replies.texts, job.locale, job.request.prompt, job.id)
            message_id = await self.inline.answer_guest(message_id.removeprefix(GUEST), offer)
            await self.sent.inline_placed(job.id, message_id)
        return message_id

    async def _announce(self, job: Job, *, running: bool) -> None:
        """Say first what is to be said; where nobody can be told, nothing is bought either."""
        try:
            message_id = await self._message_of(job)
            if job.ordinal or not (running or _is_guests(job)):
                key = "inline.drawing" if running else "inline.waiting"
                await self._say(job, message_id, key)
        except (Unreachable, Rejected):
            await self.cancel(job.id)
            raise

    async def _say_drawing(self, job: Job) -> None:
        """Say "drawing" where something else was said, or may have been before a crash."""
        try:
            message_id = await self._message_of(job)
            if job.id not in self._drawing:
                await self._say(job, message_id, "inline.drawing")
        except (Unreachable, Rejected):
            # An answer to a guest that cannot be given will not be; of all others delivery decides.
            if _is_guests(job):
                await self.cancel(job.id)
        except BotError:
            return  # decoration only: delivery finds out by itself what is wrong
        except Exception:  # the task's edge: a decoration must not cost a picture
            log.exception("inline status failed", job=job.id)

    async def _say(self, job: Job, message_id: str, key: str) -> None:
        text = self.replies.texts(job.locale, key, prompt=job.request.prompt)
        keyboard = messages.cancel(self.replies.texts, job.locale, job.id)
        await self.inline.edit(message_id, text, keyboard)

    async def _show(self, job: Job, message_id: str, picture: Picture, *, again: bool) -> None:
        try:
            file_id = picture.file_id or await self._stored(job, picture, again=again)
        except (Unreachable, Rejected):
            text = self.replies.texts(job.locale, f"outcome.{OutcomeKind.UNDELIVERABLE}")
            await self.inline.edit(message_id, text, None)
            raise
        prompt, photo = job.request.prompt, self.delivery.upload(picture).fits_photo
        keyboard = messages.another(self.replies.texts, job.locale, prompt)
        await self.inline.put(message_id, file_id, prompt, keyboard, photo=photo)

    async def _stored(self, job: Job, picture: Picture, *, again: bool) -> str:
        """Upload a picture to the storage chat, once; tells Telegram's name for it."""
        sender, place = self.replies.sender, picture.message_id

        async def remember(message_id: int) -> None:
            await self.sent.picture_placed(picture, job.chat_id, message_id)

        for _ in range(RENEWALS):
            if place is None:
                place = await sender.send_once(
                    Target(job.chat_id),
                    f"#{job.id}",
                    remember=remember,
                    above=job.after_message_id,
                    uncertain=again,
                )
            with suppress(Lost):
                upload = self.delivery.upload(picture)
                file_id = await sender.put_picture(job.chat_id, place, upload, "", None)
                if file_id:
                    await self.sent.delivered(picture, job.chat_id, place, file_id)
                    return file_id
            # It is gone, or has the picture already under a name that nobody told us.
            await self.sent.picture_removed(job.chat_id, place)
            place = None
        raise TryLater

    async def _explain(self, job: Job, message_id: str) -> None:
        text = self.delivery.explanation(job)
        keyboard = None if hopeless(job) else self.keyboards.retry(job.locale, job.id)
        await self.inline.edit(message_id, text, keyboard)


def _is_guests(job: Job) -> bool:
    return (job.inline_message_id or "").startswith(GUEST)
