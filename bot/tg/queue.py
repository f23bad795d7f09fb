"""The queue: what somebody has asked for in a chat and has not got yet, with a Cancel for each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.domain import JobState
from bot.i18n import pick
from bot.tg.incoming import account_of
from bot.tg.messages import Spot

if TYPE_CHECKING:
    from telegram import Update
    from telegram.ext import ContextTypes

    from bot.domain import Job
    from bot.tg.desk import Desk

SHOWN, WORDS = 10, 40  # jobs in the list, characters of a prompt


async def on_queue(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """List one's own jobs of this chat: what is asked for elsewhere is nobody's business here."""
    message = update.message
    account_id = account_of(message) if message else None
    if message is None or account_id is None:
        return
    locale = pick(message.from_user.language_code if message.from_user else None)
    jobs = await desk.queue.of(account_id, message.chat.id, SHOWN)
    lines = [_line(desk, locale, n, job, ahead) for n, (job, ahead) in enumerate(jobs, 1)]
    title = desk.texts(locale, "queue.title" if jobs else "queue.none")
    thread = message.message_thread_id if message.is_topic_message else None
    spot = Spot(message.chat.id, thread, message.message_id)
    keyboard = desk.keyboards.queue(locale, [job.id for job, _ in jobs])
    desk.talk.start(desk.messages.say(spot, "\n".join([title, *lines]), keyboard), "queue")


def _line(desk: Desk, locale: str, number: int, job: Job, ahead: int) -> str:
    drawn = job.state is JobState.RUNNING
    since = job.started_at if drawn and job.started_at else job.created_at
    seconds = max(0, int((datetime.now(UTC) - since).total_seconds()))
    minutes, rest = divmod(seconds, 60)
    words = " ".join(job.request.prompt.split())
    short = words if len(words) <= WORDS else f"{words[: WORDS - 1]}…"
    key = "queue.drawing" if drawn else "queue.waiting" if job.dispatched else "queue.waiting_own"
    age = f"{minutes}:{rest:02}"
    return desk.texts(locale, key, number=number, prompt=short, age=age, ahead=ahead)
