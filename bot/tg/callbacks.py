"""Owners: whether somebody may press a button in an account's name, and the answer if not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram import Message

from bot.domain import BotError
from bot.tg import replies
from bot.tg.keyboards import Verb, bears

if TYPE_CHECKING:
    from collections.abc import Collection

    from telegram import CallbackQuery

    from bot.domain import PendingPrompt
    from bot.features.desk import Desk


async def may_act_for(desk: Desk, query: CallbackQuery, account_id: int, denial: str) -> bool:
    """Check that whoever pressed may act for an account; if not he is told, by the text `denial`.

    An administrator of the bot may. Where a chat asked (a channel, an anonymous administrator),
    those who govern it may.
    """
    user = query.from_user.id
    if desk.accounts.rules(user, account_id):
        return True
    try:
        if account_id < 0 and await desk.messages.governs(account_id, user):
            return True
    except BotError:
        answer(desk, query, "error.internal", alert=True)
        return False
    answer(desk, query, denial, alert=True)
    return False


def under(query: CallbackQuery, verbs: Collection[Verb], about: str = "") -> bool:
    """Whether the message that was pressed really bears such a button: data can be forged.

    `about` is what the button's argument begins with.
    """
    message = query.message
    return isinstance(message, Message) and bears(message.reply_markup, verbs, about)


def asks(query: CallbackQuery, ask: PendingPrompt, verbs: Collection[Verb]) -> bool:
    """Whether the message that was pressed is the question about these pictures."""
    if ask.question_id is None or query.message is None:  # a finger was quicker than the commit
        return under(query, verbs)
    return ask.question_id == query.message.message_id


def payer(query: CallbackQuery, account_id: int) -> int:
    """Name who pays: who presses, and where a chat asked, that chat."""
    return account_id if account_id < 0 else query.from_user.id


def admitted(desk: Desk, query: CallbackQuery, account_id: int, chat_id: int) -> bool:
    """Check that an account may still ask: buttons outlive permissions."""
    if desk.accounts.admits(account_id, chat_id):
        return True
    answer(desk, query, "access.denied", alert=True, id=account_id)
    return False


def answer(
    desk: Desk, query: CallbackQuery, key: str, *, alert: bool = False, **args: object
) -> None:
    """Answer a press with a text."""
    desk.talk.start(_answer(desk, query, key, alert=alert, **args), "answer to a press")


async def _answer(
    desk: Desk, query: CallbackQuery, key: str, *, alert: bool, **args: object
) -> None:
    text = desk.texts(await replies.of_press(desk, query), key, **args)
    await desk.messages.answer(query.id, text, alert=alert)


def say(desk: Desk, query: CallbackQuery, text: str, *, alert: bool) -> None:
    """Answer a press with words that are there already."""
    desk.talk.start(desk.messages.answer(query.id, text, alert=alert), "answer to a press")
