"""The one handler of errors that nobody expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from telegram import Update

from bot.i18n.texts import pick
from bot.tg.sender import Target

if TYPE_CHECKING:
    from telegram import User
    from telegram.ext import ContextTypes

    from bot.tg.replies import Replies

log = structlog.get_logger(__name__)


async def report_failure(
    replies: Replies, update: object, context: ContextTypes.DEFAULT_TYPE
) -> None:
    """Log a handler's error, and tell its user in words of ours that something went wrong."""
    log.error("handler failed", exc_info=context.error)
    if not isinstance(update, Update) or update.effective_chat is None:
        return
    chat, query = update.effective_chat, update.callback_query
    text = replies.texts(await _locale(replies, update.effective_user), "error.internal")
    if query:
        answer = replies.sender.answer(query.id, text, alert=True)
        replies.background.run(answer, "apology")
    elif chat.type == chat.PRIVATE:
        replies.background.run(replies.sender.send(Target(chat.id), text), "apology")


async def _locale(replies: Replies, user: User | None) -> str:
    """Tell in which language to apologise, even where the database is what has failed."""
    try:
        return await replies.locale_of_user(user) if user else pick(None)
    except Exception:
        log.exception("language not known")
        return pick(user.language_code if user else None)
