"""/privacy and /terms say what holds; /export and /forget give, or erase, what is kept of somebody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from telegram import CallbackQuery, InlineKeyboardMarkup, Message, Update
from telegram.constants import ChatType
from telegram.ext import ContextTypes

from bot.domain import BotError, Prompt
from bot.features.privacy.erasures import Erasures
from bot.features.privacy.service import PrivacyService, UnderWay
from bot.tg.callbacks import Press, Verb, is_under
from bot.tg.feature import Feature, OnPress, OnUpdate
from bot.tg.keyboards import button
from bot.tg.presses import Presses
from bot.tg.replies import Replies
from bot.tg.sender import target_of

EXPORT_NAME = "my-data.zip"
EVERYTHING, NOTHING = "everything", "nothing"


@dataclass(frozen=True, slots=True)
class BotFacts:
    """What the bot tells about itself: settings that users may know.

    `gateway_hosts` are whom prompts and pictures are sent to, `retention_days` 0 keeps for ever.
    `stores_inline`: pictures for inline messages go to a storage chat; `hears`: voices are
    written down; `backup_days`: so long backups hold what was erased, 0 where the bot makes none.
    """

    gateway_hosts: str
    retention_days: int
    terms: str
    stores_inline: bool
    hears: bool
    backup_days: int


@dataclass(frozen=True, slots=True)
class PrivacyFeature(Feature):
    """Tells what is kept; `on_erased` is called when rows are gone that others remember."""

    replies: Replies
    presses: Presses
    privacy: PrivacyService
    erasures: Erasures
    facts: BotFacts
    on_erased: Callable[[], None]

    def commands(self) -> Mapping[str, OnUpdate]:
        return {
            "privacy": self.on_privacy,
            "terms": self.on_terms,
            "export": self.on_export,
            "forget": self.on_forget,
        }

    def callbacks(self) -> Mapping[Verb, OnPress]:
        return {Verb.FORGET: self.on_press}

    def tasks(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        return {"erasures": self.erasures.run()}

    async def on_privacy(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        if command := await self.replies.command(update.message):
            text, locale, days = self.replies.texts, command.locale, self.facts.retention_days
            kept = text(locale, "privacy.kept_days" if days else "privacy.kept_forever", n=days)
            parts = [text(locale, "privacy", kept=kept, host=self.facts.gateway_hosts)]
            parts += [text(locale, "privacy.storage")] if self.facts.stores_inline else []
            parts += [text(locale, "privacy.voice")] if self.facts.hears else []
            if self.facts.backup_days:
                parts.append(text(locale, "privacy.backups", days=self.facts.backup_days))
            self.replies.reply(command, "\n\n".join(parts))

    async def on_terms(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        if command := await self.replies.command(update.message):
            terms = self.facts.terms or self.replies.texts(command.locale, "terms.none")
            self.replies.answer(command, "terms", terms=terms)

    async def on_export(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        if not (command := await self._in_private(update.message)):
            return
        if await self.privacy.may_export(command.account_id):
            self.replies.background.run(self._send_export(command), "export")
        else:
            self.replies.answer(command, "export.wait")

    async def on_forget(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        if command := await self._in_private(update.message):
            erase, keep = (
                [button(self.replies.texts(command.locale, key), Verb.FORGET, word)]
                for key, word in (("button.erase", EVERYTHING), ("button.keep", NOTHING))
            )
            self.replies.answer(command, "forget.ask", InlineKeyboardMarkup([erase, keep]))

    async def on_press(self, query: CallbackQuery, press: Press) -> None:
        """Erase everything, or keep it; the message then says how far that is."""
        message, user_id = query.message, query.from_user.id
        # Only in private, where whoever presses is the owner.
        if message is None or message.chat.id != user_id or not is_under(query, {Verb.FORGET}):
            self.presses.answer(query, "press.stale")
            return
        locale = await self.replies.locale_of_press(query)  # before it is erased, too
        if press.argument != EVERYTHING:
            kept = self.replies.texts(locale, "forget.kept")
            self.replies.background.run(self.presses.replace(query, kept), "nothing erased")
            return
        erased = await self.privacy.erase(user_id, query.id, locale, message.message_id)
        if isinstance(erased, UnderWay):
            self.presses.answer(query, "forget.under_way", alert=True)
            return
        self.on_erased()
        self.presses.say(query)
        if erased:  # a press that comes again finds nothing to do
            discarding = self.privacy.discard(erased.files)
            self.replies.background.run(discarding, "files of cancelled jobs")
        self.erasures.wake()

    async def _send_export(self, command: Prompt) -> None:
        try:
            export = await self.privacy.export(command.account_id)
            try:
                await self.replies.sender.send_file(target_of(command), export.file, EXPORT_NAME)
            finally:
                await asyncio.to_thread(export.file.close)
        except (BotError, OSError):
            self.replies.answer(command, "export.failed")
            raise
        jobs, pictures = export.jobs_left_out, export.pictures_left_out
        if jobs or pictures:
            self.replies.answer(command, "export.left_out", jobs=jobs, pictures=pictures)

    async def _in_private(self, message: Message | None) -> Prompt | None:
        """Tell who gave a command in his private chat; elsewhere he is sent there."""
        command = await self.replies.command(message)
        if command and message and message.chat.type != ChatType.PRIVATE:
            self.replies.answer(command, "own_data.private")
            return None
        return command
