"""Presses: who may press a button, and how he is answered."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import TypeVar

from telegram import CallbackQuery, InlineKeyboardMarkup

from bot.billing.access import Denial
from bot.domain import (
    BotError,
    Enhancement,
    Job,
    LimitReached,
    PendingPrompt,
    account_of_admins,
)
from bot.jobs.submit import AlreadyRunning, Duplicate, Stale
from bot.tg.callbacks import Verb, is_question, payer
from bot.tg.parse import account_of_speakers
from bot.tg.replies import Replies
from bot.tg.text_limits import ANSWER, fit

R = TypeVar("R")
Paid = TypeVar("Paid", "Job", "PendingPrompt", "Enhancement")


@dataclass(frozen=True, slots=True)
class Presses:
    """Checks who pressed, and answers in his language."""

    replies: Replies

    def answer(
        self, query: CallbackQuery, key: str, *, alert: bool = False, **args: object
    ) -> None:
        answer = self._answer(query, key, alert=alert, **args)
        self.replies.background.run(answer, "answer to a press", of=query.from_user.id)

    def say(self, query: CallbackQuery, text: str | None = None, *, alert: bool = False) -> None:
        """Answer with words that are there already, or with none: the client stops waiting."""
        answer = self.replies.sender.answer(query.id, text, alert=alert)
        self.replies.background.run(answer, "answer to a press", of=query.from_user.id)

    async def replace(
        self, query: CallbackQuery, text: str, markup: InlineKeyboardMarkup | None = None
    ) -> None:
        """Answer with nothing, then put a text in the place of the message that was pressed."""
        await self.replies.sender.answer(query.id)
        if message := query.message:
            await self.replies.sender.edit(message.chat.id, message.message_id, text, markup)

    async def may_act_for(self, query: CallbackQuery, account_id: int, denial: str) -> bool:
        """Check that whoever pressed may act for an account; if not he is told, by the text `denial`.

        An operator of the bot may. Where a chat asked (a channel, an anonymous administrator), its
        administrators may, and the group's where somebody asked in it as one of his channels.
        """
        user, replies = query.from_user.id, self.replies
        if replies.access.may_act_for(user, account_id):
            return True
        try:
            chat_id = query.message.chat.id if query.message else account_id
            of_chat = account_of_speakers(chat_id), account_of_admins(chat_id)
            asked = chat_id if account_id in of_chat else account_id
            if asked < 0 and await replies.sender.is_admin(asked, user):
                return True
        except BotError:
            self.answer(query, "error.internal", alert=True)
            return False
        self.answer(query, denial, alert=True)
        return False

    def admits(self, query: CallbackQuery, account_id: int, chat_id: int) -> bool:
        """Check that an account may still ask: buttons outlive permissions."""
        denial = self.replies.access.denial(account_id, chat_id)
        if denial is None:
            return True
        telling = self._deny(query, denial, account_id, chat_id)
        self.replies.background.run(telling, "answer to a press", of=query.from_user.id)
        return False

    async def _deny(
        self, query: CallbackQuery, denial: Denial, account_id: int, chat_id: int
    ) -> None:
        locale = await self.replies.locale_of_press(query)
        text = self.replies.denial_text(locale, denial, account_id, chat_id)
        await self.replies.sender.answer(query.id, fit(text, ANSWER), alert=True)

    async def as_payer(self, query: CallbackQuery, item: Paid) -> Paid | None:
        """Make an item that of who pressed: he pays, and is answered in his language.

        None where he may not ask, and that was explained.
        """
        account_id = payer(query, item.account_id)
        locale = await self.replies.locale_of_press(query)
        if not self.admits(query, account_id, item.chat_id):
            return None
        return replace(item, account_id=account_id, locale=locale)

    async def own_job(self, query: CallbackQuery, job: Job | None) -> Job | None:
        """Check that this button belongs to this chat and this person to this job.

        None where not, and that was explained.
        """
        if job is None or query.message is None or query.message.chat.id != job.chat_id:
            self.answer(query, "press.stale")
            return None
        return job if await self.may_use(query, job) else None

    async def may_use(self, query: CallbackQuery, job: Job) -> bool:
        """Check that a job is still known, and this person's; if not he is told."""
        if job.request.erased:
            self.answer(query, "press.erased")
            return False
        return await self.may_act_for(query, job.account_id, "press.not_yours")

    async def own_pending(
        self, query: CallbackQuery, pending: PendingPrompt | None, verb: Verb
    ) -> PendingPrompt | None:
        """Check that the message that was pressed asks about this prompt, and this person may answer.

        None where not, and that was explained.
        """
        if pending is None or not is_question(query, pending, {verb}):
            self.answer(query, "press.stale")
            return None
        mine = await self.may_act_for(query, pending.account_id, "press.not_yours")
        return pending if mine else None

    async def answer_submit(
        self,
        query: CallbackQuery,
        locale: str,
        submit: Awaitable[R | AlreadyRunning | Stale | Duplicate],
        *,
        already: str = "press.already_drawing",
    ) -> R | None:
        """Submit for a press; where nothing came of it that is answered here, and None returned."""
        try:
            result = await submit
        except LimitReached as reached:
            self.say(query, self.replies.limit_text(locale, reached), alert=True)
            return None
        match result:
            case AlreadyRunning():
                self.answer(query, already)
            case Stale():
                self.answer(query, "press.stale")
            case Duplicate():
                pass
            case _:
                return result
        return None

    async def _answer(self, query: CallbackQuery, key: str, *, alert: bool, **args: object) -> None:
        text = self.replies.texts(await self.replies.locale_of_press(query), key, **args)
        await self.replies.sender.answer(query.id, text, alert=alert)
