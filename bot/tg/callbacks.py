"""Pressed buttons: what their data says, who may press, and how a press is answered.

Callback data is `verb:argument`, at most 64 bytes; it carries ids only, so a forged or stale one
is found out at the database. `verb@chat:argument` is about a chat and for its administrators, its
id below zero written in base 36; `verb@.:argument` is about the topic in which the button stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message

from bot.domain import BotError, LimitReached
from bot.jobs.results import AlreadyRunning, Duplicate, Stale

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection

    from bot.domain import PendingPrompt
    from bot.tg.replies import Replies

HERE = "."  # the topic in which a button stands
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
R = TypeVar("R")


class Verb(StrEnum):
    """What a button does; the words are in buttons out there for ever."""

    CANCEL = "cancel"  # a job
    CANCEL_LISTED = "calloff"  # a job, in a list of them
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
    USE = "use"  # the message of a pending prompt, and a model's id
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
    DROP = "drop"  # the same, not to be drawn


_VERBS = frozenset(verb.value for verb in Verb)
_OF_PICTURES = frozenset({Verb.AGAIN, Verb.SUBMENU})


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
        picture_id = _base36_id(picture)
        return (picture_id, word) if picture_id and word else None


def parse(data: str | None) -> Press | None:
    """Read callback data; None for what is none of ours."""
    head, colon, argument = (data or "").partition(":")
    verb, at, chat = head.partition("@")
    account, here = _chat(chat) if at else None, chat == HERE
    if not colon or verb not in _VERBS or (at and account is None and not here):
        return None
    return Press(Verb(verb), argument, account, here)


def base36(number: int) -> str:
    """Write a positive number as short as buttons need it."""
    rest, word = number, ""
    while rest:
        rest, digit = divmod(rest, len(_DIGITS))
        word = _DIGITS[digit] + word
    return word


def has_picture_buttons(markup: InlineKeyboardMarkup | None) -> bool:
    """Whether a message bears the buttons of a picture of ours, in any submenu."""
    return has_buttons(markup, _OF_PICTURES)


def has_buttons(
    markup: InlineKeyboardMarkup | None, verbs: Collection[Verb], about: str = ""
) -> bool:
    """Whether a message bears a button of one of these kinds, its argument beginning with `about`."""
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


@dataclass(frozen=True, slots=True)
class Presses:
    """Checks who pressed, and answers in his language."""

    replies: Replies

    def answer(self, query: CallbackQuery, key: str, *, alert: bool = False, **args: object) -> None:
        """Answer with a text, in the background."""
        self.replies.background.run(self._answer(query, key, alert=alert, **args), "press answer")

    def say(self, query: CallbackQuery, text: str | None = None, *, alert: bool = False) -> None:
        """Answer with words that are there already, or with none: the client stops waiting."""
        answer = self.replies.sender.answer(query.id, text, alert=alert)
        self.replies.background.run(answer, "press answer")

    async def may_act_for(self, query: CallbackQuery, account_id: int, denial: str) -> bool:
        """Check that whoever pressed may act for an account; if not he is told, by the text `denial`.

        An operator of the bot may. Where a chat asked (a channel, an anonymous administrator), its
        administrators may.
        """
        user, replies = query.from_user.id, self.replies
        if replies.access.may_act_for(user, account_id):
            return True
        try:
            if account_id < 0 and await replies.sender.is_admin(account_id, user):
                return True
        except BotError:
            self.answer(query, "error.internal", alert=True)
            return False
        self.answer(query, denial, alert=True)
        return False

    def admits(self, query: CallbackQuery, account_id: int, chat_id: int) -> bool:
        """Check that an account may still ask: buttons outlive permissions."""
        if self.replies.access.admits(account_id, chat_id):
            return True
        self.answer(query, "access.denied", alert=True, id=account_id)
        return False

    async def answer_submit(
        self,
        query: CallbackQuery,
        locale: str,
        submit: Awaitable[R | AlreadyRunning | Stale | Duplicate],
        *,
        already: str = "press.already_drawing",
    ) -> R | None:
        """Submit for a press; where nothing came of it that is answered here, and None returned."""
        try:
            result = await submit
        except LimitReached as reached:
            self.say(query, self.replies.limit_text(locale, reached), alert=True)
            return None
        match result:
            case AlreadyRunning():
                self.answer(query, already)
            case Stale():
                self.answer(query, "press.stale")
            case Duplicate():
                pass
            case _:
                return result
        return None

    async def _answer(self, query: CallbackQuery, key: str, *, alert: bool, **args: object) -> None:
        text = self.replies.texts(await self.replies.locale_of_press(query), key, **args)
        await self.replies.sender.answer(query.id, text, alert=alert)


def _press(button: InlineKeyboardButton) -> Press | None:
    return parse(button.callback_data) if isinstance(button.callback_data, str) else None


def _chat(word: str) -> int | None:
    known = 0 < len(word) < 12 and set(word) <= set(_DIGITS) and word[0] != "0"  # noqa: PLR2004 - 52 bits
    return -int(word, len(_DIGITS)) if known else None


def _base36_id(word: str) -> int | None:
    known = 0 < len(word) < 14 and set(word) <= set(_DIGITS) and word[0] != "0"  # noqa: PLR2004 - int64
    number = int(word, len(_DIGITS)) if known else None
    return number if number is not None and number < 2**63 else None


def _decimal(word: str) -> int | None:
    digits = word.isascii() and word.isdigit()
    return int(word) if digits and len(word) < 19 else None  # noqa: PLR2004 - int64
