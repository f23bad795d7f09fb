"""The webhook: Telegram brings updates, each confirmed once what it asks for is committed.

Telegram sends the messages of a chat one after the other, each until it is confirmed: their order
is kept whichever process takes them.
"""

from __future__ import annotations

import asyncio
import hmac
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import structlog
from pydantic import SecretStr
from telegram import Bot, Update, WebhookInfo
from telegram.error import InvalidToken, TelegramError

from bot.domain import NO_METER, Meter, StartError, StorageUnavailable
from bot.tg.chat_turns import ChatTurns
from bot.tg.errors import UNPARSED, words_of
from bot.tg.polling import FINISH_SECONDS, LONGEST_PAUSE, SLACK_SECONDS, TAKE_SECONDS, confirm_token
from bot.tg.updates import KINDS, UnreadUpdate, age_of, chat_of, parse

log = structlog.get_logger(__name__)

AT_ONCE = 40  # updates, and connections that Telegram may open
KNOWN = 10_000  # updates that are remembered to be done
LOOK_SECONDS = 60.0


def default_secret(token: SecretStr) -> SecretStr:
    """Make a secret of the token, the same in all processes, by which nobody finds the token."""
    key = token.get_secret_value().encode()
    return SecretStr(hmac.digest(key, b"picturebot webhook", "sha256").hex())


async def nothing(_: Update) -> None: ...


@dataclass(slots=True)
class Webhook:
    """Takes what Telegram brings to `url`.

    `process` and `note` are as in Polling; `prepare` is shown each update before it is processed. `caught_up` is called once a lead, `may_replace` is
    whether another program's webhook may be taken away, else the bot ends.
    """

    bot: Bot
    url: str
    secret: SecretStr
    certificate: Path | None
    process: Callable[[Update], Awaitable[None]]
    prepare: Callable[[Update], Awaitable[None]]
    note: Callable[[UnreadUpdate], Awaitable[None]]
    caught_up: Callable[[], Awaitable[None]]
    may_replace: bool = True
    meter: Meter = NO_METER
    answered_at: float = field(default=-math.inf, init=False)  # by `monotonic`
    _open: bool = field(default=False, init=False)
    _turns: ChatTurns = field(default_factory=ChatTurns, init=False)
    _begun: dict[asyncio.Task[object], float] = field(default_factory=dict, init=False)
    _done: OrderedDict[int, None] = field(default_factory=OrderedDict, init=False)
    _unread: int = field(default=0, init=False)
    _failed_at: datetime | None = field(default=None, init=False)  # when Telegram last could not

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def is_alive(self) -> bool:
        """Whether no update has been in hand for too long."""
        oldest = min(self._begun.values(), default=math.inf)
        return monotonic() < oldest + TAKE_SECONDS + SLACK_SECONDS

    def is_from_telegram(self, secret: str) -> bool:
        return hmac.compare_digest(secret.encode(), self.secret.get_secret_value().encode())

    async def take(self, raw: object) -> bool | None:
        """Take one update; False where it is to come again, None where it is none."""
        if not self._open or len(self._begun) >= AT_ONCE:
            return False
        try:
            batch = parse([raw], self.bot)
        except TelegramError:
            return None
        with self._in_hand():
            try:
                for unread in batch.unread:
                    await self.note(unread)
                    self._unread += 1
                    unread.tell(self._unread)
                for update in batch.updates:
                    async with self._turns.turn(chat_of(update)):
                        await self._take(update)
            except StorageUnavailable:
                return False
        return True

    @contextmanager
    def _in_hand(self) -> Iterator[None]:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - it is the one that runs this
        self._begun[task] = monotonic()
        try:
            yield
        finally:
            del self._begun[task]

    async def _take(self, update: Update) -> None:
        if update.update_id in self._done:  # it came again before it was answered
            return
        await self.prepare(update)
        await self.process(update)
        self._done[update.update_id] = None
        while len(self._done) > KNOWN:
            self._done.popitem(last=False)
        if (age := age_of(update)) is not None:
            self.meter.update_taken(age)

    async def attend(self, leads: Callable[[], bool]) -> None:
        """Take updates until cancelled, which waits for those in hand; look whether any can come."""
        self._open = True
        try:
            while True:
                if not leads():
                    with suppress(TelegramError, *UNPARSED):
                        if (await self._look()).url != self.url:
                            log.warning("the process that leads has updates brought elsewhere")
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._open = False
            if self._begun:
                await asyncio.wait(self._begun, timeout=FINISH_SECONDS)

    async def run(self) -> None:
        """Have Telegram bring updates here, and look whether it does; as the leader, until cancelled.

        Raises StartError where the token is refused, or another's webhook must not be taken away.
        """
        await self.caught_up()
        failures, is_set = 0, False
        while True:
            try:
                info = await self._look()
                if not is_set or not self._is_ours(info):
                    await self._set(info, again=is_set)
                    is_set = True
                failures = 0
                await asyncio.sleep(LOOK_SECONDS)
            except InvalidToken:
                await confirm_token(self.bot.get_me)
            except (TelegramError, *UNPARSED) as error:
                failures += 1
                odd = not isinstance(error, TelegramError)
                reason = type(error).__name__ if odd else words_of(error)
                log.warning("the webhook is not set", reason=reason)
                await asyncio.sleep(min(2.0 ** min(failures - 1, 10), LONGEST_PAUSE))

    async def confirm(self) -> None:
        """Nothing is left to be confirmed."""

    async def _look(self) -> WebhookInfo:
        """Ask what Telegram knows, and log why it could not deliver; raises TelegramError."""
        info = await self.bot.get_webhook_info()
        self.answered_at = monotonic()
        if self._is_ours(info) and info.last_error_date != self._failed_at:
            self._failed_at = info.last_error_date
            waiting, reason = info.pending_update_count, info.last_error_message
            log.warning("Telegram could not deliver here", reason=reason, waiting=waiting)
        return info

    def _is_ours(self, info: WebhookInfo) -> bool:
        return info.url == self.url and set(info.allowed_updates) == set(KINDS)

    async def _set(self, info: WebhookInfo, *, again: bool) -> None:
        """Set it anew: Telegram tells nobody the secret that it has. No update is dropped."""
        if info.url != self.url:
            host = urlsplit(info.url).hostname  # the path of another's may be a secret
            if info.url and not self.may_replace:
                raise StartError(
                    f"a webhook at {host} takes this bot's updates; "
                    "TELEGRAM_DELETE_WEBHOOK=true lets the bot replace it"
                )
            if again:
                log.error("another program uses this bot's token: its webhook was", host=host)
            elif info.url:
                log.warning("another webhook was left behind, and is replaced", host=host)
        file = self.certificate
        certificate = await asyncio.to_thread(file.read_bytes) if file else None
        await self.bot.set_webhook(
            self.url,
            certificate=certificate,
            max_connections=AT_ONCE,
            allowed_updates=KINDS,
            secret_token=self.secret.get_secret_value(),
            drop_pending_updates=False,
        )
        log.info("Telegram brings updates", host=urlsplit(self.url).hostname)
