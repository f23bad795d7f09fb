"""Edited messages: they change what waits to be drawn, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain import LimitReached, now
from bot.edits import Changed
from bot.i18n.texts import pick
from bot.options import Misfit
from bot.tg.advice import lack_text, misfit_text
from bot.tg.incoming import Content, read
from bot.tg.prompts import as_chosen, limit_text, reply

if TYPE_CHECKING:
    from telegram import Update
    from telegram.ext import ContextTypes

    from bot.domain import Wish
    from bot.edits import Revision
    from bot.tg.desk import Desk
    from bot.tg.incoming import Incoming

REQUESTS = frozenset({Content.WORDS, Content.PICTURE})


async def on_edit(desk: Desk, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Take an edited message; what was begun already stays as it is, without a word."""
    message = update.effective_message
    incoming = read(message, context.bot, pick) if message else None
    if incoming is None or incoming.thrown or incoming.content not in REQUESTS:
        return
    incoming = await as_chosen(desk, incoming)
    wish = incoming.wish
    if not desk.accounts.admits(wish.account_id, wish.chat_id):
        return
    try:
        revision = await _revision(desk, incoming, str(update.update_id))
    except LimitReached as reached:
        reply(desk, wish, _kept(desk, wish, limit_text(desk, wish.locale, reached)))
        return
    _tell(desk, incoming, revision)


async def _revision(desk: Desk, incoming: Incoming, edit: str) -> Revision:
    if incoming.group_id and incoming.wish.sources:
        return await desk.edits.revise(incoming.album_item(now()), edit)
    return await desk.edits.revise(incoming.wish, edit) if incoming.addressed else None


def _tell(desk: Desk, incoming: Incoming, revision: Revision) -> None:
    if isinstance(revision, Changed):
        for accepted in revision.jobs:
            desk.statuses.changed(accepted)
        for accepted in revision.added:
            desk.statuses.announce(accepted)
    elif isinstance(revision, Misfit):
        wish = incoming.wish
        reply(desk, wish, _kept(desk, wish, misfit_text(desk.texts, wish.locale, revision)))
    elif revision is not None:
        wish = incoming.wish
        reply(desk, wish, _kept(desk, wish, lack_text(desk.texts, wish.locale, revision)))


def _kept(desk: Desk, wish: Wish, why: str) -> str:
    """Say what becomes of the earlier words, where new ones cannot be drawn."""
    return f"{why}\n\n{desk.texts(wish.locale, 'edit.kept')}"
