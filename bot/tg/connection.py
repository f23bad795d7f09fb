"""The connection to the Bot API: PTB's objects on a lean HTTP transport."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from telegram.ext import Application, ApplicationBuilder, ContextTypes, ExtBot

from bot.domain import StorageUnavailable
from bot.tg.apology import apologise
from bot.tg.pace import Pace
from bot.tg.request import Request
from bot.tg.routes import routes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from telegram import Update

    from bot.tg.desk import Desk

    App = Application[Any, Any, Any, Any, Any, Any]

Connected = ExtBot[None]

CONNECTIONS = 256
PIECE = 256 * 1024  # bytes read at once from a file's download


def open_bot(token: str, api_url: str, rate: float) -> Connected:
    """Make the bot; `rate` in messages a second, 0 for no limit of our own."""
    return ExtBot(
        token,
        base_url=f"{api_url}/bot",
        base_file_url=f"{api_url}/file/bot",
        request=Request(CONNECTIONS),
        get_updates_request=Request(2),
        rate_limiter=Pace(rate),
    )


def open_files() -> httpx.AsyncClient:
    """Make the client for file downloads."""
    timeout = httpx.Timeout(30, connect=10)
    return httpx.AsyncClient(transport=_transport(32), timeout=timeout, follow_redirects=False)


def open_application(bot: Connected, desk: Desk) -> tuple[App, Callable[[Update], Awaitable[None]]]:
    """Connect the handlers; tells PTB's application and what processes one update.

    That raises StorageUnavailable where a handler could not commit; a handler's other errors are
    logged and end with it.
    """
    application = ApplicationBuilder().bot(bot).updater(None).build()
    application.add_handlers(routes(desk))
    uncommitted: set[int] = set()

    async def on_error(update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
        if isinstance(context.error, StorageUnavailable) and hasattr(update, "update_id"):
            uncommitted.add(update.update_id)
            return
        await apologise(desk, update, context)

    application.add_error_handler(on_error)

    async def process(update: Update) -> None:
        await application.process_update(update)
        if update.update_id in uncommitted:
            uncommitted.discard(update.update_id)
            raise StorageUnavailable

    return application, process


def _transport(connections: int) -> AiohttpTransport:
    """Put aiohttp under httpx: a fraction of the CPU; proxies come from the environment."""

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=connections)
        return aiohttp.ClientSession(connector=connector, trust_env=True, read_bufsize=PIECE)

    # The session has a context of its own; without one here the transport would read all
    # certificates again, 50 ms of CPU, for nobody. One that trusts nobody costs nothing.
    return AiohttpTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), client=session)
