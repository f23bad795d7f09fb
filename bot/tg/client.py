"""The connection to the Bot API: PTB's objects on a lean HTTP transport."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import aiohttp
import structlog
from telegram import Update, User
from telegram.ext import Application, ApplicationBuilder, ContextTypes, ExtBot

from bot.domain import NO_METER, Meter, StorageUnavailable
from bot.i18n.texts import pick
from bot.tg.feature import Handler
from bot.tg.http import BotRequest
from bot.tg.proxy import find_proxy, open_session
from bot.tg.rate_limiter import RateLimiter
from bot.tg.replies import Replies
from bot.tg.sender import Target

if TYPE_CHECKING:
    from bot.tg.shared_rate_limiter import SharedPace

App = Application[Any, Any, Any, Any, Any, Any]

Connected = ExtBot[None]

log = structlog.get_logger(__name__)

CONNECTIONS = 256
PIECE = 256 * 1024  # bytes read at once from a file's download


def open_bot(
    token: str,
    api_url: str,
    rate: float,
    meter: Meter = NO_METER,
    pace: SharedPace | None = None,
) -> Connected:
    """Make the bot; `rate` in messages a second, 0 for no limit of our own.

    With a `pace` it is that of all processes.

    Raises StartError where the environment names a proxy that cannot be used.
    """
    find_proxy(api_url)
    return ExtBot(
        token,
        base_url=f"{api_url}/bot",
        base_file_url=f"{api_url}/file/bot",
        request=BotRequest(CONNECTIONS, meter),
        get_updates_request=BotRequest(2, meter),
        rate_limiter=_rate_limiter(rate, pace),
    )


def _rate_limiter(rate: float, pace: SharedPace | None) -> RateLimiter:
    if pace is None or not rate:
        return RateLimiter(rate)
    from bot.tg.shared_rate_limiter import SharedRateLimiter  # noqa: PLC0415 - most bots are alone

    return SharedRateLimiter(rate, pace)


def open_files(api_url: str) -> aiohttp.ClientSession:
    """Open the session for file downloads; needs the running loop."""
    patience = aiohttp.ClientTimeout(total=None, connect=30, sock_connect=10, sock_read=30)
    return open_session(api_url, 32, read_bufsize=PIECE, timeout=patience)


def open_application(
    bot: Connected, handlers: Sequence[Handler], replies: Replies
) -> tuple[App, Callable[[Update], Awaitable[None]]]:
    """Connect the handlers; tells PTB's application and what processes one update.

    That raises StorageUnavailable where a handler could not commit; a handler's other errors are
    logged and end with it.
    """
    application = ApplicationBuilder().bot(bot).updater(None).build()
    application.add_handlers(handlers)
    uncommitted: set[int] = set()

    async def on_error(update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
        if isinstance(context.error, StorageUnavailable) and hasattr(update, "update_id"):
            uncommitted.add(update.update_id)
            return
        await _report_failure(replies, update, context)

    application.add_error_handler(on_error)

    async def process(update: Update) -> None:
        await application.process_update(update)
        if update.update_id in uncommitted:
            uncommitted.discard(update.update_id)
            raise StorageUnavailable

    return application, process


async def _report_failure(
    replies: Replies, update: object, context: ContextTypes.DEFAULT_TYPE
) -> None:
    log.error("handler failed", exc_info=context.error)
    if not isinstance(update, Update) or update.effective_chat is None:
        return
    chat, query = update.effective_chat, update.callback_query
    text = replies.texts(await _locale(replies, update.effective_user), "error.internal")
    if query:
        answer = replies.sender.answer(query.id, text, alert=True)
        replies.background.run(answer, "apology", of=chat.id)
    elif chat.type == chat.PRIVATE:
        sending = replies.sender.send(Target(chat.id), text)
        replies.background.run(sending, "apology", of=chat.id)


async def _locale(replies: Replies, user: User | None) -> str:
    """Tell in which language to apologise, even where the database is what has failed."""
    try:
        return await replies.locale_of_user(user) if user else pick(None)
    except Exception:
        log.exception("language not known")
        return pick(user.language_code if user else None)
