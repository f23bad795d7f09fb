"""/history: somebody's pictures in one message, the newest first."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from telegram import (
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    MaybeInaccessibleMessage,
    Update,
)
from telegram.constants import ChatType
from telegram.ext import ContextTypes

from bot.catalogue.models import Catalogue
from bot.domain import BotError, Job, Picture, Prompt, Unreachable
from bot.features.history.service import Direction, HistoryPage, HistoryService
from bot.i18n.texts import Texts
from bot.jobs.messages import SentMessages
from bot.jobs.submit import SubmitService
from bot.media.store import MediaStore
from bot.tg.callbacks import Press, Verb, base36
from bot.tg.delivery import Delivery
from bot.tg.errors import Rejected
from bot.tg.feature import Feature, OnPress, OnUpdate
from bot.tg.keyboards import PresetKeyboard, button
from bot.tg.picture_actions import PictureActions, target_of_press
from bot.tg.presses import Presses
from bot.tg.replies import Replies
from bot.tg.sender import Lost, target_of
from bot.tg.tasks import LatestEdit
from bot.tg.text_limits import fit

PROMPT = 700  # of the 1024 units of a caption
SKIPS = 5  # pictures that Telegram has no longer, and we neither: so many are tried for a press

_DIRECTIONS = {direction.value: direction for direction in Direction}


# What buttons do beside turning it, and what they say.
_ACTIONS = (
    {"edit": "button.edit", "again": "button.again"},
    {"file": "button.original", "delete": "button.delete"},
)


@dataclass(frozen=True, slots=True)
class HistoryMessage:
    """The message of a history; `only` is the chat whose pictures it shows, None in private."""

    chat_id: int
    message_id: int
    only: int | None
    locale: str

    @property
    def place(self) -> tuple[int, int]:
        return self.chat_id, self.message_id


@dataclass(frozen=True, slots=True)
class HistoryFeature(Feature):
    """Shows a history: of everything in private, of what was made in this chat elsewhere."""

    replies: Replies
    presses: Presses
    submit: SubmitService
    history: HistoryService
    actions: PictureActions
    sent: SentMessages
    media: MediaStore
    delivery: Delivery
    edits: LatestEdit
    presets: PresetKeyboard
    catalogue: Catalogue

    def commands(self) -> Mapping[str, OnUpdate]:
        return {"history": self.on_history}

    def callbacks(self) -> Mapping[Verb, OnPress]:
        return {Verb.HISTORY: self.on_press}

    async def on_history(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        message, command = update.message, await self.replies.command(update.message)
        if message is None or command is None:
            return
        only = _only(message)
        page = await self.history.step(command.account_id, only)
        if page is None:
            self.replies.answer(command, "history.none")
            return
        self.replies.background.run(self._open(command, only, page), "history")

    async def on_press(self, query: CallbackQuery, press: Press) -> None:
        found, history = await self._own_picture(query, press), await self._history(query)
        if found is None or press.of_picture is None or history is None:
            return
        (picture, job), word = found, press.of_picture[1]
        if picture.deleted and word not in _DIRECTIONS:
            self.presses.answer(query, "history.deleted", alert=True)
            return
        match word:
            case turn if turn in _DIRECTIONS:
                turning = partial(self._turn, history, picture, _DIRECTIONS[turn])
                self.edits.edit(*history.place, turning)
                self.presses.say(query)
            case "edit":
                await self.actions.ask_for_edit(query, picture, job)
            case "file":
                await self.actions.send_original(query, picture, target_of_press(query))
            case "again":
                await self._draw_again(query, job)
            case "delete":
                self._ask_to_delete(query, history, HistoryPage(picture, job, 0, 0))
            case "remove":
                deletion = self._delete(query, history, picture, job)
                self.replies.background.run(deletion, "deletion from a history")
            case _:
                self.presses.answer(query, "press.stale")

    async def _own_picture(self, query: CallbackQuery, press: Press) -> tuple[Picture, Job] | None:
        found = await self.submit.picture(press.of_picture[0]) if press.of_picture else None
        message = query.message
        if found is None or message is None or found[1].request.erased:
            self.presses.answer(query, "press.stale")
            return None
        picture = found[0]
        # Data can be forged: histories show the pictures of one account, those of their chat.
        shown = await self.history.shown_in(message.chat.id, message.message_id)
        elsewhere = _only(message) not in (None, picture.chat_id)
        if shown is None or shown.account_id != picture.account_id or elsewhere:
            self.presses.answer(query, "press.stale")
            return None
        own = await self.presses.may_act_for(query, picture.account_id, "history.not_yours")
        return found if own else None

    async def _draw_again(self, query: CallbackQuery, job: Job) -> None:
        """Draw a picture's request once more, below the history, wherever it was drawn at first."""
        target = target_of_press(query)
        private = query.message is not None and query.message.chat.type == ChatType.PRIVATE
        # An inline message is somewhere else: what is drawn here stays here.
        job = replace(job, private=private, inline_message_id=None)
        job = replace(job, chat_id=target.chat_id, thread_id=target.thread_id)
        if await self.actions.regenerate(query, job):
            self.presses.answer(query, "press.accepted")

    async def _history(self, query: CallbackQuery) -> HistoryMessage | None:
        message = query.message
        if message is None:
            return None
        locale = await self.replies.locale_of_press(query)
        return HistoryMessage(message.chat.id, message.message_id, _only(message), locale)

    def _ask_to_delete(
        self, query: CallbackQuery, history: HistoryMessage, page: HistoryPage
    ) -> None:
        texts = partial(self.replies.texts, history.locale)
        delete = _button(texts("button.delete_now"), page, "remove")
        keep = _button(texts("button.keep"), page, Direction.HERE)
        markup = InlineKeyboardMarkup([[delete, keep]])

        async def ask() -> None:
            with suppress(Lost):
                await self.replies.sender.edit_keyboard(*history.place, markup)

        self.edits.edit(*history.place, ask)
        self.presses.answer(query, "delete.ask")

    async def _delete(
        self, query: CallbackQuery, history: HistoryMessage, picture: Picture, job: Job
    ) -> None:
        """Take a picture out of the history, and out of its chat where Telegram lets us."""
        in_chat = True
        if picture.chat_id is not None and picture.message_id is not None:
            try:
                await self.replies.sender.delete(picture.chat_id, picture.message_id)
            except (Rejected, Unreachable):  # Telegram lets bots delete for 48 hours only
                in_chat = False
            except BotError:
                self.presses.answer(query, "error.internal", alert=True)
                raise
        await self.history.delete(picture)
        if in_chat and not job.inline_message_id:  # which stays with whom it was sent to
            self.presses.answer(query, "press.deleted")
        else:
            self.presses.answer(query, "history.deleted_here", alert=True)
        step = partial(self.history.step, picture.account_id, history.only, picture.id)
        page = await step(Direction.OLDER) or await step(Direction.NEWER)
        self.edits.edit(*history.place, partial(self._show_rest, history, page))

    async def _show_rest(self, history: HistoryMessage, page: HistoryPage | None) -> None:
        if page:
            await self._show(history, page, Direction.OLDER)
            return
        try:
            await self.replies.sender.delete(*history.place)
        except Rejected:  # it is too old for that: nothing is left to be turned to
            await self.replies.sender.edit_keyboard(*history.place, None)

    async def _open(self, command: Prompt, only: int | None, page: HistoryPage) -> None:
        """Send the history's message, which a crash leaves with a button that fills it."""
        target, locale = target_of(command), command.locale

        async def remember(message_id: int) -> None:
            await self.sent.linked(target.chat_id, message_id, page.picture.id)

        message_id = await self.replies.sender.send_once(
            target,
            self.replies.texts(locale, "history.opening"),
            opening_keyboard(self.replies.texts, locale, page),
            remember=remember,
        )
        history = HistoryMessage(target.chat_id, message_id, only, locale)
        self.edits.edit(*history.place, partial(self._show, history, page, Direction.OLDER))

    async def _turn(self, history: HistoryMessage, anchor: Picture, direction: Direction) -> None:
        """Show the next picture that can be shown; past the last one, what is there stays."""
        page = await self.history.step(anchor.account_id, history.only, anchor.id, direction)
        if page:
            onwards = direction if direction is Direction.NEWER else Direction.OLDER
            await self._show(history, page, onwards)

    async def _show(self, history: HistoryMessage, page: HistoryPage, direction: Direction) -> None:
        """Put a page into its message; what cannot be shown is passed over, in a direction."""
        found: HistoryPage | None = page
        for _ in range(SKIPS):
            if found is None:
                break
            picture = found.picture
            try:
                if await self._put(history, found):
                    await self.sent.link(*history.place, picture.id)
                    return
            except Lost:
                return
            found = await self.history.step(picture.account_id, history.only, picture.id, direction)
        await self._say_gone(history, found or page)

    async def _put(self, history: HistoryMessage, page: HistoryPage) -> bool:
        """Show a picture by Telegram's name for it, else from our files; False if there is neither.

        Raises Lost.
        """
        picture, sender, place = page.picture, self.replies.sender, history.place
        caption = self._caption(history.locale, page)
        markup = history_keyboard(self.replies.texts, history.locale, page)
        upload, file_id = self.delivery.upload(picture), picture.file_id or ""
        for photo in (True, False) if upload.fits_photo else (False,):
            if not file_id:
                break
            try:
                await sender.put_known(*place, file_id, caption, markup, photo=photo)
            except Lost:
                raise
            except Rejected:  # a document where a photo was meant, or a name of another bot's
                continue
            return True
        if await self.media.size(picture.sha256) is None:
            return False
        try:
            await sender.put_picture(*place, upload, caption, markup)
        except Lost:
            raise
        except (Rejected, FileNotFoundError):  # it was just being tidied away
            return False
        return True

    async def _say_gone(self, history: HistoryMessage, page: HistoryPage) -> None:
        texts, sender = self.replies.texts, self.replies.sender
        markup = history_keyboard(texts, history.locale, page, gone=True)
        try:
            await sender.edit(*history.place, texts(history.locale, "history.gone"), markup)
        except Rejected:  # it shows a picture: only its buttons can move on
            await sender.edit_keyboard(*history.place, markup)

    def _caption(self, locale: str, page: HistoryPage) -> str:
        request = page.job.request
        return self.replies.texts(
            locale,
            "history.caption",
            prompt=fit(self.presets.shortened(locale, request.prompt), PROMPT),
            model=self.catalogue.label(page.job.drawn_by or request.model),
            date=page.job.created_at.date().isoformat(),
            position=page.position,
        )


def _only(message: MaybeInaccessibleMessage) -> int | None:
    return None if message.chat.type == ChatType.PRIVATE else message.chat.id


def history_keyboard(
    texts: Texts, locale: str, page: HistoryPage, *, gone: bool = False
) -> InlineKeyboardMarkup:
    """Make what stands under a picture; with one that is `gone` nothing can be done."""
    turns = [_button("◀", page, Direction.NEWER)] if page.newer else []
    turns += [_button("▶", page, Direction.OLDER)] if page.older else []
    actions = [
        [_button(texts(locale, key), page, word) for word, key in row.items()] for row in _ACTIONS
    ]
    rows = [turns, *([] if gone else actions)]
    return InlineKeyboardMarkup([row for row in rows if row])


def opening_keyboard(texts: Texts, locale: str, page: HistoryPage) -> InlineKeyboardMarkup:
    """Make what opens a history that shows no picture yet."""
    show = _button(texts(locale, "button.show"), page, Direction.HERE)
    return InlineKeyboardMarkup.from_button(show)


def _button(label: str, page: HistoryPage, word: str) -> InlineKeyboardButton:
    return button(label, Verb.HISTORY, f"{base36(page.picture.id)}:{word}")
