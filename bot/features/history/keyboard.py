"""The buttons under a history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram import InlineKeyboardMarkup

from bot.features.history.service import Direction
from bot.tg.callbacks import Verb, base36
from bot.tg.keyboards import button

if TYPE_CHECKING:
    from telegram import InlineKeyboardButton

    from bot.features.history.service import HistoryPage
    from bot.i18n.texts import Texts

EDIT, AGAIN, FILE = "edit", "again", "file"  # what they do beside turning it
_LABELS = {EDIT: "button.edit", AGAIN: "button.again", FILE: "button.original"}


def opened(
    texts: Texts, locale: str, page: HistoryPage, *, gone: bool = False
) -> InlineKeyboardMarkup:
    """Make what stands under a picture; with one that is `gone` nothing can be done."""
    turns = [_button("◀", page, Direction.NEWER)] if page.newer else []
    turns += [_button("▶", page, Direction.OLDER)] if page.older else []
    actions = [_button(texts(locale, key), page, word) for word, key in _LABELS.items()]
    rows = [turns, [] if gone else actions]
    return InlineKeyboardMarkup([row for row in rows if row])


def closed(texts: Texts, locale: str, page: HistoryPage) -> InlineKeyboardMarkup:
    """Make what opens a history that shows no picture yet."""
    return InlineKeyboardMarkup([[_button(texts(locale, "button.show"), page, Direction.HERE)]])


def _button(label: str, page: HistoryPage, word: str) -> InlineKeyboardButton:
    return button(label, Verb.HISTORY, f"{base36(page.picture.id)}:{word}")
