"""How a job stands in its inline message, from the placeholder to the picture.

The picture goes into a message of the storage chat first, by the same steps as anywhere else; its
file id is committed, then put into the inline message by an edit, which can be repeated. Edits of
inline messages upload nothing: a picture is named by its file id.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import structlog
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputMediaDocument,
    InputMediaPhoto,
)

from bot.domain import Arrival, BotError, Job, OutcomeKind, Picture, Prompt, TryLater, Unreachable
from bot.domain.jobs import GUEST
from bot.features.inline.query_results import PROMPT, note, placeholder
from bot.jobs.calls import ProgressView
from bot.jobs.messages import SentMessages
from bot.jobs.submit import QueuedJob
from bot.tg.delivery import RENEWALS, Delivery, hopeless
from bot.tg.errors import Moved, Rejected, translated
from bot.tg.keyboards import Keyboards
from bot.tg.replies import Replies
from bot.tg.sender import NOT_MODIFIED, Lost, Target
from bot.tg.sending import Priority, Sending, urgency, watched, watching
from bot.tg.status import FIRST_WORD_SECONDS
from bot.tg.status_text import lines, note_text
from bot.tg.text_limits import CAPTION, TEXT, fit, with_line

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class NoProgress:
    """Shows nothing: an inline message is edited as rarely as possible.

    It stands already; a guest's question is answered before anything is drawn for it.
    """

    answered: Callable[[], Awaitable[bool]] | None

    def words(self, text: str) -> None: ...

    def instead(self, label: str) -> None: ...

    async def refused(self) -> bool:
        if self.answered and not await self.answered():
            raise TryLater
        return False


@dataclass(frozen=True, slots=True)
class InlineDelivery:
    """Speaks for jobs that have an inline message; `runs` tells whether one is being drawn."""

    bot: Bot
    replies: Replies
    sent: SentMessages
    delivery: Delivery
    keyboards: Keyboards
    cancel: Callable[[int], Awaitable[object]]
    runs: Callable[[int], bool]
    _announcing: dict[int, tuple[asyncio.Task[None], Sending]] = field(default_factory=dict)
    _drawing: set[int] = field(default_factory=set)  # jobs whose message says so already

    def announce(self, queued: QueuedJob) -> None:
        job, running = queued.job, self.runs(queued.job.id)
        if running:
            self._drawing.add(job.id)
        sending = Sending(Priority.STARTED if running else Priority.WAITING)
        announcement = self._announce(job, sending, running=running)
        what = f"inline status of job {job.id}"
        task = self.replies.background.run(announcement, what, of=job.account_id)
        if task:
            self._announcing[job.id] = task, sending
            task.add_done_callback(lambda _: self._announcing.pop(job.id, None))

    def reject(self, prompt: Prompt, text: str) -> None:
        """Make a prompt's message say why there is no job for it."""
        message_id = prompt.inline_message_id or ""
        if message_id.startswith(GUEST):
            answer = self._answer_guest(message_id, note(text))
            self.replies.background.run(answer, "reply to a guest message")
        else:
            self.replies.background.run(self._edit(message_id, text, None), "inline reply")

    @asynccontextmanager
    async def accompany(self, job: Job) -> AsyncIterator[ProgressView]:
        shown = asyncio.create_task(self._say_drawing(job), name=f"inline status of job {job.id}")
        try:
            answered = partial(self._is_answered, job, shown)
            yield NoProgress(answered if _is_of_guest(job) else None)
        finally:
            shown.cancel()
            with suppress(asyncio.CancelledError):
                await shown
            self._drawing.discard(job.id)

    async def _is_answered(self, job: Job, answering: asyncio.Task[None]) -> bool:
        """Wait for a guest's answer, which cancels the job where it is refused; whether it stands."""
        await asyncio.wait([answering], timeout=FIRST_WORD_SECONDS)
        return not (await self.sent.inline(job.id) or GUEST).startswith(GUEST)

    async def deliver(self, job: Job, pictures: list[Picture], *, again: bool) -> None:
        """Put a job's result where it belongs; `again` says that an earlier try may have begun it.

        Raises Unreachable where that is impossible and TryLater where it is now.
        """
        try:
            with watched(Priority.PICTURE):
                message_id = await self._message_of(job)
                if pictures:
                    await self._show(job, message_id, pictures[0], again=again)
                else:
                    await self._explain(job, message_id)
        except Moved as moved:
            await self.sent.chat_migrated(job.chat_id, moved.chat_id)
            raise TryLater(0) from moved
        except Rejected as refused:
            log.error("Telegram refuses an inline result", job=job.id, reason=refused.reason)  # noqa: TRY400 - expected, no traceback
            raise Unreachable(refused.reason) from refused

    async def _message_of(self, job: Job) -> str:
        """Tell a job's inline message; a guest's question is answered first, with a placeholder.

        It can be answered once: if nobody saw the end of that, its message is lost, and the job
        ends undelivered.
        """
        task, sending = self._announcing.get(job.id, (None, None))
        announces = task is asyncio.current_task()
        if task and sending and not announces:
            sending.hurry(urgency())
            await asyncio.wait([task])
        message_id = await self.sent.inline(job.id, answering=announces)
        if not message_id:
            raise Unreachable("the inline message is gone")
        if message_id.startswith(GUEST):
            answer = placeholder(self.replies.texts, job.locale, job.request.prompt, job.id)
            message_id = await self._answer_guest(message_id, answer)
            await self.sent.inline_placed(job.id, message_id)
        return message_id

    async def _announce(self, job: Job, sending: Sending, *, running: bool) -> None:
        """Say first what is to be said; where nobody can be told, nothing is bought either."""
        try:
            with watching(sending):
                message_id = await self._message_of(job)
                if job.ordinal or job.request.notes or not (running or _is_of_guest(job)):
                    key = "inline.drawing" if running else "inline.waiting"
                    await self._say(job, message_id, key)
        except (Unreachable, Rejected):
            await self.cancel(job.id)
            raise
        finally:
            if job.announced_until and _is_of_guest(job):
                await self.sent.unannounced(job.id)

    async def _say_drawing(self, job: Job) -> None:
        """Say "drawing" where something else was said, or may have been before a crash."""
        try:
            with watched(Priority.STARTED):
                message_id = await self._message_of(job)
            with watched(Priority.MOVING):
                if job.id not in self._drawing:
                    await self._say(job, message_id, "inline.drawing")
        except (Unreachable, Rejected):
            # An answer to a guest that cannot be given will not be; of all others delivery decides.
            if _is_of_guest(job):
                await self.cancel(job.id)
        except BotError:
            return  # decoration only: delivery finds out by itself what is wrong
        except Exception:  # the task's edge: a decoration must not cost a picture
            log.exception("inline status failed", job=job.id)

    async def _say(self, job: Job, message_id: str, key: str) -> None:
        texts, notes = self.replies.texts, job.request.notes
        text = texts(job.locale, key, prompt=job.request.prompt)
        text = lines(text, *(note_text(texts, job.locale, note) for note in notes))
        await self._edit(message_id, text, self.keyboards.status(job.locale, job.id))

    async def _show(self, job: Job, message_id: str, picture: Picture, *, again: bool) -> None:
        try:
            file_id = picture.file_id or await self._store(job, picture, again=again)
        except (Unreachable, Rejected):
            text = self.replies.texts(job.locale, f"outcome.{OutcomeKind.UNDELIVERABLE}")
            await self._edit(message_id, text, None)
            raise
        await self._put(job, message_id, file_id, photo=self.delivery.upload(picture).fits_photo)

    async def _store(self, job: Job, picture: Picture, *, again: bool) -> str:
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
                    await self.sent.arrived(Arrival(picture.id, job.chat_id, place, file_id))
                    return file_id
            # It is gone, or has the picture already under a name that nobody told us.
            await self.sent.picture_removed(job.chat_id, place)
            place = None
        raise TryLater

    async def _explain(self, job: Job, message_id: str) -> None:
        text = self.delivery.explanation(job)
        keyboard = None if hopeless(job) else self.keyboards.retry(job.locale, job.id)
        await self._edit(message_id, text, keyboard)

    async def _edit(self, message_id: str, text: str, markup: InlineKeyboardMarkup | None) -> None:
        """Make a message say this; harmless when repeated."""
        with _editing():
            await self.bot.edit_message_text(
                fit(text, TEXT), inline_message_id=message_id, reply_markup=markup
            )

    async def _put(self, job: Job, message_id: str, file_id: str, *, photo: bool) -> None:
        """Turn a message into a picture that Telegram has; harmless when repeated.

        A file that is no `photo`, or was not taken as one, goes as a document. Its button begins a
        new message, so that it costs nobody else.
        """
        prompt = job.request.prompt
        preferences = await self.replies.preferences.of(job.account_id)
        below = self.delivery.below(job, self.delivery.made_by(job, preferences))
        caption = with_line(fit(prompt, CAPTION), below) or None
        another = InlineKeyboardButton(
            self.replies.texts(job.locale, "inline.another"),
            switch_inline_query_current_chat=fit(prompt, PROMPT),
        )
        markup = InlineKeyboardMarkup.from_button(another)

        async def put(media: InputMediaPhoto | InputMediaDocument) -> None:
            with _editing():
                await self.bot.edit_message_media(
                    media, inline_message_id=message_id, reply_markup=markup
                )

        if photo:
            try:
                return await put(InputMediaPhoto(file_id, caption=caption))
            except Rejected as refused:
                if not refused.says("file of type document"):
                    raise
        return await put(InputMediaDocument(file_id, caption=caption))

    async def _answer_guest(self, place: str, result: InlineQueryResultArticle) -> str:
        """Answer a message in a chat where the bot is not; tells the answer's inline id."""
        with translated():
            sent = await self.bot.answer_guest_query(place.removeprefix(GUEST), result)
        return sent.inline_message_id


@contextmanager
def _editing() -> Iterator[None]:
    try:
        with translated():
            yield
    except Rejected as refused:
        if not refused.says(NOT_MODIFIED):
            raise


def _is_of_guest(job: Job) -> bool:
    return (job.inline_message_id or "").startswith(GUEST)
