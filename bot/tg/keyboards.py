"""The bot's buttons: what stands under which message, and what a press says.

Callback data is `verb:argument`, at most 64 bytes; it carries ids only, so a forged or stale one
is found out at the database. `verb@chat:argument` is about a chat and for those who govern it, its
id below zero written in base 36; `verb@.:argument` is about the topic in which the button stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from telegram import ForceReply, InlineKeyboardButton, InlineKeyboardMarkup

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bot.catalogue.profiles import Profile
    from bot.domain import Picture
    from bot.i18n.texts import Texts

AUTO = "auto"
HERE = "."  # the topic in which a button stands
EVERYTHING, NOTHING = "everything", "nothing"
FORCE_REPLY = ForceReply(selective=True)  # in groups only replies reach a bot in privacy mode


class Verb(StrEnum):
    """What a button does; the words are in buttons out there for ever."""

    CANCEL = "cancel"  # a job
    CALL_OFF = "calloff"  # a job, in a list of them
    AGAIN = "again"  # a job
    VARY = "vary"  # a job
    ORIGINAL = "original"  # a picture
    DELETE = "delete"  # a picture
    MENU = "menu"  # a page of the settings
    MODEL = "model"  # a model's id
    RATIO = "ratio"  # an aspect ratio
    SIZE = "size"  # a size
    COUNT = "count"  # how many pictures
    SET = "set"  # another setting and its value
    USE = "use"  # the message of a wish that waits, and a model's id
    FORGET = "forget"  # everything or nothing
    PRESET = "preset"  # the message of pictures that wait, or 0, and a preset's id
    PRESETS = "presets"  # the same, and a page
    EDIT = "edit"  # a picture
    LEVEL = "level"  # a picture, and which level of its buttons
    # Of one letter: a model's id and the largest picture's leave no room for more.
    RESHAPE = "r"  # a picture, and an aspect ratio
    RESIZE = "s"  # a picture, and a size
    REMODEL = "m"  # a picture, and a model's id
    HISTORY = "history"  # a gallery's picture, and what to do with it
    BETTER = "better"  # the message of a prompt that was made better
    WORDS = "words"  # the same, as it was written
    REWRITE = "rewrite"  # the same, to be made better anew
    DROP = "drop"  # the same, not to be drawn


_VERBS = frozenset(verb.value for verb in Verb)
_OF_PICTURES = frozenset({Verb.AGAIN, Verb.LEVEL})
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ONE_COLUMN = 8  # so many models stand below each other


@dataclass(frozen=True, slots=True)
class Press:
    """A button's meaning; `account` is the chat that it is about, `here` says: a topic of it."""

    verb: Verb
    argument: str
    account: int | None = None
    here: bool = False

    @property
    def id(self) -> int | None:
        """The argument as a row's id; None where it is none."""
        return _id(self.argument)

    @property
    def use(self) -> tuple[int, str] | None:
        """The argument as the message of a wish and the model to draw it with; None else."""
        message, _, model = self.argument.partition(":")
        message_id = _id(message)
        return (message_id, model) if message_id and model else None

    @property
    def of_message(self) -> tuple[int, str] | None:
        """The argument as a message, or 0 for none, and a word about it; None else."""
        message, _, word = self.argument.partition(":")
        message_id = _id(message)
        return (message_id, word) if message_id is not None and word else None

    @property
    def of_picture(self) -> tuple[int, str] | None:
        """The argument as a picture's id, in base 36, and a word about it; None else."""
        picture, _, word = self.argument.partition(":")
        picture_id = _spelt_id(picture)
        return (picture_id, word) if picture_id and word else None


def parse(data: str | None) -> Press | None:
    """Read callback data; None for what is none of ours."""
    head, colon, argument = (data or "").partition(":")
    verb, at, chat = head.partition("@")
    account, here = _account(chat) if at else None, chat == HERE
    if not colon or verb not in _VERBS or (at and account is None and not here):
        return None
    return Press(Verb(verb), argument, account, here)


def _account(word: str) -> int | None:
    known = 0 < len(word) < 12 and set(word) <= set(_DIGITS) and word[0] != "0"  # noqa: PLR2004 - 52 bits
    return -int(word, len(_DIGITS)) if known else None


def _spelt_id(word: str) -> int | None:
    known = 0 < len(word) < 14 and set(word) <= set(_DIGITS) and word[0] != "0"  # noqa: PLR2004 - int64
    number = int(word, len(_DIGITS)) if known else None
    return number if number is not None and number < 2**63 else None


