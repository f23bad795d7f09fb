"""Alerts: whom to tell what keeps everybody from getting pictures, and how often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain import Job, OutcomeKind
from bot.storage.engine import Store
from bot.storage.transaction import Transaction
from bot.tg.replies import Replies
from bot.tg.sender import Target

# What lasts until an operator does something about it.
LASTING = frozenset({OutcomeKind.OUT_OF_MONEY, OutcomeKind.BAD_KEY, OutcomeKind.NO_ROOM})
PERIOD = timedelta(hours=6)  # of the day; in each they are told once of each kind


@dataclass(frozen=True, slots=True)
class AdminAlerts:
    """Tells those who run the bot, the users in ADMIN_IDS, where only they can help."""

    store: Store
    clock: Callable[[], datetime]
    replies: Replies

    def consider(self, job: Job) -> None:
        """Look at how a job ended, and tell them in the background if they must hear of it."""
        if job.outcome in LASTING and self.replies.access.admins:
            self.replies.background.run(self._tell(job, job.outcome), "alarm")

    async def _tell(self, job: Job, kind: OutcomeKind) -> None:
        texts = self.replies.texts
        for admin, language in (await self.store.write(self._to_tell, kind)).items():
            if admin == job.chat_id:  # he reads it himself
                continue
            locale = await self.replies.locale_of_person(admin, language)
            reason = texts(locale, f"outcome.{kind}")
            self.replies.say(Target(admin), texts(locale, "operator.alarm", text=reason))

    def _to_tell(self, tx: Transaction, kind: OutcomeKind) -> dict[int, str | None]:
        """Name who must hear of it, with his Telegram's language; from now on he has."""
        at = self.clock()
        key = f"alarm:{kind}:{int(at.timestamp() // PERIOD.total_seconds())}"
        if not tx.keys.add(key, at):
            return {}
        return {admin: tx.people.language(admin) for admin in sorted(self.replies.access.admins)}
