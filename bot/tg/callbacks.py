"""Pressed buttons: what their data says, and whose they are.

Callback data is `verb:argument`, at most 64 bytes; it carries ids only, so a forged or stale one
is found out at the database. `verb@chat:argument` is about a chat and for its administrators, its
id below zero written in base 36; `verb@.:argument` is about the topic in which the button stands.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message

from bot.domain import PendingPrompt

HERE = "."  # the topic in which a button stands
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Verb(StrEnum):
    """What a button does; the words are in buttons out there for ever."""

    CANCEL = "cancel"  # a job
    CANCEL_LISTED = "calloff"  # a job, in a list of them
    AGAIN = "again"  # a job
    VARY = "vary"  # a job
    ORIGINAL = "original"  # a picture
    DELETE = "delete"  # a picture: asks
    DELETE_NOW = "remove"  # a picture
    MENU = "menu"  # a page of the settings
    MODEL = "model"  # a model's id
    RATIO = "ratio"  # an aspect ratio
    SIZE = "size"  # a size
    COUNT = "count"  # how many pictures
    SET = "set"  # another setting and its value
    USE = "use"  # the message of a pending prompt, and a model's id
    OFFER = "offer"  # the message of a pending prompt, for which all models are to be shown
    FORGET = "forget"  # everything or nothing
    PRESET = "preset"  # the message of pending pictures, or 0, and a preset's id
    PRESETS = "presets"  # the same, and a page
    EDIT = "edit"  # a picture
    SUBMENU = "level"  # a picture, and which submenu of its buttons
    # Of one letter: a model's id and the largest picture's leave no room for more.
    SET_RATIO = "r"  # a picture, and an aspect ratio
    SET_SIZE = "s"  # a picture, and a size
    SET_MODEL = "m"  # a picture, and a model's id
    HISTORY = "history"  # a picture of the history, and what to do with it
    DRAW_ENHANCED = "better"  # the message of a prompt that was made better
    DRAW_ORIGINAL = "words"  # the same, as it was written
    ENHANCE_AGAIN = "rewrite"  # the same, to be made better anew
    FORGET_PHOTO = "nophoto"  # the message of pending pictures
    WITH_PHOTO = "withphoto"  # the message of a prompt, which is about pictures that waited
    WITHOUT_PHOTO = "newphoto"  # the same, for a new picture
    DROP = "drop"  # the same, not to be drawn
    HELP = "help"  # a page of the help
    RETRY_JOB = "redo"  # a job that failed, by an operator
    STOP_JOB = "halt"  # a job, by an operator
    LET_IN = "letin"  # somebody, by an operator
    BROADCAST = "publish"  # a broadcast, by an operator
    STOP_BROADCAST = "unpublish"  # the same


_VERBS = frozenset(verb.value for verb in Verb)
OF_PICTURES = frozenset({Verb.AGAIN, Verb.SUBMENU})


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
        return _decimal(self.argument)

    @property
    def of_message(self) -> tuple[int, str] | None:
        """The argument as a message's id, or 0 for none, and a word about it; None else."""
        message, _, word = self.argument.partition(":")
        message_id = _decimal(message)
        return (message_id, word) if message_id is not None and word else None

    @property
    def of_picture(self) -> tuple[int, str] | None:
        """The argument as a picture's id, in base 36, and a word about it; None else."""
        picture, _, word = self.argument.partition(":")
        picture_id = _from_base36(picture)
        return (picture_id, word) if picture_id and word else None


def parse(data: str | None) -> Press | None:
    """Read callback data; None for what is none of ours."""
    head, colon, argument = (data or "").partition(":")
    verb, at, chat = head.partition("@")
    account, here = _chat_id(chat) if at else None, chat == HERE
    if not colon or verb not in _VERBS or (at and account is None and not here):
        return None
    return Press(Verb(verb), argument, account, here)


def base36(number: int) -> str:
    rest, word = number, ""
    while rest:
        rest, digit = divmod(rest, len(_DIGITS))
        word = _DIGITS[digit] + word
    return word


def has_buttons(
    markup: InlineKeyboardMarkup | None, verbs: Collection[Verb], about: str = ""
) -> bool:
    buttons = [button for row in markup.inline_keyboard for button in row] if markup else []
    presses = [press for press in map(_press, buttons) if press]
    return any(one.verb in verbs and one.argument.startswith(about) for one in presses)


def is_under(query: CallbackQuery, verbs: Collection[Verb], about: str = "") -> bool:
    """Whether the message that was pressed really bears such a button: data can be forged."""
    message = query.message
    return isinstance(message, Message) and has_buttons(message.reply_markup, verbs, about)


def is_question(query: CallbackQuery, pending: PendingPrompt, verbs: Collection[Verb]) -> bool:
    """Whether the message that was pressed is the question about these pictures."""
    if pending.question_id is None or query.message is None:  # quicker than the commit
        return is_under(query, verbs)
    return pending.question_id == query.message.message_id


def payer(query: CallbackQuery, account_id: int) -> int:
    """Name who pays: who presses, and where a chat asked, that chat."""
    return account_id if account_id < 0 else query.from_user.id


def _press(button: InlineKeyboardButton) -> Press | None:
    return parse(button.callback_data) if isinstance(button.callback_data, str) else None


def _chat_id(word: str) -> int | None:
    number = _from_base36(word, longest=11)  # 52 bits
    return -number if number else None


def _from_base36(word: str, longest: int = 13) -> int | None:
    known = 0 < len(word) <= longest and set(word) <= set(_DIGITS) and word[0] != "0"
    number = int(word, len(_DIGITS)) if known else None
    return number if number is not None and number < 2**63 else None


def _decimal(word: str) -> int | None:
    digits = word.isascii() and word.isdigit()
    return int(word) if digits and len(word) < 19 else None  # noqa: PLR2004 - int64