def spelt(number: int) -> str:
    """Write a positive number in base 36, as short as buttons need it."""
    rest, word = number, ""
    while rest:
        rest, digit = divmod(rest, len(_DIGITS))
        word = _DIGITS[digit] + word
    return word


def _id(word: str) -> int | None:
    digits = word.isascii() and word.isdigit()
    return int(word) if digits and len(word) < 19 else None  # noqa: PLR2004 - int64


def bears_ours(markup: InlineKeyboardMarkup | None) -> bool:
    """Whether a message bears the buttons of a picture of ours, on any level."""
    return bears(markup, _OF_PICTURES)


def bears(markup: InlineKeyboardMarkup | None, verbs: Collection[Verb], about: str = "") -> bool:
    """Whether a message bears a button of one of these kinds, its argument beginning with `about`."""
    keys = [key for row in markup.inline_keyboard for key in row] if markup else []
    presses = [press for press in map(_press, keys) if press]
    return any(one.verb in verbs and one.argument.startswith(about) for one in presses)


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

    def queue(self, locale: str, job_ids: Sequence[int]) -> InlineKeyboardMarkup | None:
        """Make what stands under a list of jobs: a Cancel for each."""
        rows = [
            [
                _choice(
                    self._texts(locale, "button.cancel_one", n=number), Verb.CALL_OFF, str(job_id)
                )
            ]
            for number, job_id in enumerate(job_ids, 1)
        ]
        return InlineKeyboardMarkup(rows) if rows else None

    def retry(self, locale: str, job_id: int) -> InlineKeyboardMarkup:
        """Make what stands under a job that brought no picture."""
        retry = self._button(locale, "button.retry", Verb.AGAIN, job_id)
        return InlineKeyboardMarkup([[retry]])

    def picture(
        self, locale: str, picture: Picture, levels: Sequence[InlineKeyboardButton] = ()
    ) -> InlineKeyboardMarkup:
        """Make what stands under a finished picture; `levels` are the buttons that open others."""
        again = self._button(locale, "button.again", Verb.AGAIN, picture.job_id)
        vary = self._button(locale, "button.variations", Verb.VARY, picture.job_id)
        edit = self._button(locale, "button.edit", Verb.EDIT, picture.id)
        original = self._button(locale, "button.original", Verb.ORIGINAL, picture.id)
        delete = self._button(locale, "button.delete", Verb.DELETE, picture.id)
        rows = [[again, vary, edit], [*levels], [original, delete]]
        return InlineKeyboardMarkup([row for row in rows if row])

    def forget(self, locale: str) -> InlineKeyboardMarkup:
        """Make what stands under the question whether to erase."""
        erase = self._button(locale, "button.erase", Verb.FORGET, EVERYTHING)
        keep = self._button(locale, "button.keep", Verb.FORGET, NOTHING)
        return InlineKeyboardMarkup([[erase], [keep]])

    def wordings(self, locale: str, message_id: int, *, better: bool) -> InlineKeyboardMarkup:
        """Make what stands under a prompt that was made better, or could not be."""
        choices = [("enhance.draw_better", Verb.BETTER)] if better else []
        choices += [("enhance.draw_mine", Verb.WORDS), ("enhance.anew", Verb.REWRITE)]
        choices += [("button.cancel", Verb.DROP)]
        return InlineKeyboardMarkup(
            [[self._button(locale, key, verb, message_id)] for key, verb in choices]
        )

    def offer(self, message_id: int, models: Sequence[Profile]) -> InlineKeyboardMarkup:
        """List the models that can draw the wish of a message."""
        return InlineKeyboardMarkup(
            columns(
                [_choice(known.label, Verb.USE, f"{message_id}:{known.id}") for known in models]
            )
        )

    def _button(
        self, locale: str, key: str, verb: Verb, argument: int | str
    ) -> InlineKeyboardButton:
        return _choice(self._texts(locale, key), verb, str(argument))


def _choice(label: str, verb: Verb, argument: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=f"{verb}:{argument}")


def columns(choices: list[InlineKeyboardButton]) -> list[list[InlineKeyboardButton]]:
    """Put buttons below each other, many of them in two columns."""
    return rows(choices, 1 if len(choices) <= _ONE_COLUMN else 2)


def rows(choices: list[InlineKeyboardButton], width: int) -> list[list[InlineKeyboardButton]]:
    """Put so many buttons beside each other."""
    return [choices[start : start + width] for start in range(0, len(choices), width)]
