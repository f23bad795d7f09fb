"""The bot's buttons: what stands under which message, and what a press says.

Callback data is `verb:argument`, at most 64 bytes; it carries ids only, so a forged or stale one
is found out at the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from telegram import ForceReply, InlineKeyboardButton, InlineKeyboardMarkup

if TYPE_CHECKING:
    from bot.catalogue import Catalogue, Profile
    from bot.domain import Picture, Preferences
    from bot.i18n import Texts

AUTO = "auto"
FORCE_REPLY = ForceReply(selective=True)  # in groups only replies reach a bot in privacy mode


class Verb(StrEnum):
    """What a button does; the words are in buttons out there for ever."""

    CANCEL = "cancel"  # a job
    AGAIN = "again"  # a job
    ORIGINAL = "original"  # a picture
    DELETE = "delete"  # a picture
    MENU = "menu"  # a page of the settings
    MODEL = "model"  # a model's id
    RATIO = "ratio"  # an aspect ratio


_VERBS = frozenset(verb.value for verb in Verb)


@dataclass(frozen=True, slots=True)
class Press:
    """A button's meaning."""

    verb: Verb
    argument: str

    @property
    def id(self) -> int | None:
        """The argument as a row's id; None where it is none."""
        digits = self.argument.isascii() and self.argument.isdigit()
        return int(self.argument) if digits and len(self.argument) < 19 else None  # noqa: PLR2004 - int64


def parse(data: str | None) -> Press | None:
    """Read callback data; None for what is none of ours."""
    verb, colon, argument = (data or "").partition(":")
    if not colon or verb not in _VERBS:
        return None
    return Press(Verb(verb), argument)


def bears_ours(markup: InlineKeyboardMarkup | None) -> bool:
    """Whether a message bears the buttons of a picture of ours."""
    keys = [key for row in markup.inline_keyboard for key in row] if markup else []
    return any(press and press.verb is Verb.AGAIN for press in (_press(key) for key in keys))


def _press(key: InlineKeyboardButton) -> Press | None:
    return parse(key.callback_data) if isinstance(key.callback_data, str) else None


class Keyboards:
    """Makes keyboards in a user's language."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def status(self, locale: str, job_id: int) -> InlineKeyboardMarkup:
        """Make what stands under a job that is not drawn yet."""
        cancel = self._button(locale, "button.cancel", Verb.CANCEL, job_id)
        return InlineKeyboardMarkup([[cancel]])

    def retry(self, locale: str, job_id: int) -> InlineKeyboardMarkup:
        """Make what stands under a job that brought no picture."""
        retry = self._button(locale, "button.retry", Verb.AGAIN, job_id)
        return InlineKeyboardMarkup([[retry]])

    def picture(self, locale: str, picture: Picture) -> InlineKeyboardMarkup:
        """Make what stands under a finished picture."""
        again = self._button(locale, "button.again", Verb.AGAIN, picture.job_id)
        original = self._button(locale, "button.original", Verb.ORIGINAL, picture.id)
        delete = self._button(locale, "button.delete", Verb.DELETE, picture.id)
        return InlineKeyboardMarkup([[again, original], [delete]])

    def settings(self, locale: str) -> InlineKeyboardMarkup:
        """Open the settings: their first page."""
        model = self._button(locale, "settings.model", Verb.MENU, Verb.MODEL)
        ratio = self._button(locale, "settings.ratio", Verb.MENU, Verb.RATIO)
        return InlineKeyboardMarkup([[model], [ratio]])

    def models(self, locale: str, catalogue: Catalogue, current: Profile) -> InlineKeyboardMarkup:
        """List the catalogue's models."""
        rows = [
            [_choice(profile.label, Verb.MODEL, profile.id, chosen=profile.id == current.id)]
            for profile in catalogue
        ]
        return InlineKeyboardMarkup([*rows, self._back(locale)])

    def ratios(self, locale: str, profile: Profile, chosen: Preferences) -> InlineKeyboardMarkup:
        """List a model's aspect ratios."""
        ratio = chosen.aspect_ratio if chosen.aspect_ratio in profile.aspect_ratios else None
        auto = _choice(self._texts(locale, "settings.auto"), Verb.RATIO, AUTO, chosen=ratio is None)
        choices = [_choice(r, Verb.RATIO, r, chosen=r == ratio) for r in profile.aspect_ratios]
        rows = [choices[start : start + 4] for start in range(0, len(choices), 4)]
        return InlineKeyboardMarkup([[auto], *rows, self._back(locale)])

    def _back(self, locale: str) -> list[InlineKeyboardButton]:
        return [self._button(locale, "settings.back", Verb.MENU, "top")]

    def _button(
        self, locale: str, key: str, verb: Verb, argument: int | str
    ) -> InlineKeyboardButton:
        return InlineKeyboardButton(self._texts(locale, key), callback_data=f"{verb}:{argument}")


def _choice(label: str, verb: Verb, argument: str, *, chosen: bool) -> InlineKeyboardButton:
    mark = "✓ " if chosen else ""
    return InlineKeyboardButton(mark + label, callback_data=f"{verb}:{argument}")
