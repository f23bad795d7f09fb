"""/broadcast: an operator's words to everybody, or some; he sees before, while and after."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any

from telegram import CallbackQuery, InlineKeyboardMarkup, Message, MessageEntity, Update
from telegram.ext import ContextTypes

from bot.domain import BotError, Prompt, TryLater
from bot.domain.administration import AdminResult, Broadcast, BroadcastState
from bot.features.admin.broadcast_rules import BroadcastService
from bot.features.admin.once import once
from bot.tg.callbacks import Press, Verb, is_under
from bot.tg.errors import Uncertain
from bot.tg.feature import Feature, OnPress, OnUpdate
from bot.tg.keyboards import button
from bot.tg.presses import Presses
from bot.tg.replies import Replies
from bot.tg.sender import Target, target_of
from bot.tg.sending import Priority, watched
from bot.tg.tasks import work_off
from bot.tg.text_limits import CAPTION, units

LONGEST = 3500  # UTF-16 units, beside which the question has room
TOLD_EVERY = 5.0  # seconds
PAUSE = 10.0  # seconds after a failure
TRIES = 20  # of one chat, where Telegram says that it is too much: then it is left out
EXAMPLE = "/broadcast days=30 language=de Hello!"
_PERSONAL = frozenset({MessageEntity.TEXT_MENTION})  # it names somebody by his account
_OPTION = re.compile(r"\s*(days|language)=(\S+)(?:\s+|$)")
_VALUES = {"days": re.compile(r"[0-9]{1,4}"), "language": re.compile(r"[A-Za-z]{2,3}(-\w{2,8})?")}


@dataclass(slots=True)
class BroadcastFeature(Feature):
    """Writes to one chat after the other, while nobody waits for anything else of the bot's."""

    replies: Replies
    presses: Presses
    service: BroadcastService
    _woken: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def commands(self) -> Mapping[str, OnUpdate]:
        return {"broadcast": self.on_broadcast}

    def callbacks(self) -> Mapping[Verb, OnPress]:
        return {Verb.BROADCAST: self.on_send, Verb.STOP_BROADCAST: self.on_stop}

    def tasks(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        return {"broadcasts": work_off(self._run_all, self._woken, "broadcast waits", pause=PAUSE)}

    def wake(self) -> None:
        """Look whether one was begun, by this process or another."""
        self._woken.set()

    async def on_broadcast(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        command = await self.replies.command(update.message)
        if command is None or not command.private:
            return
        if not self.replies.access.is_admin(command.account_id):
            self.replies.answer(command, "ask.command")
            return
        with once(command):
            await self._draft(command, update.message)

    async def _draft(self, command: Prompt, message: Message | None) -> None:
        photo = photo_of(message)
        read = read_command(command.text, CAPTION if photo else LONGEST)
        if read is None:
            self.replies.answer(command, "admin.usage", example=EXAMPLE)
            return
        text, days, language = read
        entities = entities_of(message, text)
        kept = json.dumps([one.to_dict() for one in entities])
        number, people = await self.service.draft(
            command.chat_id, text, kept, photo, days, language
        )
        if not people:
            self.replies.answer(command, "broadcast.nobody")
            return
        texts, locale = self.replies.texts, command.locale
        question = texts(locale, "broadcast.ask", n=people, people=people)
        keyboard = InlineKeyboardMarkup.from_row(
            [
                button(texts(locale, "broadcast.send"), Verb.BROADCAST, number),
                button(texts(locale, "button.cancel"), Verb.STOP_BROADCAST, number),
            ]
        )
        asking = self._ask(target_of(command), text, entities, photo, question, keyboard)
        self.replies.background.run(asking, "broadcast", of=command.account_id)

    async def _ask(
        self,
        target: Target,
        text: str,
        entities: Sequence[MessageEntity],
        photo: str | None,
        question: str,
        keyboard: InlineKeyboardMarkup,
    ) -> None:
        """Show what is sent, a photo as it will be, and ask whether it shall be."""
        sender = self.replies.sender
        if photo:
            await sender.send_at_most_once(target, text, entities, photo)
        await sender.send_once(
            target,
            f"{text}\n\n――――\n{question}",
            keyboard,
            remember=partial(sender.sent.sent, target.chat_id),
            entities=entities,
        )

    async def on_send(self, query: CallbackQuery, press: Press) -> None:
        if (number := self._number(query, press)) is None or query.message is None:
            return
        actor = f"telegram:{query.from_user.id}"
        begun = await self.service.start(actor, number, query.message.message_id)
        if begun is None:
            self.presses.answer(query, "press.stale")
            return
        self.presses.say(query)
        self._woken.set()

    async def on_stop(self, query: CallbackQuery, press: Press) -> None:
        if (number := self._number(query, press)) is None:
            return
        result = await self.service.cancel(f"telegram:{query.from_user.id}", number)
        found = await self.service.get(number)
        if result is not AdminResult.DONE or found is None:
            self.presses.answer(query, "press.stale")
            return
        text = await self._text(found)
        self.replies.background.run(self.presses.replace(query, text), "broadcast cancelled")
        self._woken.set()

    def _number(self, query: CallbackQuery, press: Press) -> int | None:
        """Read which broadcast a press is about; None where it is no operator's, which is told."""
        admin = self.replies.access.is_admin(query.from_user.id)
        if admin and press.id is not None and is_under(query, {press.verb}):
            return press.id
        self.presses.answer(query, "press.stale")
        return None

    async def _run_all(self) -> None:
        """Finish what was begun; a new start goes on with it."""
        while under_way := await self.service.open():
            for broadcast in under_way:
                await self._run(broadcast)

    async def _run(self, broadcast: Broadcast) -> None:
        sent: bool | None = None
        shown_at = 0.0
        while True:
            broadcast, chat_id = await self.service.next(broadcast.id, sent=sent)
            if broadcast.state is not BroadcastState.RUNNING:
                break
            if chat_id is None:
                sent = None
                continue
            if monotonic() - shown_at > TOLD_EVERY:
                shown_at = monotonic()
                await self._show(broadcast)
            sent = await self._send(chat_id, broadcast)
        await self._show(broadcast)
        await self.service.told(broadcast.id)

    async def _send(self, chat_id: int, broadcast: Broadcast) -> bool | None:
        """Write to one chat, once; False where it cannot be, None where nobody knows."""
        entities = [MessageEntity.de_json(one, None) for one in json.loads(broadcast.entities)]
        for _ in range(TRIES):
            try:
                with watched(Priority.MENU):
                    sender, target = self.replies.sender, Target(chat_id)
                    await sender.send_at_most_once(
                        target, broadcast.text, entities, broadcast.photo
                    )
            except Uncertain:
                return None
            except TryLater as later:  # it was refused unseen
                await asyncio.sleep(later.seconds)
            except BotError:
                return False
            else:
                return True
        return False

    async def _show(self, broadcast: Broadcast) -> None:
        """Put into the operator's message how it goes; he may have deleted it."""
        if broadcast.message_id is None:
            return
        keyboard = None
        text = await self._text(broadcast)
        if broadcast.state is BroadcastState.RUNNING:
            locale = await self._locale(broadcast)
            label = self.replies.texts(locale, "button.cancel")
            keyboard = InlineKeyboardMarkup.from_button(
                button(label, Verb.STOP_BROADCAST, broadcast.id)
            )
        place = broadcast.chat_id, broadcast.message_id
        work = self.replies.sender.edit(*place, text, keyboard)
        if task := self.replies.background.run(work, "broadcast", of=broadcast.chat_id):
            await asyncio.wait([task])

    async def _text(self, broadcast: Broadcast) -> str:
        locale = await self._locale(broadcast)
        unknown = max(broadcast.tried - broadcast.sent - broadcast.failed, 0)
        if broadcast.state is BroadcastState.RUNNING:
            unknown = 0
        told = self.replies.texts(
            locale,
            f"broadcast.{broadcast.state}",
            sent=broadcast.sent,
            total=broadcast.total,
            failed=broadcast.failed,
            unknown=unknown,
        )
        return f"{broadcast.text}\n\n――――\n{told}"

    async def _locale(self, broadcast: Broadcast) -> str:
        language = await self.service.language(broadcast.chat_id)
        return await self.replies.locale_of_person(broadcast.chat_id, language)


def entities_of(message: Message | None, text: str) -> list[MessageEntity]:
    """Find what is bold, a link and so on in the text with which a message ends."""
    words = (message.text or message.caption) if message else None
    if message is None or not words:
        return []
    begin, given = units(words.rstrip().removesuffix(text)), message.entities
    own = [
        one
        for one in given or message.caption_entities
        if one.offset >= begin and one.type not in _PERSONAL
    ]
    return list(MessageEntity.shift_entities(-begin, own))


def photo_of(message: Message | None) -> str | None:
    return message.photo[-1].file_id if message and message.photo else None


def read_command(words: str, longest: int = LONGEST) -> tuple[str, int | None, str] | None:
    """Read text, days and language of what stands behind /broadcast; None where that is wrong."""
    options: dict[str, str] = {}
    while found := _OPTION.match(words):
        name, value = found.groups()
        if not _VALUES[name].fullmatch(value):
            return None
        options[name], words = value, words[found.end() :]
    text = words.strip()
    if not text or units(text) > longest:
        return None
    days = options.get("days")
    return text, int(days) if days else None, options.get("language", "")
