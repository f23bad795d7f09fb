"""Inline places: how a job stands in its inline message, from the placeholder to the picture.

The picture goes into a message of the storage chat first, by the same steps as anywhere else; its
file id is committed, then put into the inline message by an edit, which can be repeated.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Protocol

import structlog

from bot.domain import BotError, OutcomeKind, TryLater, Unreachable
from bot.domain.jobs import GUEST
from bot.features.inline import messages as inline_messages
from bot.tg.delivery import hopeless
from bot.tg.errors import Moved, Rejected
from bot.tg.sender import Lost, Target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from telegram import InlineKeyboardMarkup

    from bot.domain import Job, Picture
    from bot.features.inline.messages import InlineSender
    from bot.i18n.texts import Texts
    from bot.jobs.calls import ProgressView
    from bot.jobs.messages import SentMessages
    from bot.jobs.preferences import PreferenceService
    from bot.jobs.results import QueuedJob
    from bot.tg.delivery import Delivery
    from bot.tg.keyboards import Keyboards
    from bot.tg.sender import Sender
    from bot.tg.status import StatusMessages
    from bot.tg.tasks import BackgroundTasks

log = structlog.get_logger(__name__)

RENEWALS = 3  # how often the storage message may vanish under our hands before we wait


class NoProgress:
    """Shows nothing: an inline message is edited as rarely as possible."""

    def words(self, text: str) -> None:
        """Leave the model's words out."""

    def instead(self, label: str) -> None:
        """Leave out who draws."""


class Accompany(Protocol):
    """Shows that a job is being drawn, for as long as the context is open."""

    def __call__(self, job: Job) -> AbstractAsyncContextManager[ProgressView]:
        """Accompany."""
        ...


