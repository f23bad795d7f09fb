"""/queue and /cancel, and each Cancel: what somebody has asked for and has not got yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from telegram import CallbackQuery, InlineKeyboardMarkup, Message, Update
from telegram.ext import ContextTypes

from bot.catalogue.models import Catalogue
from bot.domain import Job, JobState, now
from bot.jobs.queue import QueueService
from bot.jobs.submit import Cancelled, Duplicate, SubmitService
from bot.tg.callbacks import Press, Verb, is_under
from bot.tg.delivery import Delivery
from bot.tg.feature import Feature, OnPress, OnUpdate
from bot.tg.keyboards import PresetKeyboard, button
from bot.tg.presses import Presses
from bot.tg.replies import Replies
from bot.tg.status_text import StatusText, age, lines
from bot.tg.text_limits import fit

SHOWN, PROMPT = 10, 40  # jobs in the list, UTF-16 units of a prompt
MODELS = 20  # in the operators' list
# Of a job that ended so the chat may not know: the bot was blocked, put out or stopped.
UNEXPLAINED = frozenset({JobState.FAILED, JobState.REFUSED, JobState.EXPIRED, JobState.CANCELLED})


@dataclass(frozen=True, slots=True)
class QueueFeature(Feature):
    """Lists one's own jobs of a chat: what is asked for elsewhere is nobody's business there.

    Operators are told of the whole queue, too, in private.
    """

    replies: Replies
    presses: Presses
    submit: SubmitService
    queue: QueueService
    delivery: Delivery
    presets: PresetKeyboard
    status_text: StatusText
    catalogue: Catalogue

    def commands(self) -> Mapping[str, OnUpdate]:
        return {"queue": self.on_queue, "cancel": self.on_cancel_all}

    def callbacks(self) -> Mapping[Verb, OnPress]:
        return {Verb.CANCEL: self.on_cancel, Verb.CANCEL_LISTED: self.on_cancel_listed}

    async def on_queue(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        if command := await self.replies.command(update.message):
            page = await self._page(command.locale, command.account_id, command.chat_id)
            self.replies.reply(command, *page)

    async def on_cancel_all(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        if command := await self.replies.command(update.message):
            message = f"{command.chat_id}:{command.message_id}"
            match await self.submit.cancel_all(command.account_id, message):
                case Cancelled(0, 0):
                    self.replies.answer(command, "cancel.none")
                case Cancelled(0, _):
                    self.replies.answer(command, "cancel.ask")
                case Cancelled(jobs, _, waited):
                    self.replies.answer(command, "cancel.done", n=jobs)
                    explaining = self.delivery.explain_ended(waited)
                    self.replies.background.run(explaining, "cancelled", of=command.account_id)
                case Duplicate():
                    pass

    async def on_cancel(self, query: CallbackQuery, press: Press) -> None:
        job = await self.submit.job(press.id)
        job = await self.presses.own_job(query, job)
        if job is None:
            return
        await self._cancel(query, job)
        if job.state in UNEXPLAINED:
            explanation = self.delivery.explain(job)
            self.replies.background.run(explanation, "word that could not be said before")

    async def on_cancel_listed(self, query: CallbackQuery, press: Press) -> None:
        job = await self.submit.job(press.id)
        if job is None or not _is_own_inline_job(query, job):
            job = await self.presses.own_job(query, job)
        if job is None:
            return
        await self._cancel(query, job)
        # Data can be forged: no other message becomes a list.
        if isinstance(message := query.message, Message) and is_under(query, {Verb.CANCEL_LISTED}):
            text, keyboard = await self._page(job.locale, job.account_id, message.chat.id)
            edit = self.replies.sender.edit(message.chat.id, message.message_id, text, keyboard)
            self.replies.background.run(edit, "queue")

    async def _cancel(self, query: CallbackQuery, job: Job) -> None:
        result = await self.submit.cancel(job.id)
        self.presses.answer(query, f"press.{result}")

    async def _page(
        self, locale: str, account_id: int, chat_id: int
    ) -> tuple[str, InlineKeyboardMarkup | None]:
        jobs = await self.queue.of(account_id, chat_id, SHOWN)
        texts = partial(self.replies.texts, locale)
        title = texts("queue.title" if jobs else "queue.none")
        own = [self._line(locale, n, job, ahead) for n, (job, ahead) in enumerate(jobs, 1)]
        # A private chat has its user's id.
        everybody = await self._overview(locale) if self.replies.access.is_admin(chat_id) else ""
        text = "\n\n".join(filter(None, (lines(title, *own), everybody)))
        cancels = [
            button(texts("button.cancel_one", n=n), Verb.CANCEL_LISTED, job.id)
            for n, (job, _) in enumerate(jobs, 1)
            if job.rendered_at is None
        ]
        return text, InlineKeyboardMarkup.from_column(cancels) if cancels else None

    def _line(self, locale: str, number: int, job: Job, ahead: int) -> str:
        running = job.state is JobState.RUNNING
        since = job.rendered_at or (running and job.started_at) or job.created_at
        prompt = " ".join(self.presets.shortened(locale, job.request.prompt).split())
        waiting = "queue.waiting" if job.dispatched else "queue.waiting_own"
        return self.replies.texts(
            locale,
            "queue.on_its_way" if job.rendered_at else "queue.drawing" if running else waiting,
            number=number,
            prompt=fit(prompt, PROMPT),
            age=age((now() - since).total_seconds()),
            ahead=ahead,
        )

    async def _overview(self, locale: str) -> str:
        texts, about = partial(self.replies.texts, locale), partial(self.status_text.about, locale)
        overview = await self.queue.overview()
        found = [texts("queue.all", running=overview.running, waiting=overview.queued)]
        for one in overview.typical[:MODELS]:
            label, time = self.catalogue.label(one.model), about(one.seconds)
            found.append(texts("queue.usual", model=label, time=time, calls=one.calls))
        for gateway, seconds in overview.open_circuits:
            found.append(texts("queue.resting", gateway=gateway, time=about(seconds)))
        return lines(*found)


def _is_own_inline_job(query: CallbackQuery, job: Job) -> bool:
    """Whether /queue lists a job for this person in this chat: one for an inline message, in private."""
    private = query.message is not None and query.message.chat.id == query.from_user.id
    return private and job.inline_message_id is not None and job.account_id == query.from_user.id
