"""The menu of commands that Telegram shows, in each language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram import BotCommand

from bot.i18n import LOCALES
from bot.tg.errors import translated

if TYPE_CHECKING:
    from telegram import Bot

    from bot.i18n import Texts

COMMANDS = (
    "imagine",
    "settings",
    "usage",
    "queue",
    "cancel",
    "help",
    "privacy",
    "export",
    "forget",
    "terms",
    "id",
)
LANGUAGES = {"zh_Hans": "zh"}  # our locale → Telegram's two letters; English is for all others


async def publish(bot: Bot, texts: Texts) -> None:
    """Set the menu; doing it at every start keeps it up to date."""
    for locale in LOCALES:
        commands = [BotCommand(name, texts(locale, f"command.{name}")) for name in COMMANDS]
        with translated():
            await bot.set_my_commands(commands, language_code=LANGUAGES.get(locale))
