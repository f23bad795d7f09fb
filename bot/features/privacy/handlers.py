"""/privacy and /terms say what holds; /export and /forget give, or erase, what is kept of somebody."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from telegram import InlineKeyboardMarkup
from telegram.constants import ChatType

from bot.domain import BotError
from bot.tg.callbacks import Verb, is_under
from bot.tg.feature import Feature
from bot.tg.keyboards import button

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from telegram import CallbackQuery, Message, Update
    from telegram.ext import ContextTypes

    from bot.features.privacy.service import PrivacyService
    from bot.tg.callbacks import Press
    from bot.tg.feature import OnPress, OnUpdate
    from bot.tg.presses import Presses
    from bot.tg.replies import Asker, Replies

EXPORT_NAME = "my-data.zip"
EVERYTHING, NOTHING = "everything", "nothing"


@dataclass(frozen=True, slots=True)
class BotFacts:
    """What the bot tells about itself: settings that users may know.

    `gateway_hosts` are whom prompts and pictures are sent to, `retention_days` 0 keeps for ever.
    `stores_inline`: pictures for inline messages go to a storage chat; `hears`: voices are
    written down.
    """

    gateway_hosts: str
    retention_days: int
    terms: str
    stores_inline: bool
    hears: bool


@dataclass(frozen=True, slots=True)
class PrivacyFeature(Feature):
    """Tells what is kept; `on_erased` is called when there may be work in the storage chat."""

    replies: Replies
    presses: Presses
    privacy: PrivacyService
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

    async def on_privacy(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        if asker := await self.replies.asker(update.message):
            text, locale, days = self.replies.texts, asker.locale, self.facts.retention_days
            kept = text(locale, "privacy.kept_days" if days else "privacy.kept_forever", n=days)
            parts = [text(locale, "privacy", kept=kept, host=self.facts.gateway_hosts)]
            parts += [text(locale, "privacy.storage")] if self.facts.stores_inline else []
            parts += [text(locale, "privacy.voice")] if self.facts.hears else []
            self.replies.say(asker.target, "\n\n".join(parts))

    async def on_terms(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Tell the operator's terms, and what the bot itself promises."""
        if asker := await self.replies.asker(update.message):
            terms = self.facts.terms or self.replies.texts(asker.locale, "terms.none")
            self.replies.say(asker.target, self.replies.texts(asker.locale, "terms", terms=terms))

    async def on_export(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Send somebody everything that is kept of him, as one file."""
        if not (asker := await self._in_private(update.message)):
            return
        if await self.privacy.may_export(asker.account_id):
            self.replies.background.run(self._send_export(asker), "export")
        else:
            self.replies.say(asker.target, self.replies.texts(asker.locale, "export.wait"))

    async def on_forget(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Ask whether everything that is kept of somebody shall be erased."""
        if asker := await self._in_private(update.message):
            question = self.replies.texts(asker.locale, "forget.ask")
            self.replies.say(asker.target, question, self._keyboard(asker.locale))

    async def on_press(self, query: CallbackQuery, press: Press) -> None:
        """Erase everything, or keep it; only in private, where whoever presses is the owner."""
        message, user_id = query.message, query.from_user.id
        private = message is not None and message.chat.id == user_id
        if not private or not is_under(query, {Verb.FORGET}):
            self.presses.answer(query, "press.stale")
            return
        locale = await self.replies.locale_of_press(query)  # before it is erased, too
        if press.argument != EVERYTHING:
            kept = self.replies.texts(locale, "forget.kept")
            self.replies.background.run(self._replace(query, kept), "nothing erased")
            return
        erased = await self.privacy.erase(user_id, query.id, locale)
        self.replies.preferences.forget()
        self.on_erased()
        # A press that comes again finds nothing to do, but perhaps it was not answered.
        files, stored = (erased.files, erased.stored) if erased else ((), 0)
        self.replies.background.run(self._finish(query, locale, files, stored), "erasure")

    def _keyboard(self, locale: str) -> InlineKeyboardMarkup:
        erase = button(self.replies.texts(locale, "button.erase"), Verb.FORGET, EVERYTHING)
        keep = button(self.replies.texts(locale, "button.keep"), Verb.FORGET, NOTHING)
        return InlineKeyboardMarkup([[erase], [keep]])

    async def _finish(
        self, query: CallbackQuery, locale: str, files: tuple[str, ...], stored: int
    ) -> None:
        await self.privacy.discard(files)
        text = self.replies.texts(locale, "forget.done")
        if stored:
            text += "\n\n" + self.replies.texts(locale, "forget.stored", n=stored)
        await self._replace(query, text)

    async def _replace(self, query: CallbackQuery, text: str) -> None:
        """Put an answer in the place of the question."""
        await self.replies.sender.answer(query.id)
        if message := query.message:
            await self.replies.sender.edit(message.chat.id, message.message_id, text, None)

    async def _send_export(self, asker: Asker) -> None:
        try:
            file = await self.privacy.export(asker.account_id)
            try:
                await self.replies.sender.send_file(asker.target, file, EXPORT_NAME)
            finally:
                await asyncio.to_thread(file.close)
        except (BotError, OSError):
            self.replies.say(asker.target, self.replies.texts(asker.locale, "export.failed"))
            raise

    async def _in_private(self, message: Message | None) -> Asker | None:
        """Tell who gave a command in his private chat; elsewhere he is sent there."""
        asker = await self.replies.asker(message)
        if asker and message and message.chat.type != ChatType.PRIVATE:
            self.replies.say(asker.target, self.replies.texts(asker.locale, "own_data.private"))
            return None
        return asker
