"""What buttons do with a picture wherever it is shown: draw again, ask what to change, send the file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from telegram import CallbackQuery, MessageEntity
from telegram.constants import ChatType

from bot.domain import BotError, Job, Picture
from bot.domain.shown_names import clean_name
from bot.jobs.messages import SentMessages
from bot.jobs.submit import QueuedJob, SubmitService
from bot.media.store import MediaStore
from bot.tg.callbacks import payer
from bot.tg.delivery import Delivery
from bot.tg.keyboards import FORCE_REPLY
from bot.tg.parse import thread_of
from bot.tg.presses import Presses
from bot.tg.sender import Target
from bot.tg.status import StatusMessages
from bot.tg.text_limits import fit, units

Question = tuple[str, Callable[[int], Awaitable[None]]]  # and what keeps its message

_NAME = 64  # UTF-16 units of a person's name in a question


@dataclass(frozen=True, slots=True)
class PictureActions:
    """Does what buttons ask for, once for each press; questions and files go out in the background."""

    presses: Presses
    submit: SubmitService
    status: StatusMessages
    sent: SentMessages
    media: MediaStore
    delivery: Delivery

    async def regenerate(
        self, query: CallbackQuery, job: Job, *, count: int = 1
    ) -> tuple[QueuedJob, ...] | None:
        """Draw a job's request below the message that was pressed, for the account of who pressed.

        Tells the new jobs, which are announced; None where there are none, and that was explained.
        """
        if query.message is None:
            return None
        paid = await self.presses.as_payer(query, job)
        if paid is None:
            return None
        accepted = await self.presses.answer_submit(
            query,
            paid.locale,
            self.submit.regenerate(
                paid, press_id=query.id, message_id=query.message.message_id, count=count
            ),
        )
        if accepted is None:
            return None
        self.status.announce(*accepted.jobs)
        return accepted.jobs

    async def ask_for_edit(self, query: CallbackQuery, picture: Picture, job: Job) -> None:
        message, account_id = query.message, payer(query, job.account_id)
        if message is None or not self.presses.admits(query, account_id, message.chat.id):
            return
        if message.chat.type == ChatType.CHANNEL:  # where nobody can be made to reply
            self.presses.answer(query, "edit.channel", alert=True)
            return

        def question(locale: str) -> Question:
            text = self.presses.replies.texts(locale, "edit.ask")
            return text, lambda asked: self.sent.linked(message.chat.id, asked, picture.id)

        key = (message.chat.id, message.message_id)
        if not await self.ask(query, key, question, "what to change", answers=True):
            self.presses.say(query)

    async def ask(
        self,
        query: CallbackQuery,
        key: tuple[int | str, ...],
        question: Callable[[str], Question],
        what: str,
        *,
        answers: bool = False,
    ) -> bool:
        """Put a question, which a reply answers, once for each press; `question` makes it in a locale.

        False where one with this `key`, of a chat and more, is under way. The press is answered
        once the question stands, if it `answers`.
        """
        if not await self.sent.first_time(f"press:{query.id}"):
            return False
        asking = self._ask(query, question, answers=answers)
        return self.presses.replies.background.run_once(key, asking, f"question {what}")

    async def _ask(
        self, query: CallbackQuery, question: Callable[[str], Question], *, answers: bool
    ) -> None:
        sender = self.presses.replies.sender
        text, remember = question(await self.presses.replies.locale_of_press(query))
        text, entities = _addressed_to(query, text)
        await sender.send_once(
            target_of_press(query), text, FORCE_REPLY, remember=remember, entities=entities
        )
        if answers:
            await sender.answer(query.id)

    async def send_original(self, query: CallbackQuery, picture: Picture, target: Target) -> None:
        """Send a picture's untouched bytes, once for each press, or say that they are not kept."""
        if not await self.sent.first_time(f"press:{query.id}"):
            return
        kept = await self.media.size(picture.sha256) is not None
        if picture.original_file_id is None and not kept:
            self.presses.answer(query, "press.original_gone", alert=True)
            return
        sending, key = self._send_original(query, picture, target), ("original", picture.id)
        if not self.presses.replies.background.run_once(key, sending, "original file"):
            self.presses.answer(query, "press.original_sent")

    async def _send_original(self, query: CallbackQuery, picture: Picture, target: Target) -> None:
        content = picture.original_file_id or self.delivery.upload(picture)
        try:
            file_id = await self.presses.replies.sender.send_original(target, content)
        except BotError:
            self.presses.answer(query, "error.internal", alert=True)
            raise
        self.presses.answer(query, "press.original_sent")
        if picture.original_file_id is None and file_id:
            await self.sent.original_sent(picture, file_id)


def target_of_press(query: CallbackQuery) -> Target:
    message = query.message
    if message is None:
        raise ValueError("a press without a message has no place")
    return Target(message.chat.id, thread_of(message), message.message_id)


def _addressed_to(query: CallbackQuery, text: str) -> tuple[str, list[MessageEntity]]:
    """Put a question to whoever pressed; in groups it names him, for only he is shown a reply."""
    user, message = query.from_user, query.message
    if message is None or message.chat.type == ChatType.PRIVATE:
        return text, []
    name = fit(clean_name(user.full_name), _NAME) or str(user.id)
    mention = MessageEntity(MessageEntity.TEXT_MENTION, 0, units(name), user=user)
    return f"{name}: {text}", [mention]
