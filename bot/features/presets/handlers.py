"""Presets as buttons: under the question about a picture, and listed by /presets."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from telegram import CallbackQuery, Update
from telegram.constants import ChatType
from telegram.ext import ContextTypes

from bot.catalogue.presets import Preset, Presets
from bot.domain import PendingPrompt
from bot.features.presets.service import PresetService
from bot.jobs.options import Unsupported
from bot.jobs.pending import PendingService
from bot.jobs.submit import Accepted, Incomplete, NoInput, SubmitService
from bot.tg.callbacks import Press, Verb, is_under
from bot.tg.feature import Feature, OnPress, OnUpdate
from bot.tg.keyboards import NO_PICTURE, Keyboards, PresetKeyboard
from bot.tg.parse import PRESETS, thread_of
from bot.tg.picture_actions import PictureActions, Question
from bot.tg.presses import Presses
from bot.tg.replies import Replies, SubmitReplies
from bot.tg.sender import Lost
from bot.tg.status import StatusMessages
from bot.tg.tasks import LatestEdit

_LIST = f"{NO_PICTURE}:"  # how the arguments of a list's buttons begin
_DIGITS = 3  # of a page's number


@dataclass(frozen=True, slots=True)
class PresetsFeature(Feature):
    """Lists presets and takes their buttons; one question of a person's is under way at a time."""

    replies: Replies
    presses: Presses
    submit: SubmitService
    submit_replies: SubmitReplies
    status: StatusMessages
    actions: PictureActions
    pending: PendingService
    drawing: PresetService
    presets: Presets
    preset_keyboard: PresetKeyboard
    keyboards: Keyboards
    latest_edit: LatestEdit

    def commands(self) -> Mapping[str, OnUpdate]:
        return {PRESETS: self.on_presets}

    def callbacks(self) -> Mapping[Verb, OnPress]:
        return {Verb.PRESET: self.on_preset, Verb.PRESETS: self.on_page}

    async def on_presets(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        prompt = await self.replies.command(update.message)
        if prompt is None or not self.replies.admits(prompt):
            return
        prompt = replace(prompt, text="")
        result = await self.submit.submit(prompt) if prompt.reply else NoInput()
        if not isinstance(result, NoInput):
            self.submit_replies.respond(prompt, result)
            return
        presets = list(self.presets)
        if not presets:
            self.replies.answer(prompt, "idea.none")
            return
        keyboard = self.preset_keyboard.page(prompt.locale, presets, NO_PICTURE, 0)
        self.replies.answer(prompt, "idea.list", keyboard)

    async def on_preset(self, query: CallbackQuery, press: Press) -> None:
        message_id, preset_id = press.of_message or (NO_PICTURE, "")
        pending = await self._own_pending(query, message_id) if message_id else None
        if message_id and pending is None:
            return
        preset = self.presets.get(preset_id)
        if preset is None or (pending and preset.from_words) or not self._listed(query, message_id):
            self.presses.answer(query, "press.stale")
        elif pending:
            await self._draw(query, pending, preset)
        else:
            await self._ask_for_rest(query, preset)

    async def on_page(self, query: CallbackQuery, press: Press) -> None:
        message, (message_id, page) = query.message, press.of_message or (NO_PICTURE, "")
        if message_id and await self._own_pending(query, message_id) is None:
            return
        number = page.isascii() and page.isdigit() and len(page) <= _DIGITS
        if message is None or not number or not self._listed(query, message_id):
            self.presses.answer(query, "press.stale")
            return
        presets = self.presets.of_pictures if message_id else list(self.presets)
        locale = await self.replies.locale_of_press(query)
        keyboard = self.preset_keyboard.page(locale, presets, message_id, int(page))
        place = (message.chat.id, message.message_id)

        async def turn() -> None:
            with suppress(Lost):
                await self.replies.sender.edit_keyboard(*place, keyboard)

        self.latest_edit.edit(*place, turn)
        self.presses.say(query)

    @staticmethod
    def _listed(query: CallbackQuery, message_id: int) -> bool:
        """Whether a list's button acts on a list, and on no other message: data can be forged."""
        return bool(message_id) or is_under(query, {Verb.PRESET}, _LIST)

    async def _own_pending(self, query: CallbackQuery, message_id: int) -> PendingPrompt | None:
        message = query.message
        found = await self.pending.get(message.chat.id, message_id) if message else None
        return await self.presses.own_pending(query, found, Verb.PRESET)

    async def _draw(self, query: CallbackQuery, pending: PendingPrompt, preset: Preset) -> None:
        paid = await self.presses.as_payer(query, pending)
        if paid is None:
            return
        locale = paid.locale
        result = await self.presses.answer_submit(
            query, locale, self.drawing.draw(paid, preset, press_id=query.id)
        )
        match result:
            case Accepted(jobs):
                self.status.announce(*jobs)
                self.presses.say(query, self.preset_keyboard.label(locale, preset))
            case Incomplete(worded):
                offer = self.submit_replies.offer_models(query, worded)
                self.replies.background.run(offer, "offer of models")
            case Unsupported():
                text = self.replies.other_models_text(locale, result)
                self.presses.say(query, text, alert=True)

    async def _ask_for_rest(self, query: CallbackQuery, preset: Preset) -> None:
        message, account_id = query.message, query.from_user.id
        if message is None or message.chat.type == ChatType.CHANNEL:
            self.presses.answer(query, "edit.channel", alert=True)
            return
        if not self.presses.admits(query, account_id, message.chat.id):
            return

        def question(locale: str) -> Question:
            name = self.preset_keyboard.label(locale, preset)
            asks = "idea.words" if preset.from_words else "idea.photo"
            return self.replies.texts(locale, asks, name=name), partial(
                self.pending.expect,
                account_id,
                message.chat.id,
                thread_of(message),
                text=preset.prompt,
                locale=locale,
                private=message.chat.id > 0,
            )

        key = (message.chat.id, message.message_id, account_id, preset.id)
        await self.actions.ask(query, key, question, "of a preset")
        self.presses.say(query)
