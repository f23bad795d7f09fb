"""The buttons under pictures: pressed, checked, done once."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from telegram import CallbackQuery, InlineKeyboardMarkup
from telegram.constants import ChatType

from bot.catalogue.models import Catalogue
from bot.domain import BotError, ChannelButtons, Job, Picture, Request
from bot.jobs.alternatives import AlternativeKind, Alternatives
from bot.jobs.messages import SentMessages
from bot.jobs.submit import SubmitService
from bot.tg.callbacks import Press, Verb
from bot.tg.errors import Rejected
from bot.tg.feature import Feature, OnPress
from bot.tg.keyboards import ALL_MODELS, KINDS, MAIN, PRICED, PictureKeyboard
from bot.tg.picture_actions import PictureActions
from bot.tg.presses import Presses
from bot.tg.sender import Lost, Target
from bot.tg.tasks import LatestEdit

VARIATIONS = 2  # as many pictures come of one press

_SUBMENUS = {kind.value: kind for kind in AlternativeKind}


@dataclass(frozen=True, slots=True)
class PicturesFeature(Feature):
    """Sends, deletes and edits pictures, or draws them once more or in another way."""

    presses: Presses
    submit: SubmitService
    actions: PictureActions
    sent: SentMessages
    edits: LatestEdit
    keyboard: PictureKeyboard
    alternatives: Alternatives
    catalogue: Catalogue

    def callbacks(self) -> Mapping[Verb, OnPress]:
        return {
            Verb.AGAIN: self.on_again,
            Verb.VARY: self.on_vary,
            Verb.ORIGINAL: self.on_original,
            Verb.DELETE: self.on_delete,
            Verb.DELETE_NOW: self.on_delete_now,
            Verb.EDIT: self.on_edit,
            Verb.SUBMENU: self.on_submenu,
            **dict.fromkeys(KINDS, self.on_change),
        }

    async def on_again(self, query: CallbackQuery, press: Press) -> None:
        job = await self._own_job(query, press)
        if job and await self.actions.regenerate(query, job):
            self.presses.answer(query, "press.accepted")

    async def on_vary(self, query: CallbackQuery, press: Press) -> None:
        job = await self._own_job(query, press)
        if job and (jobs := await self.actions.regenerate(query, job, count=VARIATIONS)):
            self.presses.answer(query, "press.varied", n=len(jobs))

    async def on_original(self, query: CallbackQuery, press: Press) -> None:
        if found := await self._own_picture(query, press):
            picture, job = found
            target = Target(job.chat_id, job.thread_id, _message_of(picture, job))
            await self.actions.send_original(query, picture, target)

    async def on_edit(self, query: CallbackQuery, press: Press) -> None:
        if found := await self._own_picture(query, press):
            await self.actions.ask_for_edit(query, *found)

    async def on_delete(self, query: CallbackQuery, press: Press) -> None:
        if found := await self._own_picture(query, press):
            self.presses.answer(query, "delete.ask")
            locale = await self.presses.replies.locale_of_press(query)
            await self._show_buttons(query, *found, self.keyboard.deletion(locale, found[0]))

    async def on_delete_now(self, query: CallbackQuery, press: Press) -> None:
        found = await self._own_picture(query, press)
        if found and query.message:
            deletion = self._delete(query, *found, query.message.message_id)
            self.presses.replies.background.run(deletion, "delete")

    async def on_submenu(self, query: CallbackQuery, press: Press) -> None:
        found = await self._own_picture(query, press)
        if found is None:
            return
        word = _word(press)
        whole = word == ALL_MODELS
        kind = AlternativeKind.MODEL if whole else _SUBMENUS.get(word)
        submenu = self._submenu(*found, kind, whole=whole) if kind else None
        if submenu or word == MAIN:
            self.presses.say(query)
        else:  # the catalogue has changed since, or the data is forged
            self.presses.answer(query, "press.stale")
        await self._show_buttons(query, *found, submenu)

    async def on_change(self, query: CallbackQuery, press: Press) -> None:
        """Draw what was chosen in a submenu, and go back to the main buttons."""
        found = await self._own_picture(query, press)
        if found is None:
            return
        (picture, job), kind = found, KINDS[press.verb]
        word, _, price = _word(press).partition(PRICED)
        request, submenu = self.alternatives.changed(job.request, kind, word), None
        if request is None:
            self.presses.answer(query, "press.stale")
        elif kind is AlternativeKind.SIZE and not self._costs(request, job.request, price):
            self.presses.answer(query, "press.price_changed", alert=True)
            submenu = self._submenu(picture, job, kind)
        elif await self.actions.regenerate(query, replace(job, request=request)):
            how = self.catalogue.label(word) if kind is AlternativeKind.MODEL else word
            self.presses.answer(query, "press.changed", how=how)
        await self._show_buttons(query, picture, job, submenu)

    async def _own_job(self, query: CallbackQuery, press: Press) -> Job | None:
        job = await self.submit.job(press.id)
        return await self.presses.own_job(query, job)

    async def _own_picture(self, query: CallbackQuery, press: Press) -> tuple[Picture, Job] | None:
        number = press.of_picture[0] if press.of_picture else press.id
        found = await self.submit.picture(number) if number else None
        # Data can be forged: a picture's buttons act on the message that it stands in, and no other.
        if found and query.message and _message_of(*found) != query.message.message_id:
            found = None
        job = await self.presses.own_job(query, found[1] if found else None)
        return found if job else None

    async def _delete(
        self, query: CallbackQuery, picture: Picture, job: Job, message_id: int
    ) -> None:
        try:
            await self.presses.replies.sender.delete(job.chat_id, message_id)
        except Rejected:  # Telegram lets bots delete for 48 hours only
            self.presses.answer(query, "press.too_old", alert=True)
            await self._show_buttons(query, picture, job, None)
            return
        except BotError:
            self.presses.answer(query, "error.internal", alert=True)
            raise
        await self.sent.picture_deleted(job.chat_id, message_id)
        self.presses.answer(query, "press.deleted")

    def _costs(self, request: Request, before: Request, price: str) -> bool:
        """Whether a picture counts as what its button said; one without a price costs no other."""
        charge = self.alternatives.options.charge
        return str(charge(request)) == (price or str(charge(before)))

    def _submenu(
        self, picture: Picture, job: Job, kind: AlternativeKind, *, whole: bool = False
    ) -> InlineKeyboardMarkup | None:
        return self.keyboard.submenu(job.locale, picture, job.request, kind, whole=whole)

    async def _show_buttons(
        self, query: CallbackQuery, picture: Picture, job: Job, submenu: InlineKeyboardMarkup | None
    ) -> None:
        """Put a submenu under a picture, or the main buttons where there is none."""
        if query.message is None:
            return
        place = (query.message.chat.id, query.message.message_id)
        buttons = await self._buttons(query, job)
        markup = submenu or self.keyboard.main(job.locale, picture, job.request, buttons)

        async def edit() -> None:
            with suppress(Lost):
                await self.presses.replies.sender.edit_keyboard(*place, markup)

        self.edits.edit(*place, edit)

    async def _buttons(self, query: CallbackQuery, job: Job) -> ChannelButtons:
        if query.message is None or query.message.chat.type != ChatType.CHANNEL:
            return ChannelButtons.ALL
        chosen = await self.presses.replies.preferences.of(job.chat_id)
        return ChannelButtons(chosen.buttons or ChannelButtons.ROW)


def _word(press: Press) -> str:
    return press.of_picture[1] if press.of_picture else ""


def _message_of(picture: Picture, job: Job) -> int | None:
    """Name a picture's message; the first one has it before it is noted: it was the status."""
    if picture.message_id is None and picture.position == 0:
        return job.status_message_id
    return picture.message_id
