"""Replies: answering people in their language, in the background, and the texts that say why not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial

from telegram import CallbackQuery, ForceReply, Message, User

from bot.billing.access import Access, Denial
from bot.domain import (
    AllowanceReached,
    CallsReached,
    InputProblem,
    LimitReached,
    NotAdmitted,
    PendingPrompt,
    Period,
    Prompt,
    QueueFull,
)
from bot.i18n.texts import Texts, pick
from bot.jobs.options import InvalidOption, Unsupported
from bot.jobs.pending import PendingService
from bot.jobs.preferences import PreferenceService
from bot.jobs.submit import (
    Accepted,
    Duplicate,
    Incomplete,
    NoInput,
    PhotoNeeded,
    SubmitResult,
    TooManyInputs,
)
from bot.tg.keyboards import FORCE_REPLY, Keyboards, PresetKeyboard
from bot.tg.parse import ParsedMessage, account_of, prompt_of, source_of, thread_of, with_prefix
from bot.tg.sender import Markup, Sender, Target, target_of
from bot.tg.status import StatusMessages
from bot.tg.tasks import BackgroundTasks
from bot.tg.told import OncePerPeriod

MEGA = 1_000_000


@dataclass(frozen=True, slots=True)
class Replies:
    """Answers people; nobody waits for Telegram here.

    Somebody's language is what was chosen for the topic or the chat, else by himself, else what his
    Telegram speaks.
    """

    texts: Texts
    preferences: PreferenceService
    sender: Sender
    background: BackgroundTasks
    access: Access
    max_bytes: int
    max_pixels: int
    knocked: Callable[[Prompt], None]  # told of whom nobody lets in
    _bans_told: OncePerPeriod = field(default_factory=OncePerPeriod, init=False)

    def say(self, target: Target, text: str, markup: Markup = None) -> None:
        self.background.run(self.sender.send(target, text, markup), "reply", of=target.chat_id)

    def reply(self, prompt: Prompt, text: str, markup: Markup = None) -> None:
        self.say(target_of(prompt), text, markup)

    def answer(self, prompt: Prompt, key: str, markup: Markup = None, **args: object) -> None:
        self.reply(prompt, self.texts(prompt.locale, key, **args), markup)

    def admits(self, prompt: Prompt) -> bool:
        """Check that whoever wrote may ask; if not he is told how to be let in."""
        place, speaker = (prompt.account_id, prompt.chat_id), prompt.speaker_id
        denial = self.access.denial(*place, as_chat=speaker)
        if denial is None:
            return True
        if denial is Denial.STRANGER:
            self.knocked(prompt)
        if denial is not Denial.BANNED or self._bans_told.add(speaker or prompt.account_id):
            self.reply(prompt, self.denial_text(prompt.locale, denial, *place, as_chat=speaker))
        return False

    def denial_text(
        self,
        locale: str,
        denial: Denial,
        account_id: int,
        chat_id: int,
        *,
        as_chat: int | None = None,
    ) -> str:
        reason = self.access.ban_reason(account_id, chat_id, as_chat=as_chat)
        if denial is Denial.BANNED and reason:
            return self.texts(locale, "access.banned_for", reason=reason)
        return self.texts(locale, f"access.{denial}", id=account_id)

    async def command(self, message: Message | None) -> Prompt | None:
        """Read what stands behind a command; None where nobody gave it who can be answered."""
        account_id = account_of(message) if message else None
        if message is None or account_id is None:
            return None
        words = "".join((message.text or message.caption or "").split(maxsplit=1)[1:])
        prompt = prompt_of(message, account_id, words.strip(), source_of(message))
        return await self._localized(prompt)

    async def as_chosen(self, message: ParsedMessage) -> ParsedMessage:
        """Read a message as its chat wants: by its keyword, answered in its language."""
        prompt = message.prompt
        if not prompt.private and not message.addressed:
            group = await self.preferences.of(prompt.chat_id)
            message = with_prefix(message, group.prefix)
            prompt = message.prompt
        if not message.addressed and not message.album_id:
            return message
        return replace(message, prompt=await self._localized(prompt))

    async def _localized(self, prompt: Prompt) -> Prompt:
        place = (prompt.account_id, prompt.chat_id, prompt.thread_id)
        return replace(prompt, locale=await self.locale_of(*place, prompt.locale))

    async def locale_of(
        self, account_id: int, chat_id: int, thread_id: int | None, spoken: str
    ) -> str:
        """Tell it of an account somewhere; `spoken` is the locale of its Telegram."""
        chosen = await self.preferences.at(account_id, chat_id, thread_id)
        return chosen.language or spoken

    async def locale_of_person(self, account_id: int, language_code: str | None) -> str:
        """Tell it of somebody who is in no chat of the bot's: what chats have chosen is theirs."""
        return await self.locale_of(account_id, account_id, None, pick(language_code))

    async def locale_of_user(self, user: User) -> str:
        return await self.locale_of_person(user.id, user.language_code)

    async def locale_of_press(self, query: CallbackQuery) -> str:
        user, message = query.from_user, query.message
        if message is None:
            return await self.locale_of_user(user)
        spoken = pick(user.language_code)
        return await self.locale_of(user.id, message.chat.id, thread_of(message), spoken)

    def limit_text(self, locale: str, reached: LimitReached) -> str:
        if isinstance(reached, NotAdmitted):
            place = reached.account_id, reached.chat_id
            return self.denial_text(locale, Denial(reached.denial), *place)
        if isinstance(reached, AllowanceReached):
            key = "allowance.chat" if reached.everybody else "allowance.member"
            return self.texts(locale, key, n=reached.limit, limit=reached.limit)
        if isinstance(reached, CallsReached):
            return self.texts(locale, "limit.calls", limit=reached.limit)
        if isinstance(reached, QueueFull):
            return self.texts(locale, "limit.queue", limit=reached.limit)
        period = "day" if reached.period is Period.DAY else "month"
        if reached.left:
            return self.texts(locale, f"limit.{period}_left", n=reached.left, asked=reached.asked)
        return self.texts(locale, f"limit.{period}", n=reached.limit, limit=reached.limit)

    def input_problem_text(self, locale: str, problem: InputProblem) -> str:
        limits = {
            InputProblem.TOO_MANY_BYTES: f"{self.max_bytes / 1024 / 1024:.0f}",
            InputProblem.TOO_MANY_PIXELS: f"{self.max_pixels / MEGA:.0f}",
        }
        return self.texts(locale, f"problem.{problem}", limit=limits.get(problem, ""))

    def invalid_option_text(self, locale: str, invalid: InvalidOption) -> str:
        known = ", ".join(invalid.known)
        return self.texts(locale, f"misfit.{invalid.option}", known=known)

    def unsupported_text(self, locale: str, unsupported: Unsupported) -> str:
        """Tell what the chosen model cannot do; nothing where that is over."""
        profile = unsupported.profile
        if unsupported.reason is None:
            return ""
        return self.texts(
            locale,
            f"unable.{unsupported.reason}",
            model=profile.label,
            n=profile.max_inputs,
            limit=profile.max_inputs,
        )

    def other_models_text(self, locale: str, unsupported: Unsupported) -> str:
        """Tell what the chosen model cannot do, and ask which other one shall draw, if there is one."""
        then = self.texts(locale, "offer.which" if unsupported.others else "offer.nobody")
        return "\n\n".join(filter(None, (self.unsupported_text(locale, unsupported), then)))


