"""`/enhance`: a prompt made better, shown, and drawn in the wording that somebody presses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from telegram import CallbackQuery, InlineKeyboardMarkup, Update
from telegram.ext import ContextTypes

from bot.domain import Enhancement, LimitReached, Prompt, Reply
from bot.features.enhance.service import EnhanceRefusal, EnhanceService
from bot.jobs.messages import SentMessages
from bot.jobs.options import InvalidOption
from bot.jobs.submit import Accepted, Incomplete, SubmitResult
from bot.tg.callbacks import Press, Verb, is_under
from bot.tg.feature import Feature, Interceptor, OnPress, OnUpdate
from bot.tg.keyboards import button
from bot.tg.parse import ENHANCE, ParsedMessage
from bot.tg.presses import Presses
from bot.tg.replies import Replies, SubmitReplies
from bot.tg.sender import target_of
from bot.tg.tasks import RecoverableTasks

_VERBS = frozenset({Verb.DRAW_ENHANCED, Verb.DRAW_ORIGINAL, Verb.ENHANCE_AGAIN, Verb.DROP})


@dataclass(slots=True)
class EnhanceFeature(Feature):
    """Takes prompts to be enhanced; each is brought to its buttons in a task that a restart takes up."""

    replies: Replies
    presses: Presses
    submit_replies: SubmitReplies
    enhancing: EnhanceService
    sent: SentMessages
    recovery: RecoverableTasks[Enhancement] = field(init=False)

    def __post_init__(self) -> None:
        self.recovery = RecoverableTasks(self.enhancing, self._follow, self.sent.chat_migrated)

    def commands(self) -> Mapping[str, OnUpdate]:
        return {ENHANCE: self.on_enhance}

    def callbacks(self) -> Mapping[Verb, OnPress]:
        return dict.fromkeys(_VERBS, self.on_press)

    def interceptors(self) -> Sequence[Interceptor]:
        return (self.on_prompt,)

    async def on_enhance(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        prompt = await self.replies.command(update.message)
        if prompt is None or not self.replies.admits(prompt):
            return
        if prompt.sources:  # what the words stand under is what they are about
            prompt = replace(prompt, reply=Reply(prompt.message_id, prompt.sources[0]))
        await self._take(prompt)

    async def on_prompt(self, message: ParsedMessage) -> bool:
        if not await self.enhancing.wanted(message.prompt):
            return False
        await self._take(message.prompt)
        return True

    async def _take(self, prompt: Prompt) -> None:
        try:
            enhancement = await self.enhancing.accept(prompt)
        except LimitReached as reached:
            self.submit_replies.respond(prompt, reached)
            return
        match enhancement:
            case Enhancement():
                self.recovery.begin(enhancement)
            case EnhanceRefusal():
                self.replies.answer(prompt, enhancement)
            case InvalidOption():
                self.submit_replies.respond(prompt, enhancement)

    async def _follow(self, waiting: Enhancement, again: bool) -> None:  # noqa: FBT001 - RecoverableTasks' own
        done = waiting if waiting.better is not None else await self.enhancing.enhance(waiting)
        if done is None:  # cancelled, or erased: nobody waits for it
            return
        text, markup = self._question(done)
        if done.shown_id is not None:
            await self.replies.sender.edit(done.chat_id, done.shown_id, text, markup)
            await self.enhancing.shown(done, done.shown_id)
            return
        await self.replies.sender.send_once(
            target_of(done, reply_required=True),
            text,
            markup,
            remember=partial(self.enhancing.shown, done),
            above=max(0, done.message_id),
            uncertain=again,
        )

    def _question(self, done: Enhancement) -> tuple[str, InlineKeyboardMarkup]:
        texts, locale = self.replies.texts, done.locale
        text = texts(locale, "enhance.failed")
        choices = [("enhance.draw_mine", Verb.DRAW_ORIGINAL)]
        if done.better:
            text = texts(locale, "enhance.better", words=_enhanced(done))
            choices.insert(0, ("enhance.draw_better", Verb.DRAW_ENHANCED))
        choices += [("enhance.anew", Verb.ENHANCE_AGAIN), ("button.cancel", Verb.DROP)]
        rows = [[button(texts(locale, key), verb, done.message_id)] for key, verb in choices]
        return text, InlineKeyboardMarkup(rows)

    async def on_press(self, query: CallbackQuery, press: Press) -> None:
        found = await self._own(query, press)
        if found is None:
            return
        match press.verb:
            case Verb.ENHANCE_AGAIN:
                await self._again(query, found)
            case Verb.DROP:
                await self._drop(query, found)
            case Verb.DRAW_ENHANCED:
                await self._draw(query, found, _enhanced(found))
            case _:
                await self._draw(query, found, found.words)

    async def _again(self, query: CallbackQuery, found: Enhancement) -> None:
        again = self.enhancing.again(found, query.id)
        begun = await self.presses.answer_submit(query, found.locale, again)
        if begun is None:
            return
        if begun is True:
            self.recovery.begin(found, again=True)
        key = begun if isinstance(begun, EnhanceRefusal) else "enhance.again"
        self.presses.answer(query, key)

    async def _drop(self, query: CallbackQuery, found: Enhancement) -> None:
        if not await self.enhancing.give_up(found):
            self.presses.answer(query, "press.stale")
            return
        locale = await self.replies.locale_of_press(query)
        text = self.replies.texts(locale, "press.cancelled")
        self.replies.background.run(self.presses.replace(query, text), "wording dropped")

    async def _draw(self, query: CallbackQuery, found: Enhancement, text: str) -> None:
        paid = await self.presses.as_payer(query, found)
        if paid is None:
            return
        result: SubmitResult | None = await self.presses.answer_submit(
            query, paid.locale, self.enhancing.draw(paid, text, query.id)
        )
        if result is None:
            return
        self.submit_replies.respond(paid.as_prompt(text), result)
        if isinstance(result, Accepted | Incomplete):
            self.replies.background.run(self.presses.replace(query, text), "wording taken")
        else:  # the other wording may be drawn yet
            self.presses.say(query)

    async def _own(self, query: CallbackQuery, press: Press) -> Enhancement | None:
        """Find the prompt of a press: that of this message, shown as it stands, and of this person."""
        message, found = query.message, None
        if message and press.id and is_under(query, _VERBS):
            found = await self.enhancing.find(message.chat.id, press.id)
        if message is None or found is None or found.shown_id not in (None, message.message_id):
            self.presses.answer(query, "press.stale")
            return None
        if not await self.presses.may_act_for(query, found.account_id, "press.not_yours"):
            return None
        # A finger may be quicker than the commit of where the words stand.
        if found.better is None or not (found.shown or found.shown_id is None):
            self.presses.answer(query, "enhance.again")
            return None
        if press.verb is Verb.DRAW_ENHANCED and not found.better:
            self.presses.answer(query, "press.stale")
            return None
        return found


def _enhanced(done: Enhancement) -> str:
    return f"{done.better} {done.flags}".strip()
