"""`/enhance`: a prompt made better, shown, and drawn in the wording that somebody presses."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from telegram import InlineKeyboardMarkup

from bot.domain import Enhancement, LimitReached, Reply, now
from bot.features.enhance.service import EnhanceAdmission, enhancement_of
from bot.jobs.options import InvalidOption
from bot.jobs.results import Accepted, Incomplete
from bot.tg.callbacks import Verb, is_under, payer
from bot.tg.commands import command
from bot.tg.feature import Feature
from bot.tg.keyboards import button
from bot.tg.parse import ENHANCE, author_of, reply_of, source_of
from bot.tg.sender import Target
from bot.tg.tasks import RecoverableTasks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from telegram import CallbackQuery, Message, Update
    from telegram.ext import ContextTypes

    from bot.domain import Author
    from bot.features.enhance.service import EnhanceService
    from bot.jobs.results import SubmitResult
    from bot.tg.callbacks import Press
    from bot.tg.feature import Handler, Interceptor, OnPress
    from bot.tg.parse import ParsedMessage
    from bot.tg.presses import Presses
    from bot.tg.replies import Asker, Replies
    from bot.tg.submit_replies import SubmitReplies

_VERBS = frozenset({Verb.DRAW_ENHANCED, Verb.DRAW_ORIGINAL, Verb.ENHANCE_AGAIN, Verb.DROP})
_REFUSALS = {
    EnhanceAdmission.TOO_MANY: "enhance.many",
    EnhanceAdmission.CROWDED: "enhance.busy",
    EnhanceAdmission.NO_WORDS: "enhance.words",
    EnhanceAdmission.OFF: "enhance.off",
}


@dataclass(slots=True)
class EnhanceFeature(Feature):
    """Takes prompts to be enhanced; each is brought to its buttons in a task that a restart takes up."""

    replies: Replies
    presses: Presses
    submit_replies: SubmitReplies
    enhancing: EnhanceService
    _tasks: RecoverableTasks[Enhancement] = field(init=False)

    def __post_init__(self) -> None:
        self._tasks = RecoverableTasks(self.enhancing)

    def handlers(self) -> Sequence[Handler]:
        return command(ENHANCE, self.on_enhance)

    def callbacks(self) -> Mapping[Verb, OnPress]:
        return dict.fromkeys(_VERBS, self.on_press)

    def interceptors(self) -> Sequence[Interceptor]:
        return (self.on_prompt,)

    async def start(self) -> None:
        """Begin to enhance, with what a restart fell into first."""
        await self._tasks.start(self._follow)

    async def drain(self, seconds: float) -> None:
        """Finish what runs within so many seconds; the rest is left for the next start."""
        await self._tasks.drain(seconds)

    async def on_enhance(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        message = update.message
        asker = await self.replies.asker(message)
        if message is None or asker is None:
            return
        enhancement = _read(message, asker)
        if self.replies.admits(enhancement.as_prompt("")):
            await self._take(enhancement, author_of(message))

    async def on_prompt(self, message: ParsedMessage) -> bool:
        """Take a message that is to be enhanced, by its flag or by choice."""
        if not await self.enhancing.wanted(message.prompt):
            return False
        await self._take(enhancement_of(message.prompt, now()), message.prompt.author)
        return True

    async def _take(self, enhancement: Enhancement, author: Author | None) -> None:
        """Commit a prompt and have it enhanced, or tell why not."""
        replies, prompt = self.replies, enhancement.as_prompt("")
        try:
            admission = await self.enhancing.accept(enhancement, author)
        except LimitReached as reached:
            replies.reply(prompt, replies.limit_text(prompt.locale, reached))
            return
        if isinstance(admission, InvalidOption):
            replies.reply(prompt, replies.invalid_option_text(prompt.locale, admission))
        elif admission is EnhanceAdmission.KEPT:
            self._tasks.begin(enhancement)
        elif refusal := _REFUSALS.get(admission):
            replies.reply(prompt, replies.texts(prompt.locale, refusal))

    async def _follow(self, waiting: Enhancement, again: bool) -> None:  # noqa: FBT001 - RecoverableTasks' own
        """Bring a prompt from where it is to its buttons."""
        done = waiting if waiting.better is not None else await self.enhancing.enhance(waiting)
        if done is None:  # cancelled, or erased: nobody waits for it
            return
        text, markup = self._question(done)
        if done.shown_id is not None:
            await self.replies.sender.edit(done.chat_id, done.shown_id, text, markup)
            await self.enhancing.shown(done, done.shown_id)
            return
        message_id = done.message_id if done.message_id > 0 else None
        await self.replies.sender.send_once(
            Target(done.chat_id, done.thread_id, message_id, reply_required=True),
            text,
            markup,
            remember=partial(self.enhancing.shown, done),
            above=max(0, done.message_id),
            uncertain=again,
        )

    def _question(self, done: Enhancement) -> tuple[str, InlineKeyboardMarkup]:
        """Show the better words, or that there are none, and what can be drawn."""
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
        """Draw one of the wordings, once, or look for another, or for none."""
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
        try:
            admission = await self.enhancing.again(found, query.id)
        except LimitReached as reached:
            text = self.replies.limit_text(found.locale, reached)
            self.presses.say(query, text, alert=True)
            return
        if admission is EnhanceAdmission.KEPT:
            self._tasks.begin(found, again=True)
        self.presses.answer(query, _REFUSALS.get(admission, "enhance.again"))

    async def _drop(self, query: CallbackQuery, found: Enhancement) -> None:
        if not await self.enhancing.give_up(found):
            self.presses.answer(query, "press.stale")
            return
        locale = await self.replies.locale_of_press(query)
        text = self.replies.texts(locale, "press.cancelled")
        self.replies.background.run(self._close(query, found, text), "wording dropped")

    async def _draw(self, query: CallbackQuery, found: Enhancement, text: str) -> None:
        locale = await self.replies.locale_of_press(query)
        found = replace(found, account_id=payer(query, found.account_id), locale=locale)
        if not self.presses.admits(query, found.account_id, found.chat_id):
            return
        result: SubmitResult | None = await self.presses.answer_submit(
            query, locale, self.enhancing.draw(found, text, query.id)
        )
        if result is None:
            return
        self.submit_replies.respond(found.as_prompt(text), result)
        if isinstance(result, Accepted | Incomplete):
            self.replies.background.run(self._close(query, found, text), "wording taken")
        else:  # the other wording may be drawn yet
            self.presses.say(query)

    async def _close(self, query: CallbackQuery, found: Enhancement, text: str) -> None:
        """Leave of the question what became of it."""
        await self.replies.sender.answer(query.id)
        if query.message:
            message_id = query.message.message_id
            await self.replies.sender.edit(found.chat_id, message_id, text, None)

    async def _own(self, query: CallbackQuery, press: Press) -> Enhancement | None:
        """Find the prompt of a press: that of this message, shown as it stands, and of this person."""
        message = query.message
        found = (
            await self.enhancing.find(message.chat.id, press.id) if message and press.id else None
        )
        if (
            found is None
            or message is None
            or found.shown_id not in (None, message.message_id)
            or not is_under(query, _VERBS)
        ):
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


def _read(message: Message, asker: Asker) -> Enhancement:
    source = source_of(message)  # what the words stand under is what they are about
    _, _, words = (message.text or message.caption or "").partition(" ")
    return Enhancement(
        account_id=asker.account_id,
        chat_id=message.chat.id,
        message_id=message.message_id,
        words=words.strip(),
        locale=asker.locale,
        asked_at=now(),
        thread_id=asker.target.thread_id,
        private=message.chat.type == message.chat.PRIVATE,
        reply=Reply(message.message_id, source) if source else reply_of(message),
    )
