"""Panels: the levels of buttons under a picture, and those under a gallery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.features.history.service import Direction
from bot.jobs.options import AlternativeKind
from bot.tg.keyboards import Verb, spelt

if TYPE_CHECKING:
    from bot.domain import Picture, Request
    from bot.features.history.service import HistoryPage
    from bot.i18n.texts import Texts
    from bot.jobs.options import Alternative, Alternatives
    from bot.tg.keyboards import Keyboards

TOP = "top"
EDIT, AGAIN, FILE = "edit", "again", "file"  # what a gallery's buttons do beside turning it
VERBS = {
    AlternativeKind.RATIO: Verb.RESHAPE,
    AlternativeKind.SIZE: Verb.RESIZE,
    AlternativeKind.MODEL: Verb.REMODEL,
}
CHANGES = {verb: change for change, verb in VERBS.items()}

_LABELS = {
    AlternativeKind.RATIO: "button.ratio",
    AlternativeKind.SIZE: "button.size",
    AlternativeKind.MODEL: "button.model",
}
PRICED = "*"  # between a size and what its button says that it counts as
_ONE_COLUMN, _IN_A_ROW, _PRICED = 8, 4, 2


class PictureKeyboard:
    """Makes a picture's buttons, one level at a time, and a gallery's."""

    def __init__(self, texts: Texts, keyboards: Keyboards, changes: Alternatives) -> None:
        self._texts = texts
        self._keyboards = keyboards
        self._changes = changes

    def top(self, locale: str, picture: Picture, request: Request) -> InlineKeyboardMarkup:
        """Make the first level: what can be done, and what opens another level."""
        levels = [
            self._button(locale, key, Verb.LEVEL, f"{spelt(picture.id)}:{change}")
            for change, key in _LABELS.items()
            if self._changes.variants(request, change)
        ]
        return self._keyboards.picture(locale, picture, levels)

    def level(
        self, locale: str, picture: Picture, request: Request, change: AlternativeKind
    ) -> InlineKeyboardMarkup | None:
        """Make the level on which a change is chosen; None if there is nothing to choose."""
        variants = self._changes.variants(request, change)
        if not variants:
            return None
        keys = [self._choice(locale, picture, VERBS[change], variant) for variant in variants]
        narrow = 1 if len(keys) <= _ONE_COLUMN else 2
        priced = any(variant.credits for variant in variants)
        width = narrow if change is AlternativeKind.MODEL else _PRICED if priced else _IN_A_ROW
        rows = [keys[start : start + width] for start in range(0, len(keys), width)]
        back = self._button(locale, "settings.back", Verb.LEVEL, f"{spelt(picture.id)}:{TOP}")
        return InlineKeyboardMarkup([*rows, [back]])

    def gallery(
        self, locale: str, page: HistoryPage, *, gone: bool = False
    ) -> InlineKeyboardMarkup:
        """Make what stands under a gallery; with a picture that is `gone` nothing can be done."""
        ways = [("◀", Direction.NEWER)] if page.newer else []
        ways += [("▶", Direction.OLDER)] if page.older else []
        number = page.picture.id
        turns = [_key(label, Verb.HISTORY, f"{spelt(number)}:{way}") for label, way in ways]
        if gone:
            return InlineKeyboardMarkup([turns] if turns else [])
        acts = [
            self._button(locale, key, Verb.HISTORY, f"{spelt(number)}:{act}")
            for key, act in (
                ("button.edit", EDIT),
                ("button.again", AGAIN),
                ("button.original", FILE),
            )
        ]
        return InlineKeyboardMarkup([turns, acts] if turns else [acts])

    def closed_gallery(self, locale: str, page: HistoryPage) -> InlineKeyboardMarkup:
        """Make what opens a gallery that was not filled yet."""
        here = f"{spelt(page.picture.id)}:{Direction.HERE}"
        return InlineKeyboardMarkup([[self._button(locale, "button.show", Verb.HISTORY, here)]])

    def _choice(
        self, locale: str, picture: Picture, verb: Verb, variant: Alternative
    ) -> InlineKeyboardButton:
        mark, word, label = "✓ " if variant.current else "", variant.word, variant.label
        if variant.credits is not None:
            label = self._texts(locale, "price.option", label=label, n=variant.credits)
            word += f"{PRICED}{variant.credits}" if verb is Verb.RESIZE else ""
        return _key(mark + label, verb, f"{spelt(picture.id)}:{word}")

    def _button(self, locale: str, key: str, verb: Verb, argument: str) -> InlineKeyboardButton:
        return _key(self._texts(locale, key), verb, argument)


def _key(label: str, verb: Verb, argument: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=f"{verb}:{argument}")