@dataclass(frozen=True, slots=True)
class SubmitReplies:
    """Tells what became of a prompt."""

    replies: Replies
    status: StatusMessages
    pending: PendingService
    keyboards: Keyboards
    presets: PresetKeyboard

    async def answer(self, prompt: Prompt, submit: Awaitable[SubmitResult]) -> None:
        try:
            result = await submit
        except LimitReached as reached:
            self.respond(prompt, reached)
        else:
            self.respond(prompt, result)

    def respond(self, prompt: Prompt, result: SubmitResult | LimitReached) -> None:
        match result:
            case Accepted(jobs):
                self.status.announce(*jobs)
            case Incomplete(pending):
                asking = self.ask(pending, again=False)
                self.replies.background.run(asking, "question", of=pending.account_id)
            case PhotoNeeded(pending):
                asking = self._ask_for_photo(prompt, pending)
                self.replies.background.run(asking, "question for a photo", of=prompt.account_id)
            case Duplicate():
                pass
            case NoInput() if prompt.private:
                self.replies.answer(prompt, "ask.words")
            case _:
                self.replies.reply(prompt, self.refusal(prompt.locale, result))

    def refusal(
        self,
        locale: str,
        result: LimitReached | TooManyInputs | InvalidOption | Unsupported | NoInput,
    ) -> str:
        match result:
            case LimitReached():
                return self.replies.limit_text(locale, result)
            case TooManyInputs(limit):
                return self.replies.texts(locale, "album.too_many", limit=limit)
            case InvalidOption():
                return self.replies.invalid_option_text(locale, result)
            case Unsupported():
                return self.replies.other_models_text(locale, result)
            case NoInput():
                return self.replies.texts(locale, "ask.text")

    async def ask(self, pending: PendingPrompt, *, again: bool) -> None:
        """Ask what to do with pictures, or which model shall draw.

        `again` says that it may have been asked before a crash.
        """
        text, markup = await self._question(pending)
        await self.replies.sender.send_once(
            target_of(pending),
            text,
            markup,
            remember=partial(self.pending.questioned, pending),
            above=max(0, pending.message_id),
            uncertain=again,
        )

    async def offer_models(
        self, query: CallbackQuery, pending: PendingPrompt, *, whole: bool = False
    ) -> None:
        """Answer a press, and have the message that was pressed ask which model shall draw.

        Of many models a few are shown unless the list is to be `whole`.
        """
        await self.replies.sender.answer(query.id)
        text, keyboard = await self._question(pending, whole=whole)
        if (message := query.message) and not isinstance(keyboard, ForceReply):
            place = (message.chat.id, message.message_id)
            await self.replies.sender.edit(*place, text, keyboard)

    async def _question(self, pending: PendingPrompt, *, whole: bool = False) -> tuple[str, Markup]:
        if pending.which:
            n = len(pending.sources)
            keyboard = self.keyboards.which(pending.locale, pending.message_id, n)
            return self.replies.texts(pending.locale, "which.ask", n=n), keyboard
        unsupported = await self.pending.unsupported(pending)
        if unsupported is None:
            return self.presets.question(pending)
        text = self.replies.other_models_text(pending.locale, unsupported)
        others = unsupported.others
        shown = others if whole else self.pending.options.short(others, None)
        more = len(shown) < len(others)
        return text, self.keyboards.offer(pending.locale, pending.message_id, shown, more=more)

    async def _ask_for_photo(self, prompt: Prompt, pending: PendingPrompt) -> None:
        """Ask for the photo again; a reply to either question brings it."""
        remember = partial(
            self.pending.expect,
            pending.account_id,
            prompt.chat_id,
            prompt.thread_id,
            text=pending.prompt,
            locale=prompt.locale,
            private=prompt.private,
        )
        await self.replies.sender.send_once(
            target_of(prompt),
            self.replies.texts(prompt.locale, "ask.photo"),
            FORCE_REPLY,
            remember=remember,
            above=prompt.message_id,
        )