class InlineDelivery:
    """Speaks for jobs that have an inline message, and hands all others on."""

    def __init__(
        self,
        *,
        inline: InlineSender,
        sender: Sender,
        sent: SentMessages,
        status: StatusMessages,
        delivery: Delivery,
        background: BackgroundTasks,
        texts: Texts,
        keyboards: Keyboards,
        preferences: PreferenceService,
        call_off: Callable[[int], Awaitable[object]],
    ) -> None:
        self._inline = inline
        self._sender = messages
        self._sent = places
        self._status = statuses
        self._delivery = delivery
        self._background = talk
        self._texts = texts
        self._keyboards = keyboards
        self._preferences = preferences
        self._call_off = call_off
        self._announcing: dict[int, asyncio.Task[None]] = {}
        self._said: set[int] = set()  # jobs whose message says already that they are drawn

    def announce(self, accepted: QueuedJob) -> None:
        """Tell that a wish was accepted, where its message does not say so already."""
        job = accepted.job
        if accepted.started:
            self._said.add(job.id)
        task = self._background.run(self._tell(accepted), f"inline status of job {job.id}")
        if task:
            self._announcing[job.id] = task
            task.add_done_callback(lambda _: self._announcing.pop(job.id, None))

    def tell(self, message_id: str, text: str) -> None:
        """Make a message say why there is no job for it."""
        if message_id.startswith(GUEST):
            words = inline_messages.words(text)
            said = self._inline.answer_guest(message_id.removeprefix(GUEST), words)
            self._background.run(said, "reply to a guest message")
        else:
            self._background.run(self._inline.edit(message_id, text, None), "inline reply")

    @asynccontextmanager
    async def accompany(self, job: Job) -> AsyncIterator[ProgressView]:
        """Show that a job is being drawn, for as long as the context is open."""
        if job.inline_message_id is None:
            async with self._status.accompany(job) as show:
                yield show
            return
        shown = asyncio.create_task(self._say_drawing(job), name=f"inline status of job {job.id}")
        try:
            yield NoProgress()
        finally:
            shown.cancel()
            with suppress(asyncio.CancelledError):
                await shown
            self._said.discard(job.id)

    async def deliver(self, job: Job, pictures: list[Picture], *, again: bool) -> None:
        """Put a job's result where it belongs; `again` says that an earlier try may have begun it.

        Raises Unreachable where that is impossible and TryLater where it is now.
        """
        if job.inline_message_id is None:
            await self._delivery.deliver(job, pictures, again=again)
            return
        try:
            message_id = await self.message_of(job)
            if pictures:
                await self._show(job, message_id, pictures[0], again=again)
            else:
                await self._explain(job, message_id)
        except Moved as moved:
            await self._sent.chat_moved(job.chat_id, moved.chat_id)
            self._preferences.forget()
            raise TryLater(0) from moved
        except Rejected as refused:
            log.error("Telegram refuses an inline result", job=job.id, reason=refused.reason)  # noqa: TRY400 - expected, no traceback
            raise Unreachable(refused.reason) from refused

    async def message_of(self, job: Job) -> str:
        """Tell a job's inline message; a guest's question is answered first, with a placeholder.

        It can be answered once: if nobody saw the end of that, its message is lost, and the job
        ends undelivered.
        """
        if (task := self._announcing.get(job.id)) and task is not asyncio.current_task():
            await asyncio.wait([task])
        if fresh := await self._sent.inline(job.id):
            if not fresh.startswith(GUEST):
                return fresh
            prompt = job.request.prompt
            offer = inline_messages.offer(self._texts, job.locale, prompt, job.id)
            message_id = await self._inline.answer_guest(fresh.removeprefix(GUEST), offer)
            await self._sent.inline_placed(job.id, message_id)
            return message_id
        raise Unreachable("the inline message is gone")

    async def _tell(self, accepted: QueuedJob) -> None:
        """Say first what is to be said; where nobody can be told, nothing is bought either."""
        job = accepted.job
        guest = (job.inline_message_id or "").startswith(GUEST)
        try:
            message_id = await self.message_of(job)
            if job.ordinal or not (accepted.started or guest):
                key = "inline.drawing" if accepted.started else "inline.waiting"
                await self._inline.edit(message_id, self._standing(job, key), self._cancel(job))
        except (Unreachable, Rejected):
            await self._call_off(job.id)
            raise

    async def _say_drawing(self, job: Job) -> None:
        """Say "drawing" where something else was said, or may have been before a crash."""
        try:
            message_id = await self.message_of(job)
            if job.id not in self._said:
                text = self._standing(job, "inline.drawing")
                await self._inline.edit(message_id, text, self._cancel(job))
        except (Unreachable, Rejected):
            # An answer to a guest that cannot be given will not be; of all others delivery decides.
            if (job.inline_message_id or "").startswith(GUEST):
                await self._call_off(job.id)
        except BotError:
            return  # decoration only: delivery finds out by itself what is wrong
        except Exception:  # the task's edge: a decoration must not cost a picture
            log.exception("inline status failed", job=job.id)

    async def _show(self, job: Job, message_id: str, picture: Picture, *, again: bool) -> None:
        try:
            file_id = picture.file_id or await self._stored(job, picture, again=again)
        except (Unreachable, Rejected):
            text = self._texts(job.locale, f"outcome.{OutcomeKind.UNDELIVERABLE}")
            await self._inline.edit(message_id, text, None)
            raise
        prompt = job.request.prompt
        await self._inline.put(
            message_id,
            file_id,
            prompt,
            inline_messages.another(self._texts, job.locale, prompt),
            photo=self._delivery.upload(picture).fits_photo,
        )

    async def _stored(self, job: Job, picture: Picture, *, again: bool) -> str:
        """Upload a picture to the storage chat, once; tells Telegram's name for it."""
        place = picture.message_id

        async def remember(message_id: int) -> None:
            await self._sent.picture_placed(picture, job.chat_id, message_id)

        for _ in range(RENEWALS):
            if place is None:
                place = await self._sender.send_once(
                    Target(job.chat_id),
                    f"#{job.id}",
                    None,
                    remember=remember,
                    above=job.after_message_id,
                    uncertain=again,
                )
            with suppress(Lost):
                upload = self._delivery.upload(picture)
                file_id = await self._sender.put_picture(job.chat_id, place, upload, "", None)
                if file_id:
                    await self._sent.delivered(picture, job.chat_id, place, file_id)
                    return file_id
            # It is gone, or has the picture already under a name that nobody told us.
            await self._sent.removed(job.chat_id, place)
            place = None
        raise TryLater

    async def _explain(self, job: Job, message_id: str) -> None:
        text = self._delivery.explanation(job)
        keyboard = None if hopeless(job) else self._keyboards.retry(job.locale, job.id)
        await self._inline.edit(message_id, text, keyboard)

    def _standing(self, job: Job, key: str) -> str:
        return self._texts(job.locale, key, prompt=job.request.prompt)

    def _cancel(self, job: Job) -> InlineKeyboardMarkup:
        return inline_messages.cancel(self._texts, job.locale, job.id)
