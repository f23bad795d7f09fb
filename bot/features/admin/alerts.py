"""Alerts: whom to tell what keeps everybody from getting pictures, and how often."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from telegram import InlineKeyboardMarkup

from bot.billing.access import Denial
from bot.catalogue.profiles import Profile
from bot.domain import LASTING, Job, OutcomeKind, Prompt
from bot.jobs.options import ModelOptions
from bot.storage.engine import Store
from bot.storage.messages import KEPT, UNREAD
from bot.storage.transaction import Transaction
from bot.tg.callbacks import Verb
from bot.tg.keyboards import button
from bot.tg.replies import Replies
from bot.tg.sender import Target
from bot.tg.told import OncePerPeriod
from bot.tg.updates import UnreadUpdate

log = structlog.get_logger(__name__)

KNOCKS, DAY = 100, 86_400.0  # people of whom they hear within so many seconds
PERIOD = timedelta(hours=6)  # of the day; in each they are told once of each kind


@dataclass(frozen=True, slots=True)
class AdminAlerts:
    """Tells those who run the bot, the users in ADMIN_IDS, where only they can help."""

    store: Store
    clock: Callable[[], datetime]
    replies: Replies
    options: ModelOptions

    _knocks: OncePerPeriod = field(
        default_factory=lambda: OncePerPeriod(period=DAY, remembered=KNOCKS), init=False
    )
    _logged: OncePerPeriod = field(
        default_factory=lambda: OncePerPeriod(PERIOD.total_seconds(), remembered=KNOCKS), init=False
    )
    _unheard: deque[Prompt] = field(default_factory=lambda: deque(maxlen=KNOCKS), init=False)

    def __post_init__(self) -> None:
        self.options.gone.on_gone = self.model_gone

    def consider(self, job: Job) -> None:
        """Look at how a job ended, and tell them in the background if they must hear of it."""
        if job.outcome in LASTING and self.replies.access.admins:
            self.replies.background.run(self._tell(job, job.outcome), "alarm")

    def knocked(self, prompt: Prompt) -> None:
        """Keep who may not ask, and tell them of him once, with a button; of so many a day at most."""
        author = prompt.author
        known = prompt.private and author is not None and author.user_id is not None
        if known and not self._knocks.is_full and self._knocks.add(prompt.account_id):
            if not self.replies.access.admins:
                self._unheard.append(prompt)
            self.replies.background.run(self._tell_of(prompt), "knock")

    def operated(self) -> None:
        """Tell who operates the bot now of those who wrote before anybody did, and still may not ask."""
        while self._unheard:
            prompt = self._unheard.popleft()
            if self.replies.access.denial(prompt.account_id, prompt.chat_id) is Denial.STRANGER:
                self.replies.background.run(self._tell_of(prompt), "knock")

    async def _tell_of(self, prompt: Prompt) -> None:
        def keep(tx: Transaction) -> dict[int, str | None]:
            author, at = prompt.author, self.clock()
            assert author is not None  # noqa: S101 - looked at above
            tx.people.seen_user(
                prompt.account_id, author.name, author.username, author.language, at
            )
            told = f"{KEPT}knock:{prompt.account_id}"
            return self._once(tx, told) if self.replies.access.admins else {}

        for admin, language in (await self.store.write(keep)).items():
            locale = await self.replies.locale_of_person(admin, language)
            author = prompt.author
            who = f"{author.name if author else '?'} ({prompt.account_id})"
            text = self.replies.texts(locale, "operator.knock", who=who)
            let_in = button(
                self.replies.texts(locale, "button.allow"), Verb.LET_IN, prompt.account_id
            )
            self.replies.say(Target(admin), text, InlineKeyboardMarkup.from_button(let_in))

    def model_gone(self, model: Profile, instead: Profile | None) -> None:
        """Tell them once of a model that its gateway does not have, and what they can set."""
        if self.replies.access.admins:
            self.replies.background.run(self._tell_gone(model, instead), "alarm")

    async def warn(self, kind: str, /, *, once: str | None = None, **facts: object) -> None:
        """Tell them and the log, by `operator.<kind>`: once a period, or where a key is given, `once`."""
        key = once or self._in_period(kind)
        if self._logged.add(key):  # also where nobody operates the bot, or Telegram is away
            says = self.replies.texts("en", f"operator.{kind}", **facts)
            log.warning("needs an operator", what=kind, says=says)
        if not self.replies.access.admins:
            return
        told = await self.store.write(self._once, key)
        for admin, language in told.items():
            locale = await self.replies.locale_of_person(admin, language)
            reason = self.replies.texts(locale, f"operator.{kind}", **facts)
            text = self.replies.texts(locale, "operator.warning", text=reason)
            self.replies.say(Target(admin), text)

    async def _tell_gone(self, model: Profile, instead: Profile | None) -> None:
        told = await self.store.write(self._once, f"{KEPT}gone:{model.id}")
        for admin, language in told.items():
            locale = await self.replies.locale_of_person(admin, language)
            self.replies.say(Target(admin), self._gone(locale, model, instead))

    def _gone(self, locale: str, model: Profile, instead: Profile | None) -> str:
        if instead is None:
            return self.replies.texts(locale, "operator.gone_alone", model=model.label)
        default = model is self.options.default
        return self.replies.texts(
            locale,
            "operator.gone_default" if default else "operator.gone",
            model=model.label,
            other=instead.label,
            id=instead.id if default else model.id,
        )

    async def unread(self, update: UnreadUpdate) -> None:
        """Commit that an update could not be read; of the first they hear. Raises StorageUnavailable."""
        to_tell = await self.store.write(self._note, update)
        for admin, language in to_tell.items():
            locale = await self.replies.locale_of_person(admin, language)
            self.replies.say(Target(admin), self.replies.texts(locale, "operator.unread"))

    def _note(self, tx: Transaction, update: UnreadUpdate) -> dict[int, str | None]:
        words = f"{update.update_id}: {update.error} ({', '.join(update.names)})"
        new = tx.keys.add(f"{UNREAD}{words}", self.clock())
        return self._once(tx, self._in_period("unread")) if new else {}

    async def _tell(self, job: Job, kind: OutcomeKind) -> None:
        told = await self.store.write(self._once, self._in_period(kind))
        for admin, language in told.items():
            if admin == job.chat_id and not job.inline_message_id:  # he reads it below his prompt
                continue
            locale = await self.replies.locale_of_person(admin, language)
            reason = self.replies.texts(locale, f"operator.{kind}")
            text = self.replies.texts(locale, "operator.alarm", text=reason)
            self.replies.say(Target(admin), text)

    def _in_period(self, kind: str) -> str:
        return f"alarm:{kind}:{int(self.clock().timestamp() // PERIOD.total_seconds())}"

    def _once(self, tx: Transaction, key: str) -> dict[int, str | None]:
        """Name who must hear of it, with his Telegram's language; from now on he has."""
        if not tx.keys.add(key, self.clock()):
            return {}
        return {admin: tx.people.language(admin) for admin in sorted(self.replies.access.admins)}
