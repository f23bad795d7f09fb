"""What buttons do with a picture wherever it is shown: draw again, ask what to change, send the file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from telegram import CallbackQuery, MessageEntity
from telegram.constants import ChatType

from bot.domain import BotError
from bot.tg.callbacks import payer
from bot.tg.keyboards import FORCE_REPLY
from bot.tg.parse import thread_of
from bot.tg.sender import Target
from bot.tg.text_limits import fit, units

if TYPE_CHECKING:
    from bot.domain import Job, Picture
    from bot.jobs.messages import SentMessages
    from bot.jobs.submit import QueuedJob, SubmitService
    from bot.media.store import MediaStore
    from bot.tg.delivery import Delivery
    from bot.tg.presses import Presses
    from bot.tg.status import StatusMessages

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
    _asking: set[tuple[int, int]] = field(default_factory=set, init=False)  # questions on their way
    _sending: set[int] = field(default_factory=set, init=False)  # pictures whose file is on its way

    async def regenerate(
        self, query: CallbackQuery, job: Job, *, count: int = 1
    ) -> tuple[QueuedJob, ...] | None:
        """Draw a job's request below the message that was pressed, for the account of who pressed.

        Tells the new jobs, which are announced; None where there are none, and that was explained.
        """
        if query.message is None:
            return None
        account_id = payer(query, job.account_id)
        if not self.presses.admits(query, account_id, job.chat_id):
            return None
        locale = await self.presses.replies.locale_of_press(query)
        accepted = await self.presses.answer_submit(
            query,
            locale,
            self.submit.regenerate(
                replace(job, account_id=account_id, locale=locale),
                press_id=query.id,
                message_id=query.message.message_id,
                count=count,
            ),
        )
        if accepted is None:
            return None
        for queued in accepted.jobs:
            self.status.announce(queued)
        return accepted.jobs

    async def ask_for_edit(self, query: CallbackQuery, picture: Picture, job: Job) -> None:
        """Ask what to change, once for each press; the answer may come weeks later."""
        message, account_id = query.message, payer(query, job.account_id)
        if message is None or not self.presses.admits(query, account_id, message.chat.id):
            return
        if message.chat.type == ChatType.CHANNEL:  # where nobody can be made to reply
            self.presses.answer(query, "edit.channel", alert=True)
            return
        place = (message.chat.id, message.message_id)
        first = await self.sent.first_time(f"press:{query.id}")
        if not first or place in self._asking:  # an impatient finger
            self.presses.say(query)
            return
        self._asking.add(place)
        ask = self._ask_for_edit(query, picture, place)
        if self.presses.replies.background.run(ask, "question what to change") is None:
            self._asking.discard(place)

    async def _ask_for_edit(
        self, query: CallbackQuery, picture: Picture, place: tuple[int, int]
    ) -> None:
        replies, target = self.presses.replies, target_of_press(query)
        try:
            locale = await replies.locale_of_press(query)
            text, entities = addressed_to(query, replies.texts(locale, "edit.ask"))

            async def remember(message_id: int) -> None:
                await self.sent.linked(target.chat_id, message_id, picture.id)

            await replies.sender.send_once(
                target, text, FORCE_REPLY, remember=remember, entities=entities
            )
            await replies.sender.answer(query.id)
        finally:
            self._asking.discard(place)

    async def send_original(self, query: CallbackQuery, picture: Picture, target: Target) -> None:
        """Send a picture's untouched bytes, once for each press, or say that they are not kept."""
        if not await self.sent.first_time(f"press:{query.id}"):
            return
        kept = await self.media.size(picture.sha256) is not None
        if picture.original_file_id is None and not kept:
            self.presses.answer(query, "press.original_gone", alert=True)
            return
        if picture.id in self._sending:  # an impatient finger
            self.presses.answer(query, "press.original_sent")
            return
        self._sending.add(picture.id)
        sending = self._send_original(query, picture, target)
        if self.presses.replies.background.run(sending, "original file") is None:
            self._sending.discard(picture.id)

    async def _send_original(self, query: CallbackQuery, picture: Picture, target: Target) -> None:
        content = picture.original_file_id or self.delivery.upload(picture)
        try:
            file_id = await self.presses.replies.sender.send_original(target, content)
        except BotError:
            self.presses.answer(query, "error.internal", alert=True)
            raise
        finally:
            self._sending.discard(picture.id)
        self.presses.answer(query, "press.original_sent")
        if picture.original_file_id is None and file_id:
            await self.sent.original_sent(picture, file_id)


def target_of_press(query: CallbackQuery) -> Target:
    """Name the place below the message that was pressed, in its topic."""
    message = query.message
    if message is None:
        raise ValueError("a press without a message has no place")
    return Target(message.chat.id, thread_of(message), message.message_id)


def addressed_to(query: CallbackQuery, text: str) -> tuple[str, list[MessageEntity]]:
    """Put a question to whoever pressed; in groups it names him, for only he is shown a reply."""
    user, message = query.from_user, query.message
    if message is None or message.chat.type == ChatType.PRIVATE:
        return text, []
    name = fit(user.full_name, _NAME) or str(user.id)
    mention = MessageEntity(MessageEntity.TEXT_MENTION, 0, units(name), user=user)
    return f"{name}: {text}", [mention]
