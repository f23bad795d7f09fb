"""Prompts: messages that ask for a picture or bring one, their edits, and the choice of a model."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from telegram import CallbackQuery, Update
from telegram.ext import ContextTypes, MessageHandler

from bot.catalogue.models import Catalogue
from bot.domain import (
    BotError,
    InputProblem,
    LimitReached,
    PendingPrompt,
    Prompt,
    Unreachable,
    now,
)
from bot.jobs.answers import draw_which, draw_with
from bot.jobs.edits import EditedJobs, EditResult, EditService
from bot.jobs.options import InvalidOption
from bot.jobs.pending import PendingService
from bot.jobs.submit import (
    Accepted,
    Duplicate,
    Incomplete,
    PhotoNeeded,
    SubmitResult,
    SubmitService,
)
from bot.tg.callbacks import Press, Verb
from bot.tg.errors import Rejected
from bot.tg.feature import EDITED, MESSAGE, POST, Feature, Handler, Interceptor, OnPress
from bot.tg.parse import ContentKind, ParsedMessage, read
from bot.tg.presses import Presses
from bot.tg.privacy_mode import PrivacyModeHint, may_miss_pictures
from bot.tg.replies import Replies, SubmitReplies
from bot.tg.status import StatusMessages

log = structlog.get_logger(__name__)

TIDY_SECONDS = 600.0
_EDITABLE = frozenset({ContentKind.WORDS, ContentKind.PICTURE})


@dataclass(frozen=True, slots=True)
class PromptsFeature(Feature):
    """Submits what nobody took before: `before_submit` are the other features' interceptors.

    `keep_first` keeps the first part of a prompt until the others have come.
    """

    replies: Replies
    presses: Presses
    submit: SubmitService
    submit_replies: SubmitReplies
    status: StatusMessages
    edits: EditService
    pending: PendingService
    catalogue: Catalogue
    privacy_mode: PrivacyModeHint
    keep_first: Interceptor
    before_submit: Sequence[Interceptor]
    hears_voices: bool

    def handlers(self) -> Sequence[Handler]:
        return (
            MessageHandler(MESSAGE | POST, self.on_message),
            MessageHandler(EDITED, self.on_edit),
        )

    def callbacks(self) -> Mapping[Verb, OnPress]:
        return {
            Verb.USE: self.on_model,
            Verb.OFFER: self.on_more_models,
            Verb.FORGET_PHOTO: self.on_forget,
            Verb.WITH_PHOTO: self.on_which,
            Verb.WITHOUT_PHOTO: self.on_which,
        }

    def tasks(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        return {"old questions": self._tidy()}

    async def _tidy(self) -> None:
        """Take away questions whose buttons and replies mean nothing any more, now and then."""
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            try:
                for chat_id, message_id, question_id in await self.pending.lapsed():
                    with suppress(Rejected, Unreachable):
                        await self.replies.sender.delete(chat_id, question_id)
                    await self.pending.tidied(chat_id, message_id)
            except BotError as error:  # the next round finds the rest
                log.info("old questions are left for later", reason=str(error))
            except Exception:  # the loop's edge: dust does no harm
                log.exception("old questions were not taken away")

    async def on_message(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Take a message of any kind of chat; what is not for the bot is left alone."""
        message = update.effective_message
        incoming = read(message, context.bot)
        if message is None or incoming is None:
            return
        if incoming.casual and not await self.pending.expects(incoming.prompt):
            return
        incoming = await self.replies.as_chosen(incoming)
        if not incoming.addressed or not self.replies.admits(incoming.prompt):
            return
        await self._on_prompt(incoming)
        if may_miss_pictures(message, incoming.prompt):
            self.privacy_mode.explain(incoming.prompt)

    async def _on_prompt(self, message: ParsedMessage) -> None:
        prompt = message.prompt
        if problem := self._problem(message):
            self.replies.reply(prompt, problem)
        elif not await self.keep_first(message):
            await self.draw(message)

    async def draw(self, message: ParsedMessage) -> None:
        """Have a prompt drawn that is whole, whatever is done with it before."""
        for intercept in self.before_submit:
            if await intercept(message):
                return
        await self.submit_replies.answer(message.prompt, self.submit.submit(message.prompt))

    def _problem(self, message: ParsedMessage) -> str | None:
        replies, locale = self.replies, message.prompt.locale
        if message.content is ContentKind.OTHER_FILE:
            return replies.input_problem_text(locale, InputProblem.NOT_A_PICTURE)
        if message.content is ContentKind.COMMAND:
            return replies.texts(locale, "ask.forwarded" if message.forwarded else "ask.command")
        if message.content is ContentKind.OTHER:
            return replies.texts(locale, "ask.other_heard" if self.hears_voices else "ask.other")
        if message.size > replies.max_bytes:
            return replies.input_problem_text(locale, InputProblem.TOO_MANY_BYTES)
        return None

    async def on_edit(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Take an edited message; what was begun already stays as it is, without a word."""
        incoming = read(update.effective_message, context.bot)
        if incoming is None or incoming.casual or incoming.content not in _EDITABLE:
            return
        incoming = await self.replies.as_chosen(incoming)
        prompt = incoming.prompt
        if not self.replies.access.admits(
            prompt.account_id, prompt.chat_id, as_chat=prompt.speaker_id
        ):
            return
        try:
            result = await self._edit(incoming, str(update.update_id))
        except LimitReached as reached:
            self._refuse_edit(prompt, self.replies.limit_text(prompt.locale, reached))
        else:
            self._respond_to_edit(prompt, result)

    async def _edit(self, message: ParsedMessage, edit_id: str) -> EditResult:
        if message.album_id and message.prompt.sources:
            return await self.edits.edit(message.album_item(now()), edit_id)
        return await self.edits.edit(message.prompt, edit_id) if message.addressed else None

    def _respond_to_edit(self, prompt: Prompt, result: EditResult) -> None:
        replies, locale = self.replies, prompt.locale
        if isinstance(result, EditedJobs):
            for queued in result.jobs:
                self.status.changed(queued)
            self.status.announce(*result.added)
        elif isinstance(result, InvalidOption):
            self._refuse_edit(prompt, replies.invalid_option_text(locale, result))
        elif result is not None:
            self._refuse_edit(prompt, replies.unsupported_text(locale, result))

    def _refuse_edit(self, prompt: Prompt, why: str) -> None:
        kept = self.replies.texts(prompt.locale, "edit.kept")
        self.replies.reply(prompt, f"{why}\n\n{kept}")

    async def on_model(self, query: CallbackQuery, press: Press) -> None:
        """Draw a pending prompt with the model of the button, once; preferences stay."""
        message_id, model = press.of_message or (0, "")
        own = await self._own(query, message_id, Verb.USE)
        pending = await self.presses.as_payer(query, own) if own else None
        if pending is None:
            return
        accepted = await self.presses.answer_submit(
            query,
            pending.locale,
            draw_with(self.submit, pending, model, press_id=query.id),
            already="press.already_chosen",
        )
        if accepted is None:
            return
        self.status.announce(*accepted.jobs)
        if profile := self.catalogue.get(model):
            text = self.replies.texts(pending.locale, "offer.taken", model=profile.label)
            self.replies.background.run(self.presses.replace(query, text), "offer taken")

    async def on_more_models(self, query: CallbackQuery, press: Press) -> None:
        if pending := await self._own(query, press.id, Verb.OFFER):
            showing = self.submit_replies.offer_models(query, pending, whole=True)
            self.replies.background.run(showing, "offer of all models")

    async def on_forget(self, query: CallbackQuery, press: Press) -> None:
        """Have pictures wait no longer; a reply to them is about them still."""
        pending = await self._own(query, press.id, press.verb)
        if pending is None:
            return
        if not await self.pending.forget(pending):
            self.presses.answer(query, "press.stale")
            return
        text = self.replies.texts(await self.replies.locale_of_press(query), "press.cancelled")
        self.replies.background.run(self.presses.replace(query, text), "pictures forgotten")

    async def on_which(self, query: CallbackQuery, press: Press) -> None:
        """Draw a prompt from the pictures that waited, or from its words alone."""
        own = await self._own(query, press.id, press.verb)
        pending = await self.presses.as_payer(query, own) if own else None
        if pending is None:
            return
        with_pictures, locale = press.verb is Verb.WITH_PHOTO, pending.locale
        drawing = draw_which(self.submit, pending, with_pictures=with_pictures, press_id=query.id)
        result: SubmitResult | None = await self.presses.answer_submit(query, locale, drawing)
        match result:
            case None | Duplicate() | PhotoNeeded():
                pass
            case Accepted(jobs):
                self.status.announce(*jobs)
                key = "which.these" if with_pictures else "which.new"
                text = f"✓ {self.replies.texts(locale, key, n=len(pending.sources))}"
                self.replies.background.run(self.presses.replace(query, text), "which was told")
            case Incomplete(chosen):
                offer = self.submit_replies.offer_models(query, chosen)
                self.replies.background.run(offer, "offer of models")
            case _:
                self.presses.say(query, self.submit_replies.refusal(locale, result), alert=True)

    async def _own(
        self, query: CallbackQuery, message_id: int | None, verb: Verb
    ) -> PendingPrompt | None:
        """Find the pending prompt of a press; None where there is none, and that was explained."""
        chat_id = query.message.chat.id if query.message else 0
        found = await self.pending.get(chat_id, message_id) if message_id else None
        return await self.presses.own_pending(query, found, verb)
