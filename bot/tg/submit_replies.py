"""What somebody hears when his prompt was submitted: its status, a question, or why not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot.domain import LimitReached
from bot.jobs.options import InvalidOption, Unsupported
from bot.jobs.results import (
    Accepted,
    Duplicate,
    Incomplete,
    NoInput,
    PhotoNeeded,
    TooManyInputs,
)
from bot.tg.keyboards import FORCE_REPLY
from bot.tg.sender import target_of

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from bot.domain import PendingPrompt, Prompt
    from bot.jobs.pending import PendingService
    from bot.jobs.results import SubmitResult
    from bot.tg.keyboards import Keyboards, PresetKeyboard
    from bot.tg.replies import Replies
    from bot.tg.sender import Markup
    from bot.tg.status import StatusMessages


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
                self.replies.background.run(self.ask(pending, again=False), "question")
            case PhotoNeeded(pending):
                asking = self._ask_for_photo(prompt, pending)
                self.replies.background.run(asking, "question for a photo")
            case Duplicate():
                pass
            case _:
                self.replies.reply(prompt, self._refusal(prompt.locale, result))

    def _refusal(
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

    async def _question(self, pending: PendingPrompt) -> tuple[str, Markup]:
        unsupported = await self.pending.unsupported(pending)
        if unsupported is None:
            return self.presets.question(pending)
        text = self.replies.other_models_text(pending.locale, unsupported)
        return text, self.keyboards.offer(pending.message_id, unsupported.others)

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
