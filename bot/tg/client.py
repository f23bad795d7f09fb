"""The connection to the Bot API: PTB's objects on a lean HTTP transport."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import aiohttp
import httpx
import structlog
from httpx_aiohttp import AiohttpTransport
from telegram import Update, User
from telegram._utils.types import JSONDict
from telegram.error import RetryAfter
from telegram.ext import Application, ApplicationBuilder, BaseRateLimiter, ContextTypes, ExtBot

from bot.domain import StorageUnavailable
from bot.i18n.texts import pick
from bot.tg.errors import flood_seconds
from bot.tg.feature import Handler
from bot.tg.http import BotRequest
from bot.tg.proxy import find_proxy, open_session
from bot.tg.replies import Replies
from bot.tg.sender import Target
from bot.tg.sending import leaves, sent_back

App = Application[Any, Any, Any, Any, Any, Any]
Result = bool | JSONDict | list[JSONDict]
Call = Callable[..., Coroutine[Any, Any, Result]]

Connected = ExtBot[None]

log = structlog.get_logger(__name__)

CONNECTIONS = 256
PIECE = 256 * 1024  # bytes read at once from a file's download
PATIENCE = 60.0  # seconds for the floods that one call may meet
CHATS = 10_000  # how many chats' floods are remembered
# They are no messages.
UNPACED = frozenset(
    {
        "getUpdates",
        "getMe",
        "getFile",
        "answerCallbackQuery",
        "answerInlineQuery",
        "deleteWebhook",
    }
)
# Worthless later: they never wait and are never repeated.
DROPPED = frozenset({"sendChatAction", "sendMessageDraft"})


def open_bot(token: str, api_url: str, rate: float) -> Connected:
    """Make the bot; `rate` in messages a second, 0 for no limit of our own.

    Raises StartError where the environment names a proxy that cannot be used.
    """
    find_proxy(api_url)
    return ExtBot(
        token,
        base_url=f"{api_url}/bot",
        base_file_url=f"{api_url}/file/bot",
        request=BotRequest(CONNECTIONS),
        get_updates_request=BotRequest(2),
        rate_limiter=RateLimiter(rate),
    )


def open_files(api_url: str) -> httpx.AsyncClient:
    """Make the client for file downloads, on aiohttp: a fraction of httpx's CPU."""

    def session() -> aiohttp.ClientSession:
        return open_session(api_url, 32, read_bufsize=PIECE)

    return httpx.AsyncClient(
        transport=AiohttpTransport(client=session),
        timeout=httpx.Timeout(30, connect=10),
        follow_redirects=False,
    )


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


class RateLimiter(BaseRateLimiter[None]):
    """Spaces messages out to `rate` a second (0 = no limit of our own) and waits floods out."""

    def __init__(self, rate: float) -> None:
        self._gap = 1 / rate if rate else 0.0
        self._burst = 1.0 if rate else 0.0  # seconds of unused time that may be caught up
        self._next = 0.0
        self._floods: OrderedDict[Any, float] = OrderedDict()

    async def initialize(self) -> None:
        """Nothing to set up."""

    async def shutdown(self) -> None:
        """Nothing to tear down."""

    async def process_request(
        self,
        callback: Call,
        args: Any,  # noqa: ANN401 - PTB's signature
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: None,  # noqa: ARG002 - PTB's signature
    ) -> Result:
        """Call when it is this call's turn; raises RetryAfter where patience ends."""
        chat, left = data.get("chat_id") or data.get("inline_message_id"), PATIENCE
        if endpoint in DROPPED:
            return await self._call_or_drop(callback, args, kwargs, chat)
        while True:
            left -= await self._wait_for_flood(chat, left)
            await self._wait_for_place(endpoint)
            leaves()
            try:
                return await callback(*args, **kwargs)
            except RetryAfter as flood:
                sent_back()
                self._note_flood(chat, flood_seconds(flood), endpoint)

    async def _call_or_drop(
        self,
        callback: Call,
        args: Any,  # noqa: ANN401 - PTB's signature
        kwargs: dict[str, Any],
        chat: object,
    ) -> Result:
        """Call if there is room at this moment; messages never wait behind such a call."""
        if self._flooded(chat) or (self._gap and self._next + self._gap > _clock()):
            return True
        self._next = max(self._next + self._gap, _clock() - self._burst)
        try:
            return await callback(*args, **kwargs)
        except RetryAfter as flood:
            self._note_flood(chat, flood_seconds(flood), "a decoration")
            return True

    async def _wait_for_flood(self, chat: object, patience: float) -> float:
        """Wait until Telegram takes calls for this chat again; tells how long it took."""
        seconds = self._flooded(chat)
        if seconds > patience:
            raise RetryAfter(math.ceil(seconds))
        if seconds:
            await asyncio.sleep(seconds)
        return seconds

    async def _wait_for_place(self, endpoint: str) -> None:
        if not self._gap or endpoint in UNPACED:
            return
        now = _clock()
        self._next = max(self._next + self._gap, now - self._burst)
        if self._next > now:
            await asyncio.sleep(self._next - now)

    def _flooded(self, chat: object) -> float:
        return max(0.0, self._floods.get(chat, 0.0) - _clock())

    def _note_flood(self, chat: object, seconds: float, method: str) -> None:
        log.warning("flood control", method=method, seconds=seconds)
        self._floods[chat] = _clock() + seconds
        self._floods.move_to_end(chat)
        if len(self._floods) > CHATS:
            self._floods.popitem(last=False)


def _clock() -> float:
    return asyncio.get_running_loop().time()
