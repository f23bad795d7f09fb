"""What somebody hears when his prompt was submitted: its status, a question, or why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.jobs.options import InvalidOption, Unsupported
from bot.jobs.submit import (
    Accepted,
    Duplicate,
    Incomplete,
    NoInput,
    PhotoNeeded,
    TooManyInputs,
)
from bot.tg.keyboards import FORCE_REPLY
from bot.tg.sender import Target

if TYPE_CHECKING:
    from bot.domain import PendingPrompt, Prompt
    from bot.jobs.pending import PendingService
    from bot.jobs.submit import SubmitResult
    from bot.tg.keyboards import Keyboards
    from bot.tg.preset_keyboard import PresetKeyboard
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

    def respond(self, prompt: Prompt, result: SubmitResult) -> None:
        replies, locale = self.replies, prompt.locale
        match result:
            case Accepted(jobs):
                for queued in jobs:
                    self.status.announce(queued)
            case Incomplete(pending):
                replies.background.run(self.ask(pending, again=False), "question")
            case PhotoNeeded(pending):
                replies.background.run(self._ask_for_photo(prompt, pending), "question for a photo")
            case TooManyInputs(limit):
                replies.reply(prompt, replies.texts(locale, "album.too_many", limit=limit))
            case InvalidOption():
                replies.reply(prompt, replies.invalid_option_text(locale, result))
            case Unsupported():
                replies.reply(prompt, replies.other_models_text(locale, result))
            case NoInput():
                replies.reply(prompt, replies.texts(locale, "ask.text"))
            case Duplicate():
                pass

    async def ask(self, pending: PendingPrompt, *, again: bool) -> None:
        """Ask what to do with pictures, or which model shall draw.

        `again` says that it may have been asked before a crash.
        """

        async def remember(question_id: int) -> None:
            await self.pending.questioned(pending, question_id)

        text, markup = await self._question(pending)
        # A photo that a migration left behind has no number that could be replied to.
        photo = pending.message_id if pending.message_id > 0 else None
        await self.replies.sender.send_once(
            Target(pending.chat_id, pending.thread_id, photo),
            text,
            markup,
            remember=remember,
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

        async def remember(question_id: int) -> None:
            here = (pending.account_id, prompt.chat_id, prompt.thread_id, question_id)
            await self.pending.expect(
                *here, pending.prompt, locale=prompt.locale, private=prompt.private
            )

        await self.replies.sender.send_once(
            Target(prompt.chat_id, prompt.thread_id, prompt.message_id),
            self.replies.texts(prompt.locale, "ask.photo"),
            FORCE_REPLY,
            remember=remember,
            above=prompt.message_id,
        )
