"""Commands: each answers with words and changes nothing but what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.domain import Period, Totals
from bot.features.settings import handlers as settings_handlers
from bot.i18n.texts import RIGHT_TO_LEFT
from bot.jobs.results import Cancelled, Duplicate
from bot.tg import bot_profile, replies
from bot.tg.parse import account_of, thread_of
from bot.tg.sender import Target

if TYPE_CHECKING:
    from telegram import InlineKeyboardMarkup, Message, Update
    from telegram.ext import ContextTypes

    from bot.features.desk import Desk


@dataclass(frozen=True, slots=True)
class Asker:
    """Who gave a command, where, and in which language he is answered."""

    account_id: int
    target: Target
    locale: str


async def on_start(desk: Desk, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Welcome somebody, or tell him how to be let in."""
    if asker := await _asked(desk, update.message):
        admitted = desk.access.admits(asker.account_id, asker.target.chat_id)
        key = "start" if admitted else "access.denied"
        text = desk.texts(asker.locale, key, bot=context.bot.username, id=asker.account_id)
        _reply(desk, asker, text)


async def on_help(desk: Desk, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Tell what the bot can do."""
    if asker := await _asked(desk, update.message):
        text = desk.texts(asker.locale, "help", bot=context.bot.username)
        more = [name for name in _commands(desk) if f"/{name}" not in text]
        lines = [_line(desk, asker.locale, name) for name in more]
        if desk.rewrites.on:
            lines += ["", desk.texts(asker.locale, "help.enhance")]
        _reply(desk, asker, "\n".join([text, *lines]))


def _commands(desk: Desk) -> tuple[str, ...]:
    return (*bot_profile.COMMANDS, "enhance") if desk.rewrites.on else bot_profile.COMMANDS


def _line(desk: Desk, locale: str, command: str) -> str:
    # Without the mark the slash would stand on the wrong side of the word.
    mark = "\u200e" if locale in RIGHT_TO_LEFT else ""
    return f"{mark}/{command} \u2013 {desk.texts(locale, f'command.{command}')}"


async def on_privacy(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Tell what is kept and what is sent where."""
    if asker := await _asked(desk, update.message):
        days = desk.facts.retention_days
        kept = desk.texts(
            asker.locale, "privacy.kept_days" if days else "privacy.kept_forever", n=days
        )
        host = desk.facts.gateway_host
        text = desk.texts(asker.locale, "privacy", kept=kept, host=host)
        if desk.facts.storage_chat is not None:
            text += "\n\n" + desk.texts(asker.locale, "privacy.storage")
        if desk.voices.on:
            text += "\n\n" + desk.texts(asker.locale, "privacy.voice")
        _reply(desk, asker, text)


async def on_id(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Tell the ids that an operator needs for his settings."""
    if asker := await _asked(desk, update.message):
        target = asker.target
        text = desk.texts(
            asker.locale,
            "id",
            user=asker.account_id,
            chat=target.chat_id,
            thread=target.thread_id or "-",
        )
        _reply(desk, asker, text)


async def on_cancel(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Call all of somebody's jobs off."""
    if asker := await _asked(desk, update.message):
        command = f"{asker.target.chat_id}:{asker.target.reply_to}"
        match await desk.submit.cancel_all(asker.account_id, command):
            case Cancelled(0, 0):
                _reply(desk, asker, desk.texts(asker.locale, "cancel.none"))
            case Cancelled(0, _):
                _reply(desk, asker, desk.texts(asker.locale, "cancel.ask"))
            case Cancelled(jobs, _):
                _reply(desk, asker, desk.texts(asker.locale, "cancel.done", n=jobs))
            case Duplicate():
                pass


async def on_usage(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Tell what somebody has used today, this month and in all."""
    if asker := await _asked(desk, update.message):
        totals = await desk.usage.of(asker.account_id)
        lines = [desk.texts(asker.locale, "usage.title")]
        lines += [_usage_line(desk, asker.locale, p, totals[p]) for p in Period]
        limits = desk.access.limits
        if limits.day or limits.month:
            none = desk.texts(asker.locale, "usage.unlimited")
            day, month = limits.day or none, limits.month or none
            lines.append(desk.texts(asker.locale, "usage.limits", day=day, month=month))
        _reply(desk, asker, "\n".join(lines))


async def on_settings(desk: Desk, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Show the settings; `/settings prefix WORD` chooses a group's keyword.

    A post in a channel is about the channel: only its administrators can post.
    """
    if asker := await _asked(desk, update.message or update.channel_post):
        channel = update.channel_post is not None
        locale, words = asker.locale, context.args or []
        if words and words[0].lower() == "prefix":
            answer = await settings_handlers.choose_prefix(
                desk, locale, asker.account_id, asker.target, words[1:], channel=channel
            )
            _reply(desk, asker, *answer)
            return
        account_id, target = asker.account_id, asker.target
        page = await settings_handlers.top(desk, locale, account_id, target, channel=channel)
        _reply(desk, asker, *page)


async def _asked(desk: Desk, message: Message | None) -> Asker | None:
    """Tell who gave a command, to be answered in the language that was chosen there."""
    account_id = account_of(message) if message else None
    if message is None or account_id is None:
        return None
    target = Target(message.chat.id, thread_of(message), message.message_id)
    return Asker(account_id, target, await replies.of_message(desk, message, account_id))


def _usage_line(desk: Desk, locale: str, period: Period, totals: Totals) -> str:
    costs = [f"{micros / 1_000_000:.4f} {currency}" for currency, micros in totals.costs]
    if totals.unpriced_calls:
        costs.append(desk.texts(locale, "usage.cost_unknown"))
    # Calls of unknown cost that brought no picture are nothing that anybody was charged for.
    told = totals.costs or totals.pictures or not totals.unpriced_calls
    return desk.texts(
        locale,
        f"usage.line.{period}" if told else f"usage.none.{period}",
        n=totals.pictures,
        pictures=totals.pictures,
        tokens=totals.tokens_in + totals.tokens_out,
        cost=" + ".join(costs) or "0",
    )


def _reply(desk: Desk, asker: Asker, text: str, markup: InlineKeyboardMarkup | None = None) -> None:
    desk.background.run(desk.sender.say(asker.target, text, markup), "answer to a command")
