"""The buttons under a picture, and the submenus that they open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.jobs.options import AlternativeKind
from bot.tg.callbacks import Verb, base36
from bot.tg.keyboards import ONE_COLUMN, button, rows

if TYPE_CHECKING:
    from bot.domain import Picture, Request
    from bot.i18n.texts import Texts
    from bot.jobs.options import Alternative, Alternatives

MAIN = "top"  # what leads back from a submenu
PRICED = "*"  # between a size and what its button says that it counts as
KINDS = {
    Verb.SET_RATIO: AlternativeKind.RATIO,
    Verb.SET_SIZE: AlternativeKind.SIZE,
    Verb.SET_MODEL: AlternativeKind.MODEL,
}
_VERBS = {kind: verb for verb, kind in KINDS.items()}
_LABELS = {
    AlternativeKind.RATIO: "button.ratio",
    AlternativeKind.SIZE: "button.size",
    AlternativeKind.MODEL: "button.model",
}
_IN_A_ROW, _WITH_PRICES = 4, 2


@dataclass(frozen=True, slots=True)
class PictureKeyboard:
    """Makes the buttons of a picture: what can be done with it, or one submenu."""

    texts: Texts
    alternatives: Alternatives

    def main(self, locale: str, picture: Picture, request: Request) -> InlineKeyboardMarkup:
        """Make what can be done with a finished picture, and what opens a submenu."""

        def make(key: str, verb: Verb, argument: int | str) -> InlineKeyboardButton:
            return button(self.texts(locale, key), verb, argument)

        number = base36(picture.id)
        again = make("button.again", Verb.AGAIN, picture.job_id)
        vary = make("button.variations", Verb.VARY, picture.job_id)
        edit = make("button.edit", Verb.EDIT, picture.id)
        submenus = [
            make(_LABELS[kind], Verb.SUBMENU, f"{number}:{kind}")
            for kind in self.alternatives.kinds(request)
        ]
        original = make("button.original", Verb.ORIGINAL, picture.id)
        delete = make("button.delete", Verb.DELETE, picture.id)
        rows_ = [[again, vary, edit], submenus, [original, delete]]
        return InlineKeyboardMarkup([row for row in rows_ if row])

    def submenu(
        self, locale: str, picture: Picture, request: Request, kind: AlternativeKind
    ) -> InlineKeyboardMarkup | None:
        """Make the submenu in which a change is chosen; None if there is nothing to choose."""
        alternatives = self.alternatives.alternatives(request, kind)
        if not alternatives:
            return None
        number = base36(picture.id)
        buttons = [self._button(locale, number, _VERBS[kind], one) for one in alternatives]
        if kind is AlternativeKind.MODEL:
            width = 1 if len(buttons) <= ONE_COLUMN else 2
        else:
            width = _WITH_PRICES if any(one.credits for one in alternatives) else _IN_A_ROW
        back = button(self.texts(locale, "settings.back"), Verb.SUBMENU, f"{number}:{MAIN}")
        return InlineKeyboardMarkup([*rows(buttons, width), [back]])

    def _button(
        self, locale: str, number: str, verb: Verb, alternative: Alternative
    ) -> InlineKeyboardButton:
        word, label = alternative.word, alternative.label
        if alternative.credits is not None:
            label = self.texts(locale, "price.option", label=label, n=alternative.credits)
            word += f"{PRICED}{alternative.credits}" if verb is Verb.SET_SIZE else ""
        mark = "✓ " if alternative.current else ""
        return button(mark + label, verb, f"{number}:{word}")
