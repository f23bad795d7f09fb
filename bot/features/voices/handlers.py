"""Voice messages: kept, written down, shown, and then drawn as if they had been typed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from telegram.constants import ChatAction

from bot.domain import BotError, LimitReached, Voice, now
from bot.features.voices.service import (
    LARGEST,
    LONGEST,
    NotTranscribed,
    TranscriptFailure,
    VoiceAdmission,
)
from bot.i18n.texts import pick
from bot.tg.parse import read
from bot.tg.sender import Target, reply
from bot.tg.submit_replies import admitted, as_chosen, limit_text, respond

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from telegram import Update
    from telegram.ext import ContextTypes

    from bot.features.desk import Desk
    from bot.tg.parse import Audio, ParsedMessage

SHOWN = 500  # characters of what was heard
_ANSWERS = {
    TranscriptFailure.SILENT: "voice.silent",
    TranscriptFailure.GONE: "voice.gone",
    TranscriptFailure.FAILED: "voice.failed",
    TranscriptFailure.LONG: "voice.long",
    TranscriptFailure.NO_ROOM: "voice.no_room",
}


async def on_message(desk: Desk, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Take a voice message or a piece of audio; what is not for the bot is left alone."""
    message = update.effective_message
    incoming = read(message, context.bot, pick) if message else None
    if incoming is None or incoming.audio is None or not incoming.addressed:
        return
    incoming = await as_chosen(desk, incoming)
    if incoming.audio and admitted(desk, incoming.prompt):
        await _on_voice(desk, incoming, incoming.audio)


async def _on_voice(desk: Desk, incoming: ParsedMessage, audio: Audio) -> None:
    """Commit a voice, and begin to listen."""
    wish = incoming.prompt
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
    if arrival is VoiceAdmission.KEPT:
        desk.listening.begin(voice)
    elif arrival is VoiceAdmission.TOO_MANY:
        reply(desk, wish, desk.texts(wish.locale, "voice.many"))
    elif arrival is VoiceAdmission.CROWDED:
        reply(desk, wish, desk.texts(wish.locale, "voice.busy"))


def listener(desk: Desk) -> Callable[[Voice, bool], Awaitable[None]]:
    """Make what brings a voice from where it is to its end."""

    async def follow(voice: Voice, again: bool) -> None:  # noqa: FBT001 - the book's own
        heard = voice if voice.words is not None else await _hear(desk, voice)
        if heard is None:
            return
        if heard.heard_id is None:
            await _show(desk, heard, again=again)
        wish = heard.as_prompt()
        try:
            submission = await desk.voices.wish(heard)
        except LimitReached as reached:
            reply(desk, wish, limit_text(desk, wish.locale, reached))
            return
        respond(desk, wish, submission)

    return follow


async def _hear(desk: Desk, voice: Voice) -> Voice | None:
    with suppress(BotError):  # a decoration
        await desk.sender.act(voice.chat_id, voice.thread_id, ChatAction.TYPING)
    heard = await desk.voices.hear(voice)
    if isinstance(heard, NotTranscribed):
        reply(desk, voice.as_prompt(), desk.texts(voice.locale, _ANSWERS[heard.why]))
        return None
    return heard


async def _show(desk: Desk, voice: Voice, *, again: bool) -> None:
    async def remember(message_id: int) -> None:
        await desk.voices.shown(voice, message_id)

    words = voice.words or ""
    short = words if len(words) <= SHOWN else words[:SHOWN].rstrip() + "…"
    message_id = voice.message_id if voice.message_id > 0 else None
    await desk.sender.send_once(
        Target(voice.chat_id, voice.thread_id, message_id, reply_required=True),
        desk.texts(voice.locale, "voice.heard", words=short),
        None,
        remember=remember,
        above=max(0, voice.message_id),
        uncertain=again,
    )


def _voice(incoming: ParsedMessage, audio: Audio) -> Voice:
    wish = incoming.prompt
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
        caption=wish.text,
        reply=wish.reply,
    )
