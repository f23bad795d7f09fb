"""/history: somebody's pictures in one message, the newest first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from telegram.constants import ChatType

from bot.features.history import keyboard
from bot.features.history.service import Direction
from bot.tg.callbacks import Verb
from bot.tg.errors import Rejected
from bot.tg.feature import Feature
from bot.tg.picture_actions import target_of_press
from bot.tg.sender import Lost
from bot.tg.text_limits import fit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telegram import CallbackQuery, MaybeInaccessibleMessage, Update
    from telegram.ext import ContextTypes

    from bot.catalogue.models import Catalogue
    from bot.domain import Job, Picture
    from bot.features.history.service import HistoryPage, HistoryService
    from bot.jobs.messages import SentMessages
    from bot.jobs.submit import SubmitService
    from bot.media.store import MediaStore
    from bot.tg.callbacks import Press
    from bot.tg.delivery import Delivery
    from bot.tg.feature import OnPress, OnUpdate
    from bot.tg.keyboards import PresetKeyboard
    from bot.tg.picture_actions import PictureActions
    from bot.tg.presses import Presses
    from bot.tg.replies import Replies
    from bot.tg.sender import Target
    from bot.tg.tasks import LatestEdit

PROMPT = 700  # of the 1024 units of a caption
SKIPS = 5  # pictures that Telegram has no longer, and we neither: so many are tried for a press

_DIRECTIONS = {direction.value: direction for direction in Direction}


@dataclass(frozen=True, slots=True)
class HistoryMessage:
    """Where a history stands, and in which language; in private, `only` no chat's pictures."""

    chat_id: int
    message_id: int
    only: int | None
    locale: str


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
        message, asker = update.message, await self.replies.asker(update.message)
        if message is None or asker is None:
            return
        only = _only(message)
        page = await self.history.newest(asker.account_id, only)
        if page is None:
            self.replies.say(asker.target, self.replies.texts(asker.locale, "history.none"))
            return
        opening = self._open(asker.target, asker.locale, only, page)
        self.replies.background.run(opening, "history")

    async def on_press(self, query: CallbackQuery, press: Press) -> None:
        """Turn a history, or do something with the picture that it shows."""
        found = await self._own_picture(query, press)
        if found is None or press.of_picture is None or query.message is None:
            return
        (picture, job), word = found, press.of_picture[1]
        if picture.deleted and word not in _DIRECTIONS:
            self.presses.answer(query, "history.deleted", alert=True)
            return
        match word:
            case turn if turn in _DIRECTIONS:
                locale = await self.replies.locale_of_press(query)
                here = (query.message.chat.id, query.message.message_id)
                where = HistoryMessage(*here, _only(query.message), locale)
                self.edits.edit(*here, partial(self._turn, where, picture, _DIRECTIONS[turn]))
                self.presses.say(query)
            case keyboard.EDIT:
                await self.actions.ask_for_edit(query, picture, job)
            case keyboard.FILE:
                await self.actions.send_original(query, picture, target_of_press(query))
            case keyboard.AGAIN:
                await self._draw_again(query, job)
            case _:
                self.presses.answer(query, "press.stale")

    async def _own_picture(self, query: CallbackQuery, press: Press) -> tuple[Picture, Job] | None:
        """Check that a picture may be shown in this history, and the history turned by this person."""
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
        here = replace(
            job,
            chat_id=target.chat_id,
            thread_id=target.thread_id,
            private=private,
            inline_message_id=None,
        )
        if await self.actions.regenerate(query, here):
            self.presses.answer(query, "press.accepted")

    async def _open(self, target: Target, locale: str, only: int | None, page: HistoryPage) -> None:
        """Send the history's message, which a crash leaves with a button that fills it."""

        async def remember(message_id: int) -> None:
            await self.sent.linked(target.chat_id, message_id, page.picture.id)

        message_id = await self.replies.sender.send_once(
            target,
            self.replies.texts(locale, "history.opening"),
            keyboard.closed(self.replies.texts, locale, page),
            remember=remember,
        )
        where = HistoryMessage(target.chat_id, message_id, only, locale)
        show = partial(self._show, where, page, Direction.OLDER)
        self.edits.edit(target.chat_id, message_id, show)

    async def _turn(self, where: HistoryMessage, anchor: Picture, direction: Direction) -> None:
        """Show the next picture that can be shown; past the last one, what is there stays."""
        page = await self.history.step(anchor.account_id, where.only, anchor.id, direction)
        if page:
            onwards = direction if direction is Direction.NEWER else Direction.OLDER
            await self._show(where, page, onwards)

    async def _show(self, where: HistoryMessage, page: HistoryPage, direction: Direction) -> None:
        """Put a page into its message; what cannot be shown is passed over, in a direction."""
        found: HistoryPage | None = page
        for _ in range(SKIPS):
            if found is None:
                break
            picture = found.picture
            try:
                if await self._put(where, found):
                    await self.sent.link(where.chat_id, where.message_id, picture.id)
                    return
            except Lost:
                return
            found = await self.history.step(picture.account_id, where.only, picture.id, direction)
        await self._say_gone(where, found or page)

    async def _put(self, where: HistoryMessage, page: HistoryPage) -> bool:
        """Show a picture by Telegram's name for it, else from our files; False if there is neither.

        Raises Lost.
        """
        picture, sender = page.picture, self.replies.sender
        here, caption = (where.chat_id, where.message_id), self._caption(where.locale, page)
        markup = keyboard.opened(self.replies.texts, where.locale, page)
        upload = self.delivery.upload(picture)
        for photo in ((True, False) if upload.fits_photo else (False,)) if picture.file_id else ():
            try:
                await sender.put_known(*here, picture.file_id or "", caption, markup, photo=photo)
            except Lost:
                raise
            except Rejected:  # a document where a photo was meant, or a name of another bot's
                continue
            return True
        if await self.media.size(picture.sha256) is None:
            return False
        try:
            await sender.put_picture(*here, upload, caption, markup)
        except Lost:
            raise
        except (Rejected, FileNotFoundError):  # it was just being tidied away
            return False
        return True

    async def _say_gone(self, where: HistoryMessage, page: HistoryPage) -> None:
        """Say that the pictures here are gone; the buttons lead past them."""
        here, sender = (where.chat_id, where.message_id), self.replies.sender
        markup = keyboard.opened(self.replies.texts, where.locale, page, gone=True)
        try:
            await sender.edit(*here, self.replies.texts(where.locale, "history.gone"), markup)
        except Rejected:  # it shows a picture: only its buttons can move on
            await sender.edit_keyboard(*here, markup)

    def _caption(self, locale: str, page: HistoryPage) -> str:
        request = page.job.request
        profile = self.catalogue.get(request.model)
        return self.replies.texts(
            locale,
            "history.caption",
            prompt=fit(self.presets.shortened(locale, request.prompt), PROMPT),
            model=profile.label if profile else request.model,
            date=page.job.created_at.date().isoformat(),
        )


def _only(message: MaybeInaccessibleMessage) -> int | None:
    return None if message.chat.type == ChatType.PRIVATE else message.chat.id
