"""Inline mode: what is offered behind the bot's name in any chat, and what was chosen of it.

A query comes with each keystroke: it costs one indexed read and no call but its answer. Nothing is
kept of it; what was chosen comes back with its words, if BotFather's /setinlinefeedback is on. A
guest message asks for a picture in a chat where the bot is not.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from telegram import CallbackQuery, InlineQuery, Update
from telegram.ext import (
    CallbackQueryHandler,
    ChosenInlineResultHandler,
    ContextTypes,
    InlineQueryHandler,
    MessageHandler,
    filters,
)

from bot.domain import Job, LimitReached, Prompt
from bot.domain.jobs import GUEST, number_of
from bot.features.inline.inline_delivery import InlineDelivery
from bot.features.inline.query_results import (
    DRAW,
    OF_MESSAGE,
    QueryResults,
    link_to_bot,
    placeholder,
)
from bot.features.inline.service import NEWEST, PicturePage, PictureSearch
from bot.features.inline.storage_chat import StorageChatDeleter
from bot.jobs.options import InvalidOption, Unsupported
from bot.jobs.submit import Accepted, Duplicate, SubmitResult, SubmitService, TooManyInputs
from bot.tg.callbacks import Press, Verb, parse
from bot.tg.feature import Feature, Handler
from bot.tg.keyboards import PresetKeyboard
from bot.tg.parse import read
from bot.tg.presses import Presses
from bot.tg.replies import Replies

_OFFSET = 19  # digits, at most


@dataclass(frozen=True, slots=True)
class InlineFeature(Feature):
    """Draws for chats where the bot is not; without a `storage_chat` it only offers what there is."""

    replies: Replies
    presses: Presses
    submit: SubmitService
    search: PictureSearch
    results: QueryResults
    delivery: InlineDelivery
    deleter: StorageChatDeleter
    presets: PresetKeyboard
    storage_chat: int | None

    def handlers(self) -> Sequence[Handler]:
        """They come before the handler of all other presses."""
        return (
            InlinePressHandler(self.on_press),
            InlineQueryHandler(self.on_query),
            ChosenInlineResultHandler(self.on_chosen),
            MessageHandler(GuestMessages(), self.on_guest_message),
        )

    def tasks(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        return {"pending deletions": self.deleter.run()}

    async def on_query(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        if query := update.inline_query:
            answer, person = self._answer(query), query.from_user.id
            self.replies.background.run(answer, "answer to an inline query", of=person)

    async def on_chosen(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        chosen = update.chosen_inline_result
        if chosen is None or chosen.result_id != DRAW or not chosen.inline_message_id:
            return
        prompt = Prompt(
            account_id=chosen.from_user.id,
            chat_id=self.storage_chat or 0,
            message_id=number_of(chosen.inline_message_id),
            text=chosen.query.strip(),
            locale=await self.replies.locale_of_user(chosen.from_user),
            private=False,
            inline_message_id=chosen.inline_message_id,
        )
        await self._submit(prompt)

    async def on_guest_message(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        message = update.guest_message
        if message is None or not message.guest_query_id or message.from_user is None:
            return
        parsed = read(message, context.bot)
        if parsed is None or parsed.casual:
            return
        prompt = parsed.prompt
        replied = prompt.reply.source if prompt.reply else None
        prompt = replace(
            prompt,
            locale=await self.replies.locale_of_user(message.from_user),
            chat_id=self.storage_chat or 0,
            message_id=number_of(f"{message.chat.id}:{message.message_id}"),
            thread_id=None,
            private=False,
            author=None,
            # A message of that chat means nothing in the storage chat, its picture does.
            sources=prompt.sources or ((replied,) if replied else ()),
            reply=None,
            inline_message_id=GUEST + message.guest_query_id,
        )
        await self._submit(prompt)

    async def on_press(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Cancel, or draw again; other buttons are none of an inline message's: data can be forged."""
        query = update.callback_query
        press = parse(query.data) if query else None
        if query is None:
            return
        if press is None or press.verb not in (Verb.CANCEL, Verb.AGAIN):
            self.presses.answer(query, "press.stale")
            return
        job = await self._own_job(query, press)
        if job is None:
            return
        if press.verb is Verb.CANCEL:
            result = await self.submit.cancel(job.id)
            self.presses.answer(query, f"press.{result}")
        else:
            await self._draw_again(query, job)

    async def _submit(self, prompt: Prompt) -> None:
        texts, locale, account_id = self.replies.texts, prompt.locale, prompt.account_id
        if self.storage_chat is None:  # Telegram asks though the setting is not there (any more)
            self.delivery.reject(prompt, texts(locale, "inline.off"))
        elif denial := self.replies.access.denial(account_id, account_id):
            why = self.replies.denial_text(locale, denial, account_id, account_id)
            self.delivery.reject(prompt, why)
        else:
            try:
                self._respond(prompt, await self.submit.submit(prompt))
            except LimitReached as reached:
                self.delivery.reject(prompt, self.replies.limit_text(locale, reached))

    def _respond(self, prompt: Prompt, result: SubmitResult) -> None:
        replies, locale = self.replies, prompt.locale
        reject = partial(self.delivery.reject, prompt)
        match result:
            case Accepted():
                self._announce(result)
            case Duplicate():
                pass
            case InvalidOption():
                reject(replies.invalid_option_text(locale, result))
            case Unsupported():
                # Which model shall draw instead cannot be asked here.
                why = replies.unsupported_text(locale, result)
                reject(f"{why}\n\n{replies.texts(locale, 'inline.choose')}")
            case TooManyInputs(limit):
                reject(replies.texts(locale, "album.too_many", limit=limit))
            case _:  # something is missing
                reject(replies.texts(locale, "ask.inline", bot=replies.sender.username))

    def _announce(self, accepted: Accepted) -> None:
        for queued in accepted.jobs:
            self.delivery.announce(queued)

    async def _answer(self, query: InlineQuery) -> None:
        texts, user = self.replies.texts, query.from_user
        locale = await self.replies.locale_of_user(user)
        if not self.replies.access.admits(user.id, user.id):
            door = link_to_bot(texts, locale, "inline.stranger")
            await self.results.offer(query.id, [], PicturePage((), None), door)
            return
        words, before = query.query.strip(), _mark(query.offset)
        page = await self.search.page(user.id, words, before)
        draws = bool(words) and self.storage_chat is not None and before == NEWEST
        # Pictures go by the words that their person knows: a preset by its name.
        named = [
            replace(
                one,
                prompt=self.presets.shortened(locale, one.prompt),
                model=self.submit.options.catalogue.label(one.model),
            )
            for one in page.pictures
        ]
        first = [placeholder(texts, locale, words)] if draws else []
        button = None if words else link_to_bot(texts, locale, "inline.door")
        await self.results.offer(query.id, first, replace(page, pictures=tuple(named)), button)

    async def _draw_again(self, query: CallbackQuery, job: Job) -> None:
        payer, locale = query.from_user.id, await self.replies.locale_of_press(query)
        if not self.presses.admits(query, payer, payer):
            return
        accepted = await self.presses.answer_submit(
            query,
            locale,
            self.submit.regenerate(
                replace(job, account_id=payer, locale=locale),
                press_id=query.id,
                message_id=job.message_id,
            ),
        )
        if accepted:
            self._announce(accepted)
            self.presses.answer(query, "press.accepted")

    async def _own_job(self, query: CallbackQuery, press: Press) -> Job | None:
        of_message = press.argument == OF_MESSAGE
        if of_message and self.storage_chat is not None:
            number = number_of(query.inline_message_id or "")
            job = await self.submit.job_of(self.storage_chat, number)
        else:
            job = await self.submit.job(press.id)
        if job is None or job.inline_message_id != query.inline_message_id:
            self.presses.answer(query, "inline.not_yet" if of_message else "press.stale")
            return None
        return job if await self.presses.may_use(query, job) else None


class InlinePressHandler(CallbackQueryHandler[Any, Any]):
    """Takes presses of buttons under inline messages only."""

    def check_update(self, update: object) -> bool:
        query = update.callback_query if isinstance(update, Update) else None
        return query is not None and query.inline_message_id is not None


class GuestMessages(filters.UpdateFilter):
    """Takes guest messages only, for which PTB has no filter yet."""

    def filter(self, update: Update) -> bool:
        return update.guest_message is not None


def _mark(offset: str) -> int:
    """Read where a page begins: what a client sends back of what we said."""
    known = offset.isascii() and offset.isdigit() and len(offset) < _OFFSET
    return int(offset) if known else NEWEST
