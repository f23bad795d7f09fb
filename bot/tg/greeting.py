"""The first words with Telegram: who the bot is, and whether its settings can hold there."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog
from telegram.error import InvalidToken, TelegramError

from bot.domain import StartError
from bot.tg import storage_chat

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from telegram import Bot

    Initialize = Callable[[], Awaitable[None]]

log = structlog.get_logger(__name__)

START_PAUSE = 5.0
REFUSED = "TELEGRAM_BOT_TOKEN is not accepted by Telegram"


async def greet(initialize: Initialize, stop: asyncio.Event) -> None:
    """Introduce the bot to Telegram, unless it is stopped before Telegram answers."""
    greeting = asyncio.create_task(_introduce(initialize), name="greeting")
    stopped = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({greeting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not greeting.done():
        greeting.cancel()
    with suppress(asyncio.CancelledError):
        await greeting


async def _introduce(initialize: Initialize) -> None:
    """Try until Telegram answers: what cannot be reached now may be in a while."""
    while True:
        try:
            return await initialize()
        except InvalidToken as refused:
            raise StartError(REFUSED) from refused
        except TelegramError as error:
            log.warning("Telegram does not answer yet", error=type(error).__name__)
            await asyncio.sleep(START_PAUSE)


async def check_storage(bot: Bot, chat_id: int | None) -> None:
    """Refuse to start where pictures for inline messages could not be stored."""
    if chat_id is None:
        return
    if problem := await storage_chat.problem(bot, chat_id):
        raise StartError(f"STORAGE_CHAT_ID {problem}")
