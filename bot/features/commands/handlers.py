"""Commands: each answers with words and changes nothing but what it is for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from telegram import CallbackQuery, InlineKeyboardMarkup, Update
from telegram.constants import ChatType
from telegram.ext import ContextTypes

from bot.billing.usage import UsageService
from bot.domain import Period, Prompt, Totals
from bot.i18n.texts import RIGHT_TO_LEFT
from bot.tg.bot_profile import COMMANDS, OPERATE
from bot.tg.callbacks import Press, Verb, is_under
from bot.tg.feature import Feature, OnPress, OnUpdate
from bot.tg.keyboards import button
from bot.tg.presses import Presses
from bot.tg.replies import Replies
from bot.tg.usage_text import spent

FIRST, MORE = "top", "more"  # the pages of the help
# The commands that everybody needs stand on the first page.
MATTER = ("imagine", "presets", "history", "settings", "usage", "cancel")


@dataclass(frozen=True, slots=True)
class CommandsFeature(Feature):
    """Greets, helps and counts; `enhances` says that there is a model for /enhance.

    `open_link` takes what a link has put behind /start, and tells whether it was for it.
    """

    replies: Replies
    presses: Presses
    usage: UsageService
    enhances: bool
    open_link: Callable[[Prompt], Awaitable[bool]]

    def commands(self) -> Mapping[str, OnUpdate]:
        return {
            "start": self.on_start,
            "help": self.on_help,
            "id": self.on_id,
            "usage": self.on_usage,
        }

    def callbacks(self) -> Mapping[Verb, OnPress]:
        return {Verb.HELP: self.on_help_page}

    async def on_start(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        command = await self.replies.command(update.message)
        if command is None or await self.open_link(command):
            return
        if self.replies.admits(command):
            greeting = self.replies.texts(command.locale, "start", bot=context.bot.username)
            self.replies.reply(command, greeting)

    async def on_help(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        if command := await self.replies.command(update.message):
            operates = command.private and self.replies.access.is_admin(command.account_id)
            private = command.private
            page = self._help(command.locale, FIRST, private=private, operates=operates)
            self.replies.reply(command, *page)

    async def on_help_page(self, query: CallbackQuery, press: Press) -> None:
        # Data can be forged: only a page of the help becomes another one.
        if press.argument not in (FIRST, MORE) or not is_under(query, {Verb.HELP}):
            self.presses.answer(query, "press.stale")
            return
        private = query.message is not None and query.message.chat.type == ChatType.PRIVATE
        locale = await self.replies.locale_of_press(query)
        operates = private and self.replies.access.is_admin(query.from_user.id)
        page = self._help(locale, press.argument, private=private, operates=operates)
        self.replies.background.run(self.presses.replace(query, *page), "help")

    async def on_id(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        if command := await self.replies.command(update.message):
            chat, thread = command.chat_id, command.thread_id or "-"
            self.replies.answer(command, "id", user=command.account_id, chat=chat, thread=thread)

    async def on_usage(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        if command := await self.replies.command(update.message):
            totals = await self.usage.of(command.account_id)
            lines = [self.replies.texts(command.locale, "usage.title")]
            lines += [self._pictures(command, one, totals[one]) for one in Period]
            lines += [] if command.private else await self._allowances(command)
            # Money is the business of those who pay: in private, where nobody looks on.
            if command.private and self.replies.access.is_admin(command.account_id):
                lines += ["", self.replies.texts(command.locale, "usage.operator")]
                texts, locale = self.replies.texts, command.locale
                lines += [spent(texts, locale, one, totals[one]) for one in Period]
            self.replies.reply(command, "\n".join(lines))

    def _help(
        self, locale: str, page: str, *, private: bool, operates: bool
    ) -> tuple[str, InlineKeyboardMarkup]:
        texts, bot = self.replies.texts, self.replies.sender.bot
        if page == FIRST:
            parts = [] if private else [texts(locale, "help.group", bot=bot.username)]
            parts += [texts(locale, "help"), texts(locale, "help.examples")]
            parts.append("\n".join(self._line(locale, name) for name in MATTER))
            elsewhere = bot.bot.supports_inline_queries
            last = [texts(locale, "help.buttons")]
            last += [texts(locale, "help.inline", bot=bot.username)] if elsewhere else []
            parts.append("\n".join(last))
            if operates:
                mine = [self._line(locale, name) for name in OPERATE]
                parts.append("\n".join([texts(locale, "help.operator"), *mine]))
            turn = button(texts(locale, "button.more"), Verb.HELP, MORE)
        else:
            parts = [texts(locale, "help.more", bot=bot.username)]
            names = [name for name in COMMANDS if name not in MATTER]
            if self.enhances:
                parts.append(texts(locale, "help.enhance"))
                names.insert(0, "enhance")
            parts.append("\n".join(self._line(locale, name) for name in names))
            turn = button(texts(locale, "settings.back"), Verb.HELP, FIRST)
        return "\n\n".join(parts), InlineKeyboardMarkup.from_button(turn)

    def _line(self, locale: str, name: str) -> str:
        # Without the mark the slash would stand on the wrong side of the word.
        mark = "\u200e" if locale in RIGHT_TO_LEFT else ""
        about = self.replies.texts(locale, f"command.{name}")
        return self.replies.texts(locale, "help.line", command=f"{mark}/{name}", about=about)

    def _pictures(self, command: Prompt, period: Period, totals: Totals) -> str:
        locale = command.locale
        line = self.replies.texts(locale, f"usage.pictures.{period}", pictures=totals.pictures)
        limits = self.replies.access.limits(command.account_id)
        limit = {Period.DAY: limits.day, Period.MONTH: limits.month}.get(period)
        if not limit:
            return line
        return self._left(locale, line, totals.pictures + totals.reserved, limit)

    async def _allowances(self, command: Prompt) -> list[str]:
        """Tell what is left of what a group's administrators allow."""
        chat = await self.replies.preferences.of(command.chat_id)
        used = await self.usage.in_chat(command.chat_id, command.account_id)
        limits = {"usage.member": chat.member_day, "usage.chat": chat.chat_day}
        return [
            self._left(
                command.locale, self.replies.texts(command.locale, key, pictures=n), n, limit
            )
            for (key, limit), n in zip(limits.items(), used, strict=True)
            if limit
        ]

    def _left(self, locale: str, line: str, used: int, limit: int) -> str:
        left = max(0, limit - used)
        return self.replies.texts(locale, "usage.left", line=line, left=left, limit=limit)
