"""Voice messages: kept, written down, shown, and then drawn as if they had been typed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from telegram import Update
from telegram.constants import ChatAction
from telegram.ext import ContextTypes, MessageHandler, filters

from bot.domain import BotError, LimitReached, Prompt, Voice
from bot.features.voices.service import VoiceRefusal, VoiceService
from bot.jobs.messages import SentMessages
from bot.tg.feature import MESSAGE, POST, Feature, Handler
from bot.tg.parse import Audio, read
from bot.tg.replies import Replies, SubmitReplies
from bot.tg.sender import target_of
from bot.tg.tasks import RecoverableTasks

SHOWN = 500  # characters of what was heard


@dataclass(slots=True)
class VoicesFeature(Feature):
    """Takes voices; each is brought to its end in a task that a restart takes up."""

    replies: Replies
    submit_replies: SubmitReplies
    voices: VoiceService
    sent: SentMessages
    recovery: RecoverableTasks[Voice] = field(init=False)

    def __post_init__(self) -> None:
        self.recovery = RecoverableTasks(self.voices, self._follow, self.sent.chat_migrated)

    def handlers(self) -> Sequence[Handler]:
        heard = (MESSAGE | POST) & (filters.VOICE | filters.AUDIO)
        return (MessageHandler(heard, self.on_message),)

    async def on_message(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        incoming = read(update.effective_message, context.bot)
        if incoming is None or incoming.audio is None or not incoming.addressed:
            return
        incoming = await self.replies.as_chosen(incoming)
        if incoming.audio and self.replies.admits(incoming.prompt):
            await self._on_voice(incoming.prompt, incoming.audio)

    async def _on_voice(self, prompt: Prompt, audio: Audio) -> None:
        if not self.voices.on:
            if prompt.private:  # elsewhere people may speak to each other
                self.replies.answer(prompt, "ask.other")
            return
        try:
            voice = await self.voices.accept(prompt, audio.source, audio.seconds)
        except LimitReached as reached:
            self.submit_replies.respond(prompt, reached)
            return
        if isinstance(voice, VoiceRefusal):
            self.replies.answer(prompt, voice)
        elif voice:
            self.recovery.begin(voice)

    async def _follow(self, voice: Voice, again: bool) -> None:  # noqa: FBT001 - RecoverableTasks' own
        heard = voice if voice.words is not None else await self._transcribe(voice)
        if heard is None:
            return
        if heard.heard_id is None:
            await self._show(heard, uncertain=again)
        await self.submit_replies.answer(heard.as_prompt(), self.voices.submit_words(heard))

    async def _transcribe(self, voice: Voice) -> Voice | None:
        with suppress(BotError):  # a decoration
            await self.replies.sender.act(voice.chat_id, voice.thread_id, ChatAction.TYPING)
        heard = await self.voices.transcribe(voice)
        if isinstance(heard, VoiceRefusal):
            self.replies.answer(voice.as_prompt(), heard)
            return None
        return heard

    async def _show(self, voice: Voice, *, uncertain: bool) -> None:
        words = voice.words or ""
        short = words if len(words) <= SHOWN else words[:SHOWN].rstrip() + "…"
        await self.replies.sender.send_once(
            target_of(voice, reply_required=True),
            self.replies.texts(voice.locale, "voice.heard", words=short),
            remember=partial(self.voices.shown, voice),
            above=max(0, voice.message_id),
            uncertain=uncertain,
        )
