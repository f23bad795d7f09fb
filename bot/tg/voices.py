"""Voice messages: kept, written down, shown, and then drawn as if they had been typed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from telegram.constants import ChatAction

from bot.domain import BotError, LimitReached, Voice, now
from bot.i18n.texts import pick
from bot.tg.incoming import read
from bot.tg.prompts import admitted, as_chosen, limit_text, reply, respond
from bot.tg.spots import Spot
from bot.voices import LARGEST, LONGEST, Arrival, Deaf, Unheard

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from telegram import Update
    from telegram.ext import ContextTypes

    from bot.tg.desk import Desk
    from bot.tg.incoming import Incoming, Spoken

SHOWN = 500  # characters of what was heard
_ANSWERS = {
    Deaf.SILENT: "voice.silent",
    Deaf.GONE: "voice.gone",
    Deaf.FAILED: "voice.failed",
    Deaf.LONG: "voice.long",
    Deaf.NO_ROOM: "voice.no_room",
}


async def on_message(desk: Desk, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Take a voice message or a piece of audio; what is not for the bot is left alone."""
    message = update.effective_message
    incoming = read(message, context.bot, pick) if message else None
    if incoming is None or incoming.spoken is None or not incoming.addressed:
        return
    incoming = await as_chosen(desk, incoming)
    if incoming.spoken and admitted(desk, incoming.wish):
        await _on_voice(desk, incoming, incoming.spoken)


async def _on_voice(desk: Desk, incoming: Incoming, spoken: Spoken) -> None:
    """Commit a voice, and begin to listen."""
    wish = incoming.wish
    if not desk.voices.on:
        if wish.private:  # elsewhere people may speak to each other
            reply(desk, wish, desk.texts(wish.locale, "ask.other"))
        return
    if spoken.seconds > LONGEST or (spoken.source.size or 0) > LARGEST:
        reply(desk, wish, desk.texts(wish.locale, "voice.long"))
        return
    voice = _voice(incoming, spoken)
    try:
        arrival = await desk.voices.accept(voice, wish.introduction)
    except LimitReached as reached:
        reply(desk, wish, limit_text(desk, wish.locale, reached))
        return
    if arrival is Arrival.KEPT:
        desk.listening.begin(voice)
    elif arrival is Arrival.TOO_MANY:
        reply(desk, wish, desk.texts(wish.locale, "voice.many"))
    elif arrival is Arrival.CROWDED:
        reply(desk, wish, desk.texts(wish.locale, "voice.busy"))


def listener(desk: Desk) -> Callable[[Voice, bool], Awaitable[None]]:
    """Make what brings a voice from where it is to its end."""

    async def follow(voice: Voice, again: bool) -> None:  # noqa: FBT001 - the book's own
        heard = voice if voice.words is not None else await _hear(desk, voice)
        if heard is None:
            return
        if heard.heard_id is None:
            await _show(desk, heard, again=again)
        wish = heard.wish()
        try:
            submission = await desk.voices.wish(heard)
        except LimitReached as reached:
            reply(desk, wish, limit_text(desk, wish.locale, reached))
            return
        respond(desk, wish, submission)

    return follow


async def _hear(desk: Desk, voice: Voice) -> Voice | None:
    with suppress(BotError):  # a decoration
        await desk.messages.act(voice.chat_id, voice.thread_id, ChatAction.TYPING)
    heard = await desk.voices.hear(voice)
    if isinstance(heard, Unheard):
        reply(desk, voice.wish(), desk.texts(voice.locale, _ANSWERS[heard.why]))
        return None
    return heard


async def _show(desk: Desk, voice: Voice, *, again: bool) -> None:
    async def commit(message_id: int) -> None:
        await desk.voices.shown(voice, message_id)

    words = voice.words or ""
    short = words if len(words) <= SHOWN else words[:SHOWN].rstrip() + "…"
    message_id = voice.message_id if voice.message_id > 0 else None
    await desk.messages.establish(
        Spot(voice.chat_id, voice.thread_id, message_id, insists=True),
        desk.texts(voice.locale, "voice.heard", words=short),
        None,
        commit=commit,
        above=max(0, voice.message_id),
        uncertain=again,
    )


def _voice(incoming: Incoming, spoken: Spoken) -> Voice:
    wish = incoming.wish
    return Voice(
        account_id=wish.account_id,
        chat_id=wish.chat_id,
        message_id=wish.message_id,
        source=spoken.source,
        seconds=spoken.seconds,
        locale=wish.locale,
        arrived_at=now(),
        thread_id=wish.thread_id,
        private=wish.private,
        caption=wish.prompt,
        reply=wish.reply,
    )
