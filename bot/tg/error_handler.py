"""The one handler of errors that nobody expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from telegram import Update

from bot.i18n.texts import pick
from bot.tg import replies
from bot.tg.sender import Target

if TYPE_CHECKING:
    from telegram import User
    from telegram.ext import ContextTypes

    from bot.features.desk import Desk

log = structlog.get_logger(__name__)


async def report_failure(desk: Desk, update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Log a handler's error, and tell its user in words of ours that something went wrong."""
    log.error("handler failed", exc_info=context.error)
    if not isinstance(update, Update) or update.effective_chat is None:
        return
    query = update.callback_query
    text = desk.texts(await _language(desk, update.effective_user), "error.internal")
    if query:
        desk.background.run(desk.sender.answer(query.id, text, alert=True), "apology")
    elif update.effective_chat.type == update.effective_chat.PRIVATE:
        target = Target(update.effective_chat.id)
        desk.background.run(desk.sender.say(target, text), "apology")


async def _language(desk: Desk, user: User | None) -> str:
    """Tell in which language to apologise, even where the database is what has failed."""
    try:
        return await replies.of_user(desk, user) if user else pick(None)
    except Exception:
        log.exception("language not known")
        return pick(user.language_code if user else None)
