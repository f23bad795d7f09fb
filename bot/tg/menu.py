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
    "history",
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
# Telegram knows languages by two letters, so both ways to write Chinese share one menu.
MENUS = tuple(locale for locale in LOCALES if locale != "zh_Hant")


async def publish(bot: Bot, texts: Texts) -> None:
    """Set the menu; doing it at every start keeps it up to date."""
    for locale in MENUS:
        commands = [BotCommand(name, texts(locale, f"command.{name}")) for name in COMMANDS]
        with translated():
            await bot.set_my_commands(commands, language_code=_two_letters(locale))


def _two_letters(locale: str) -> str | None:
    """Name a locale as Telegram does; None is everybody whose language has no menu."""
    return None if locale == "en" else locale.partition("_")[0]
