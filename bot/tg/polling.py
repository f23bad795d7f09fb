"""Long polling that confirms an update only after what it asked for is committed.

PTB's own Updater confirms a batch as it fetches the next one, before its handlers are done: a crash
then loses updates. Here the next `offset` goes out when every handler of the batch has returned.
https://core.telegram.org/bots/api#getupdates
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from telegram import Bot, Update
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot.domain import StartError, StorageUnavailable
from bot.tg.errors import flood_seconds

Initialize = Callable[[], Awaitable[None]]

log = structlog.get_logger(__name__)

POLL_SECONDS = 50
ANSWER_SECONDS = 10
LONGEST_PAUSE = 30.0
FINISH_SECONDS = 5.0  # for a batch at the bot's stop
CONFIRM_SECONDS = 3.0
START_PAUSE = 5.0
REFUSED = "TELEGRAM_BOT_TOKEN is not accepted by Telegram"
UPDATES = (
    "message",
    "channel_post",
    "edited_message",
    "edited_channel_post",
    "callback_query",
    "my_chat_member",
    "inline_query",
    "chosen_inline_result",
    "guest_message",
)


@dataclass(slots=True)
class Polling:
    """Takes updates, chat by chat in order, chats side by side.

    `process` returns once an update's work is committed, and raises StorageUnavailable where it
    could not be: the batch is then taken again without the updates that are done. What comes again
    after a restart recognises itself.
    `caught_up` is called once, when what waited at Telegram has been taken.
    """

    bot: Bot
    process: Callable[[Update], Awaitable[None]]
    caught_up: Callable[[], Awaitable[None]] | None
    _offset: int | None = field(default=None, init=False)
    _processed: set[int] = field(default_factory=set, init=False)  # of a batch that failed
    _failures: int = field(default=0, init=False)

    async def run(self) -> None:
        """Poll until cancelled; raises StartError where the token is refused, everything else is waited out."""
        while True:
            try:
                updates = await self._fetch(0 if self.caught_up else POLL_SECONDS)
                await self._to_the_end(updates)
                if self.caught_up and not updates:
                    await self.caught_up()
                    self.caught_up = None
            except InvalidToken as refused:
                raise StartError(REFUSED) from refused
            except Conflict:
                log.error("another process polls with this token (or a webhook is set)")  # noqa: TRY400 - no traceback
                await self._pause()
            except RetryAfter as flood:
                await asyncio.sleep(min(flood_seconds(flood), 2 * LONGEST_PAUSE))
            except (TelegramError, StorageUnavailable) as error:
                log.warning("updates not taken", error=type(error).__name__)
                await self._pause()
            except Exception:  # the loop's edge
                log.exception("updates not taken")
                await self._pause()
            else:
                self._failures = 0

    async def _to_the_end(self, updates: tuple[Update, ...]) -> None:
        """Take a batch; a stop waits for it: what was answered must not come again after a start.

        A refusal leaves nothing in the database by which it would be known, and whoever has been
        let in meanwhile would get, and pay for, what was refused.
        """
        taking = asyncio.create_task(self.take(updates))
        try:
            await asyncio.shield(taking)
        except asyncio.CancelledError:
            await asyncio.wait([taking], timeout=FINISH_SECONDS)
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)
            raise

    async def take(self, updates: tuple[Update, ...]) -> None:
        """Process one batch; only then is it to be confirmed."""
        if not updates:
            return
        chats: dict[int, list[Update]] = defaultdict(list)
        for update in updates:
            chats[_chat(update)].append(update)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._in_order(chat)) for chat in chats.values()]
        if not all(task.result() for task in tasks):
            raise StorageUnavailable
        self._offset = updates[-1].update_id + 1
        self._processed.clear()

    async def confirm(self) -> None:
        """Confirm what is done before the process ends, so that it does not come again."""
        if self._offset is None:
            return
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                await self._fetch(0, limit=1)
        except (TelegramError, TimeoutError):
            log.info("last updates not confirmed: they come again and are recognised")

    async def _fetch(self, seconds: int, limit: int = 100) -> tuple[Update, ...]:
        return await self.bot.get_updates(
            offset=self._offset,
            limit=limit,
            timeout=seconds,
            allowed_updates=UPDATES,
            read_timeout=ANSWER_SECONDS,  # PTB adds the poll itself
        )

    async def _in_order(self, updates: list[Update]) -> bool:
        try:
            for update in updates:
                if update.update_id not in self._processed:
                    await self.process(update)
                    self._processed.add(update.update_id)
        except StorageUnavailable:
            return False
        return True

    async def _pause(self) -> None:
        self._failures += 1
        await asyncio.sleep(min(2.0 ** min(self._failures - 1, 10), LONGEST_PAUSE))


def _chat(update: Update) -> int:
    chat, user = update.effective_chat, update.effective_user
    return chat.id if chat else user.id if user else 0


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
