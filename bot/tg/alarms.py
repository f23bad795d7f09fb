"""Alarms: operators hear in private what keeps everybody from getting pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.i18n.texts import pick
from bot.tg.spots import Spot

if TYPE_CHECKING:
    from bot.domain import Job, OutcomeKind, Picture
    from bot.i18n.texts import Texts
    from bot.operators import Operators
    from bot.preferences import Chosen
    from bot.tg.messages import Messages
    from bot.tg.talk import Talk
    from bot.worker import Deliver


class Alarms:
    """Looks at how jobs ended, and hands them on."""

    def __init__(
        self,
        *,
        deliver: Deliver,
        operators: Operators,
        messages: Messages,
        talk: Talk,
        texts: Texts,
        preferences: Chosen,
    ) -> None:
        self._deliver = deliver
        self._operators = operators
        self._messages = messages
        self._talk = talk
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
            self._talk.start(self._messages.say(Spot(operator), text), "alarm")
