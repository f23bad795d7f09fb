"""Alerts: whom to tell what keeps everybody from getting pictures, and how often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.catalogue.profiles import Profile
from bot.domain import LASTING, Job, OutcomeKind
from bot.jobs.options import ModelOptions
from bot.storage.engine import Store
from bot.storage.messages import KEPT, UNREAD
from bot.storage.transaction import Transaction
from bot.tg.replies import Replies
from bot.tg.sender import Target
from bot.tg.updates import UnreadUpdate

PERIOD = timedelta(hours=6)  # of the day; in each they are told once of each kind


@dataclass(frozen=True, slots=True)
class AdminAlerts:
    """Tells those who run the bot, the users in ADMIN_IDS, where only they can help."""

    store: Store
    clock: Callable[[], datetime]
    replies: Replies
    options: ModelOptions

    def __post_init__(self) -> None:
        self.options.gone.on_gone = self.model_gone

    def consider(self, job: Job) -> None:
        """Look at how a job ended, and tell them in the background if they must hear of it."""
        if job.outcome in LASTING and self.replies.access.admins:
            self.replies.background.run(self._tell(job, job.outcome), "alarm")

    def model_gone(self, model: Profile, instead: Profile | None) -> None:
        """Tell them once of a model that its gateway does not have, and what they can set."""
        if self.replies.access.admins:
            self.replies.background.run(self._tell_gone(model, instead), "alarm")

    async def warn(self, kind: str, /, *, once: str | None = None, **facts: object) -> None:
        """Tell them, by the text `operator.<kind>`: once a period, or where a key is given, `once`."""
        if not self.replies.access.admins:
            return
        told = await self.store.write(self._once, once or self._in_period(kind))
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
