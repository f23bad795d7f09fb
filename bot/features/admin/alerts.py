"""The operators: whom to tell what keeps everybody from getting pictures, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain import OutcomeKind
from bot.i18n.texts import pick
from bot.tg.sender import Target

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.domain import Job, Picture
    from bot.i18n.texts import Texts
    from bot.jobs.preferences import PreferenceService
    from bot.jobs.worker import Deliver
    from bot.storage.engine import Store
    from bot.tg.sender import Sender
    from bot.tg.tasks import BackgroundTasks


# What lasts until an operator does something about it.
LASTING = frozenset({OutcomeKind.OUT_OF_MONEY, OutcomeKind.BAD_KEY, OutcomeKind.NO_ROOM})
PERIOD = timedelta(hours=6)  # of the day; in each they are told once of each kind


@dataclass(frozen=True, slots=True)
class AdminAlerts:
    """Those who run the bot: the users in ADMIN_IDS."""

    ids: frozenset[int]
    store: Store
    clock: Callable[[], datetime]

    async def to_tell(self, kind: OutcomeKind) -> dict[int, str | None]:
        """Name who must hear of a job's end, with his Telegram's language; from now on he has."""
        if kind not in LASTING or not self.ids:
            return {}
        at = self.clock()
        key = f"alarm:{kind}:{int(at.timestamp() // PERIOD.total_seconds())}"
        async with self.store.transaction() as tx:
            if not await tx.handled.add(key, at):
                return {}
            return {one: await tx.people.language(one) for one in sorted(self.ids)}


class AlertingDelivery:
    """Looks at how jobs ended, and hands them on."""

    def __init__(
        self,
        *,
        deliver: Deliver,
        operators: AdminAlerts,
        sender: Sender,
        background: BackgroundTasks,
        texts: Texts,
        preferences: PreferenceService,
    ) -> None:
        self._deliver = deliver
        self._operators = operators
        self._sender = messages
        self._background = talk
        self._texts = texts
        self._preferences = preferences

    async def deliver(self, job: Job, pictures: list[Picture], *, again: bool) -> None:
        """Tell the operators where only they can help; then put the result where it belongs.

        Raises what `deliver` raises.
        """
        if job.outcome is not None:
            await self._tell(job.outcome, job)
        await self._deliver(job, pictures, again=again)

    async def _tell(self, kind: OutcomeKind, job: Job) -> None:
        for operator, language in (await self._operators.to_tell(kind)).items():
            if operator == job.chat_id:  # he reads it himself
                continue
            locale = (await self._preferences.of(operator)).language or pick(language)
            text = self._texts(
                locale, "operator.alarm", text=self._texts(locale, f"outcome.{kind}")
            )
            self._background.run(self._sender.say(Target(operator), text), "alarm")
