"""Voice messages: kept, written down, shown, and then drawn as if they had been typed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from telegram.constants import ChatAction
from telegram.ext import MessageHandler, filters

from bot.domain import BotError, LimitReached, Voice, now
from bot.features.voices.service import LARGEST, LONGEST, TranscriptFailure, VoiceAdmission
from bot.tg.commands import MESSAGE, POST
from bot.tg.feature import Feature
from bot.tg.parse import read
from bot.tg.sender import Target
from bot.tg.tasks import RecoverableTasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import Update
    from telegram.ext import ContextTypes

    from bot.domain import Prompt
    from bot.features.voices.service import VoiceService
    from bot.tg.feature import Handler
    from bot.tg.parse import Audio
    from bot.tg.replies import Replies
    from bot.tg.submit_replies import SubmitReplies

SHOWN = 500  # characters of what was heard
_REFUSALS = {VoiceAdmission.TOO_MANY: "voice.many", VoiceAdmission.CROWDED: "voice.busy"}


@dataclass(slots=True)
class VoicesFeature(Feature):
    """Takes voices; each is brought to its end in a task that a restart takes up."""

    replies: Replies
    submit_replies: SubmitReplies
    voices: VoiceService
    _tasks: RecoverableTasks[Voice] = field(init=False)

    def __post_init__(self) -> None:
        self._tasks = RecoverableTasks(self.voices)

    def handlers(self) -> Sequence[Handler]:
        heard = (MESSAGE | POST) & (filters.VOICE | filters.AUDIO)
        return (MessageHandler(heard, self.on_message),)

    async def start(self) -> None:
        """Begin to listen, to those voices first that a restart fell into."""
        await self._tasks.start(self._follow)

    async def drain(self, seconds: float) -> None:
        """Finish what runs within so many seconds; the rest is left for the next start."""
        await self._tasks.drain(seconds)

    async def on_message(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Take a voice message or a piece of audio; what is not for the bot is left alone."""
        message = update.effective_message
        incoming = read(message, context.bot) if message else None
        if incoming is None or incoming.audio is None or not incoming.addressed:
            return
        incoming = await self.replies.as_chosen(incoming)
        if incoming.audio and self.replies.admits(incoming.prompt):
            await self._on_voice(incoming.prompt, incoming.audio)

    async def _on_voice(self, prompt: Prompt, audio: Audio) -> None:
        if not self.voices.on:
            if prompt.private:  # elsewhere people may speak to each other
                self._reply(prompt, "ask.other")
            return
        if audio.seconds > LONGEST or (audio.source.size or 0) > LARGEST:
            self._reply(prompt, "voice.long")
            return
        voice = _voice(prompt, audio)
        try:
            admission = await self.voices.accept(voice, prompt.author)
        except LimitReached as reached:
            self.replies.reply(prompt, self.replies.limit_text(prompt.locale, reached))
            return
        if admission is VoiceAdmission.KEPT:
            self._tasks.begin(voice)
        elif refusal := _REFUSALS.get(admission):
            self._reply(prompt, refusal)

    async def _follow(self, voice: Voice, again: bool) -> None:  # noqa: FBT001 - RecoverableTasks' own
        """Bring a voice from where it is to its end."""
        heard = voice if voice.words is not None else await self._transcribe(voice)
        if heard is None:
            return
        if heard.heard_id is None:
            await self._show(heard, uncertain=again)
        prompt = heard.as_prompt()
        try:
            result = await self.voices.submit_words(heard)
        except LimitReached as reached:
            self.replies.reply(prompt, self.replies.limit_text(prompt.locale, reached))
            return
        self.submit_replies.respond(prompt, result)

    async def _transcribe(self, voice: Voice) -> Voice | None:
        with suppress(BotError):  # a decoration
            await self.replies.sender.act(voice.chat_id, voice.thread_id, ChatAction.TYPING)
        heard = await self.voices.transcribe(voice)
        if isinstance(heard, TranscriptFailure):
            self._reply(voice.as_prompt(), f"voice.{heard}")
            return None
        return heard

    async def _show(self, voice: Voice, *, uncertain: bool) -> None:
        words = voice.words or ""
        short = words if len(words) <= SHOWN else words[:SHOWN].rstrip() + "…"
        message_id = voice.message_id if voice.message_id > 0 else None
        await self.replies.sender.send_once(
            Target(voice.chat_id, voice.thread_id, message_id, reply_required=True),
            self.replies.texts(voice.locale, "voice.heard", words=short),
            remember=partial(self.voices.shown, voice),
            above=max(0, voice.message_id),
            uncertain=uncertain,
        )

    def _reply(self, prompt: Prompt, key: str) -> None:
        self.replies.reply(prompt, self.replies.texts(prompt.locale, key))


def _voice(prompt: Prompt, audio: Audio) -> Voice:
    return Voice(
        account_id=prompt.account_id,
        chat_id=prompt.chat_id,
        message_id=prompt.message_id,
        source=audio.source,
        seconds=audio.seconds,
        locale=prompt.locale,
        arrived_at=now(),
        thread_id=prompt.thread_id,
        private=prompt.private,
        caption=prompt.text,
        reply=prompt.reply,
    )
