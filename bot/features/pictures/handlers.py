"""Levels: a picture's buttons opened and closed, and a change of its request chosen from one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bot.jobs.options import AlternativeKind
from bot.tg import callbacks, picture_actions
from bot.tg.keyboards import Verb
from bot.tg.picture_keyboard import CHANGES, PRICED, TOP
from bot.tg.sender import Lost

if TYPE_CHECKING:
    from telegram import CallbackQuery, InlineKeyboardMarkup

    from bot.domain import Job, Picture, Request
    from bot.features.desk import Desk
    from bot.tg.keyboards import Press

_OPENED = {change.value: change for change in AlternativeKind}


async def on_press(
    desk: Desk, query: CallbackQuery, press: Press, picture: Picture, job: Job
) -> None:
    """Show another level, or draw what was chosen and go back to the first one."""
    word = press.of_picture[1] if press.of_picture else ""
    if press.verb is Verb.LEVEL:
        _open(desk, query, picture, job, word)
    else:
        await _choose(desk, query, picture, job, CHANGES[press.verb], word)


def _open(
    desk: Desk,
    query: CallbackQuery,
    picture: Picture,
    job: Job,
    word: str,
    *,
    answers: bool = True,
) -> None:
    change = _OPENED.get(word)
    level = desk.picture_keyboard.level(job.locale, picture, job.request, change) if change else None
    if level is None and word != TOP:  # the catalogue has changed since, or the data is forged
        callbacks.answer(desk, query, "press.stale")
    _turn(desk, query, level or desk.picture_keyboard.top(job.locale, picture, job.request))
    if answers and (level or word == TOP):
        desk.background.run(desk.sender.answer(query.id), "answer to a press")


async def _choose(
    desk: Desk, query: CallbackQuery, picture: Picture, job: Job, change: AlternativeKind, word: str
) -> None:
    word, _, shown = word.partition(PRICED)
    request = desk.changes.changed(job.request, change, word)
    if request is None:
        callbacks.answer(desk, query, "press.stale")
    elif change is AlternativeKind.SIZE and not _is_price(desk, job.request, request, shown):
        callbacks.answer(desk, query, "press.price_changed", alert=True)
        _open(desk, query, picture, job, change.value, answers=False)
        return
    elif await picture_actions.draw(desk, query, replace(job, request=request)):
        profile = desk.catalogue.get(word) if change is AlternativeKind.MODEL else None
        how = profile.label if profile else word
        callbacks.answer(desk, query, "press.changed", how=how)
    _turn(desk, query, desk.picture_keyboard.top(job.locale, picture, job.request))


def _is_price(desk: Desk, now: Request, wanted: Request, shown: str) -> bool:
    """Whether a picture counts as what its button said; one without a price costs no other."""
    return str(desk.changes.charge(wanted)) == (shown or str(desk.changes.charge(now)))


def _turn(desk: Desk, query: CallbackQuery, markup: InlineKeyboardMarkup) -> None:
    if message := query.message:
        turn = partial(_rekey, desk, message.chat.id, message.message_id, markup)
        desk.turns.wish(message.chat.id, message.message_id, turn)


async def _rekey(desk: Desk, chat_id: int, message_id: int, markup: InlineKeyboardMarkup) -> None:
    try:
        await desk.sender.rekey(chat_id, message_id, markup)
    except Lost:
        return
