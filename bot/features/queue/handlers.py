"""The queue: what somebody has asked for in a chat and has not got yet, with a Cancel for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram import Message

from bot.domain import JobState, now
from bot.tg import preset_keyboard, replies
from bot.tg.keyboards import Verb, bears
from bot.tg.parse import account_of, thread_of
from bot.tg.sender import Target
from bot.tg.status_text import age, lines
from bot.tg.text_limits import fit

if TYPE_CHECKING:
    from telegram import CallbackQuery, InlineKeyboardMarkup, Update
    from telegram.ext import ContextTypes

    from bot.domain import Job
    from bot.features.desk import Desk

SHOWN, WORDS = 10, 40  # jobs in the list, UTF-16 units of a prompt
MODELS = 20  # in the operators' list


async def on_queue(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """List one's own jobs of this chat: what is asked for elsewhere is nobody's business here.

    Operators are told of the whole queue, too, in private.
    """
    message = update.message
    account_id = account_of(message) if message else None
    if message is None or account_id is None:
        return
    locale = await replies.of_message(desk, message, account_id)
    text, keyboard = await _told(desk, locale, account_id, message)
    target = Target(message.chat.id, thread_of(message), message.message_id)
    desk.background.run(desk.sender.say(target, text, keyboard), "queue")


async def redraw(desk: Desk, query: CallbackQuery, job: Job) -> None:
    """Bring the list up to date in which somebody pressed a Cancel."""
    message = query.message
    # Data can be forged: no other message becomes a list.
    if not isinstance(message, Message) or not bears(message.reply_markup, {Verb.CALL_OFF}):
        return
    text, keyboard = await _told(desk, job.locale, job.account_id, message)
    edit = desk.sender.edit(message.chat.id, message.message_id, text, keyboard)
    desk.background.run(edit, "queue")


async def _told(
    desk: Desk, locale: str, account_id: int, message: Message
) -> tuple[str, InlineKeyboardMarkup | None]:
    jobs = await desk.queue.of(account_id, message.chat.id, SHOWN)
    own = [_line(desk, locale, n, job, ahead) for n, (job, ahead) in enumerate(jobs, 1)]
    title = desk.texts(locale, "queue.title" if jobs else "queue.none")
    whole = await _whole(desk, locale) if _operates(desk, message) else ""
    text = "\n\n".join(filter(None, (lines(title, *own), whole)))
    return text, desk.keyboards.queue(locale, [job.id for job, _ in jobs])


def _operates(desk: Desk, message: Message) -> bool:
    return message.chat.id in desk.access.admins  # a private chat has its user's id


async def _whole(desk: Desk, locale: str) -> str:
    overview = await desk.queue.overview()
    said = [desk.texts(locale, "queue.all", running=overview.running, waiting=overview.waiting)]
    for usual in overview.usual[:MODELS]:
        profile = desk.catalogue.get(usual.model)
        label = profile.label if profile else usual.model
        time = desk.status_text.about(locale, usual.seconds)
        said.append(desk.texts(locale, "queue.usual", model=label, time=time, calls=usual.calls))
    for gateway, seconds in overview.resting:
        time = desk.status_text.about(locale, seconds)
        said.append(desk.texts(locale, "queue.resting", gateway=gateway, time=time))
    return lines(*said)


def _line(desk: Desk, locale: str, number: int, job: Job, ahead: int) -> str:
    drawn = job.state is JobState.RUNNING
    since = job.started_at if drawn and job.started_at else job.created_at
    words = " ".join(preset_keyboard.short(desk, locale, job.request.prompt).split())
    key = "queue.drawing" if drawn else "queue.waiting" if job.dispatched else "queue.waiting_own"
    lasted = age((now() - since).total_seconds())
    return desk.texts(locale, key, number=number, prompt=fit(words, WORDS), age=lasted, ahead=ahead)
