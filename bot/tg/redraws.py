"""Redraws: a job's request drawn again, as it was or changed, for the press of a button."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain import LimitReached
from bot.submissions import AlreadyDrawing, Duplicate, Entered
from bot.tg import languages, owners
from bot.tg.prompts import limit_text

if TYPE_CHECKING:
    from telegram import CallbackQuery

    from bot.domain import Job
    from bot.submissions import Accepted
    from bot.tg.desk import Desk


async def draw(
    desk: Desk, query: CallbackQuery, job: Job, *, count: int = 1
) -> tuple[Accepted, ...] | None:
    """Draw a job's request below the message that was pressed, for the account of who pressed.

    Tells the new jobs, which are announced; None where there are none, and that was explained.
    """
    if query.message is None:
        return None
    locale = await languages.of_press(desk, query)
    payer = owners.payer(query, job.account_id)
    if not owners.admitted(desk, query, payer, job.chat_id):
        return None
    try:
        submission = await desk.generation.repeat(
            replace(job, account_id=payer, locale=locale),
            press_id=query.id,
            message_id=query.message.message_id,
            count=count,
        )
    except LimitReached as reached:
        owners.say(desk, query, limit_text(desk, locale, reached), alert=True)
        return None
    match submission:
        case Entered(jobs):
            for accepted in jobs:
                desk.statuses.announce(accepted)
            return jobs
        case AlreadyDrawing():
            owners.answer(desk, query, "press.already_drawing")
        case Duplicate():
            pass
    return None
