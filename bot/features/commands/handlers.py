"""Commands: each answers with words and changes nothing but what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from telegram import Update
from telegram.ext import ContextTypes

from bot.billing.usage import UsageService
from bot.domain import Period, Totals
from bot.i18n.texts import RIGHT_TO_LEFT
from bot.tg.bot_profile import COMMANDS
from bot.tg.feature import Feature, OnUpdate
from bot.tg.replies import Replies


@dataclass(frozen=True, slots=True)
class CommandsFeature(Feature):
    """Greets, helps and counts; `enhances` says that there is a model for /enhance."""

    replies: Replies
    usage: UsageService
    enhances: bool

    def commands(self) -> Mapping[str, OnUpdate]:
        return {
            "start": self.on_start,
            "help": self.on_help,
            "id": self.on_id,
            "usage": self.on_usage,
        }

    async def on_start(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        if command := await self.replies.command(update.message):
            account_id = command.account_id
            admitted = self.replies.access.admits(account_id, command.chat_id)
            key = "start" if admitted else "access.denied"
            self.replies.answer(command, key, bot=context.bot.username, id=account_id)

    async def on_help(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        if command := await self.replies.command(update.message):
            text = self.replies.texts(command.locale, "help", bot=context.bot.username)
            names = (*COMMANDS, "enhance") if self.enhances else COMMANDS
            lines = [self._line(command.locale, name) for name in names if f"/{name}" not in text]
            if self.enhances:
                lines += ["", self.replies.texts(command.locale, "help.enhance")]
            self.replies.reply(command, "\n".join([text, *lines]))

    async def on_id(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        if command := await self.replies.command(update.message):
            chat, thread = command.chat_id, command.thread_id or "-"
            self.replies.answer(command, "id", user=command.account_id, chat=chat, thread=thread)

    async def on_usage(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        if command := await self.replies.command(update.message):
            text, locale = self.replies.texts, command.locale
            totals = await self.usage.of(command.account_id)
            lines = [text(locale, "usage.title")]
            lines += [self._usage(locale, period, totals[period]) for period in Period]
            limits = self.replies.access.limits
            if limits.day or limits.month:
                none = text(locale, "usage.unlimited")
                day, month = limits.day or none, limits.month or none
                lines.append(text(locale, "usage.limits", day=day, month=month))
            self.replies.reply(command, "\n".join(lines))

    def _line(self, locale: str, name: str) -> str:
        # Without the mark the slash would stand on the wrong side of the word.
        mark = "\u200e" if locale in RIGHT_TO_LEFT else ""
        return f"{mark}/{name} \u2013 {self.replies.texts(locale, f'command.{name}')}"

    def _usage(self, locale: str, period: Period, totals: Totals) -> str:
        costs = [f"{micros / 1_000_000:.4f} {currency}" for currency, micros in totals.costs]
        if totals.unpriced_calls:
            costs.append(self.replies.texts(locale, "usage.cost_unknown"))
        # Calls of unknown cost that brought no picture are nothing that anybody was charged for.
        charged = totals.costs or totals.pictures or not totals.unpriced_calls
        return self.replies.texts(
            locale,
            f"usage.line.{period}" if charged else f"usage.none.{period}",
            n=totals.pictures,
            pictures=totals.pictures,
            tokens=totals.tokens_in + totals.tokens_out,
            cost=" + ".join(costs) or "0",
        )
