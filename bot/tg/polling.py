"""Long polling that confirms an update only after what it asked for is committed.

PTB's own Updater confirms a batch as it fetches the next one, before its handlers are done: a crash
then loses updates. Here the next `offset` goes out when every handler of the batch has returned.
https://core.telegram.org/bots/api#getupdates
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from urllib.parse import urlsplit

import structlog
from telegram import Bot, Update
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot.domain import NO_METER, Meter, StartError, StorageUnavailable
from bot.tg.errors import UNPARSED, flood_seconds, words_of
from bot.tg.updates import ANSWER_SECONDS, Batch, UnreadUpdate, age_of, chat_of, fetch, parse

Initialize = Callable[[], Awaitable[None]]

log = structlog.get_logger(__name__)

POLL_SECONDS = 50
LONGEST_PAUSE = 30.0
TAKE_SECONDS = 20.0  # for one update; who takes longer has stalled
SLACK_SECONDS = 5.0  # a busy machine's
FINISH_SECONDS = 5.0  # for a batch at the bot's stop
CONFIRM_SECONDS = 8.0  # a poll that repeats an offset is held for 3 s by the real server
START_PAUSE = 5.0
# A proxy before one's own server, or that server as it starts, may refuse a good token for a moment.
REFUSALS, REFUSAL_PAUSE = 3, 2.0
REFUSED = "TELEGRAM_BOT_TOKEN is not accepted by Telegram"


@dataclass(slots=True)
class Polling:
    """Takes updates, chat by chat in order, chats side by side.

    `process` returns once an update's work is committed, and raises StorageUnavailable where it
    could not be: the batch is then taken again without the updates that are done. What comes again
    after a restart recognises itself. `note` commits that an update could not be read, and raises
    StorageUnavailable, too.
    `caught_up` is called once a run, when what waited at Telegram has been taken. A webhook that stands
    in the way is taken away where `may_delete_webhook`, else the bot ends. `foresee` is shown the
    updates of a chat, where there are several, before they are taken.
    """

    bot: Bot
    process: Callable[[Update], Awaitable[None]]
    note: Callable[[UnreadUpdate], Awaitable[None]]
    caught_up: Callable[[], Awaitable[None]]
    may_delete_webhook: bool = True
    foresee: Callable[[Sequence[Update]], None] = lambda _: None
    meter: Meter = NO_METER
    answered_at: float = field(default=-math.inf, init=False)  # by `monotonic`
    _catching_up: bool = field(default=True, init=False)
    _offset: int | None = field(default=None, init=False)
    _processed: set[int] = field(default_factory=set, init=False)  # of a batch that failed
    _failures: int = field(default=0, init=False)
    _due: float = field(default=math.inf, init=False)  # when the next step is to be done
    _unread: int = field(default=0, init=False)  # updates since the start that could not be read
    _remedy: Callable[[], Awaitable[None]] | None = field(default=None, init=False)

    async def run(self) -> None:
        """Poll until cancelled; everything but a StartError is waited out.

        That is raised where the token is refused, and where a webhook must not be taken away. What
        an earlier run has taken, another process may have confirmed since, and more.
        """
        self._offset, self._catching_up = None, True
        self._processed.clear()
        try:
            await self._poll_on()
        finally:
            self._due = math.inf

    async def _poll_on(self) -> None:
        while True:
            try:
                await self._poll()
            except StartError:
                raise
            except RetryAfter as flood:
                await self._sleep(min(flood_seconds(flood), 2 * LONGEST_PAUSE))
            except Exception as error:  # noqa: BLE001 - the loop's edge, which tells of it
                self._tell(error)
                await self._pause()
            else:
                self._failures = 0

    async def attend(self, leads: Callable[[], bool]) -> None:
        """Ask now and then whether Telegram would answer, while another process polls."""
        while True:
            if not leads():
                with suppress(TelegramError, *UNPARSED):
                    await self.bot.get_me()
                    self.answered_at = monotonic()
            await asyncio.sleep(POLL_SECONDS)

    @property
    def is_alive(self) -> bool:
        """Whether what it does now has not taken too long: Telegram's silence is none of its own."""
        return monotonic() < self._due

    def _expect(self, seconds: float) -> None:
        self._due = monotonic() + seconds + SLACK_SECONDS

    async def _sleep(self, seconds: float) -> None:
        self._expect(seconds)
        await asyncio.sleep(seconds)

    async def _poll(self) -> None:
        if self._remedy:
            self._expect(REFUSALS * (ANSWER_SECONDS + REFUSAL_PAUSE))
            await self._remedy()
            self._remedy = None
        held = 0 if self._catching_up else POLL_SECONDS
        self._expect(held + ANSWER_SECONDS)
        raw = await fetch(self.bot, self._offset, held)
        self.answered_at = monotonic()
        self._expect(TAKE_SECONDS)
        await self._to_the_end(parse(raw, self.bot))
        if self._catching_up and not raw:
            await self.caught_up()
            self._catching_up = False

    def _tell(self, error: Exception) -> None:
        """Log why updates were not taken, and choose what is done about it before the next poll."""
        match error:
            case Conflict() if "webhook" in error.message.lower():
                self._remedy = self._take_webhook_away
            case Conflict():
                log.error("another process polls with this token", reason=words_of(error))
            case TelegramError() | StorageUnavailable():
                if isinstance(error, InvalidToken):
                    self._remedy = partial(confirm_token, self.bot.get_me)
                name = type(error).__name__
                log.warning("updates not taken", error=name, reason=words_of(error))
            case _:
                log.error("updates not taken", exc_info=error)

    async def _take_webhook_away(self) -> None:
        """Make way for polling; what waits at Telegram is kept. Its address may hold a secret."""
        info = await self.bot.get_webhook_info()
        host = urlsplit(info.url).hostname
        if info.url and not self.may_delete_webhook:
            raise StartError(
                f"a webhook at {host} takes this bot's updates; "
                "TELEGRAM_DELETE_WEBHOOK=true lets the bot take it away"
            )
        if info.url:
            await self.bot.delete_webhook(drop_pending_updates=False)
            log.warning(
                "a webhook was left behind, and is taken away; no update is lost", host=host
            )

    async def _to_the_end(self, batch: Batch) -> None:
        """Take a batch; a stop waits for it: what was answered must not come again after a start.

        A refusal leaves nothing in the database by which it would be known, and whoever has been
        let in meanwhile would get, and pay for, what was refused.
        """
        taking = asyncio.create_task(self.take(batch))
        try:
            await asyncio.shield(taking)
        except asyncio.CancelledError:
            await asyncio.wait([taking], timeout=FINISH_SECONDS)
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)
            raise

    async def take(self, batch: Batch) -> None:
        """Process one batch; only then is it to be confirmed."""
        if batch.offset is None:
            return
        chats: dict[int, list[Update]] = defaultdict(list)
        for update in batch.updates:
            chats[chat_of(update)].append(update)
        taken = await self._side_by_side(list(chats.values()))
        for unread in batch.unread:
            await self._pass_over(unread)
        if not taken:
            raise StorageUnavailable
        self._offset = batch.offset
        self._processed.clear()

    async def _side_by_side(self, chats: list[list[Update]]) -> bool:
        for updates in chats:
            if len(updates) > 1:
                self.foresee(updates)
        if len(chats) == 1:
            return await self._in_order(chats[0])
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._in_order(updates)) for updates in chats]
        return all(task.result() for task in tasks)

    async def _pass_over(self, unread: UnreadUpdate) -> None:
        if unread.update_id in self._processed:
            return
        await self.note(unread)
        self._processed.add(unread.update_id)
        self._unread += 1
        unread.tell(self._unread)

    async def confirm(self) -> None:
        """Confirm what is done before the process ends, so that it does not come again."""
        if self._offset is None:
            return
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                await fetch(self.bot, self._offset, 0, limit=1)
        except (TelegramError, TimeoutError):
            log.info("last updates not confirmed: they come again and are recognised")

    async def _in_order(self, updates: list[Update]) -> bool:
        try:
            for update in updates:
                if update.update_id not in self._processed:
                    await self.process(update)
                    self._processed.add(update.update_id)
                    self._expect(TAKE_SECONDS)
                    if (age := age_of(update)) is not None:
                        self.meter.update_taken(age)
        except StorageUnavailable:
            return False
        return True

    async def _pause(self) -> None:
        self._failures += 1
        await self._sleep(min(2.0 ** min(self._failures - 1, 10), LONGEST_PAUSE))


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
            return await confirm_token(initialize)
        except TelegramError as error:
            name, reason = type(error).__name__, words_of(error)
            log.warning("Telegram does not answer yet", error=name, reason=reason)
        except UNPARSED as odd:
            log.warning("Telegram's answer cannot be read yet", error=type(odd).__name__)
        await asyncio.sleep(START_PAUSE)


async def confirm_token(get_me: Callable[[], Awaitable[object]]) -> None:
    """Have the bot named; raises StartError where Telegram itself refuses the token, each time anew."""
    for tries in range(REFUSALS):
        try:
            await get_me()
        except InvalidToken as refused:
            if tries == REFUSALS - 1:
                raise StartError(REFUSED) from refused
            await asyncio.sleep(REFUSAL_PAUSE)
        else:
            return
