"""History: somebody's pictures as a gallery in one message, newest first."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from telegram.constants import ChatType

from bot.features.history.service import Direction
from bot.tg import callbacks, picture_actions, picture_keyboard, preset_keyboard, replies
from bot.tg.errors import Rejected
from bot.tg.parse import account_of, thread_of
from bot.tg.sender import Lost, Target
from bot.tg.text_limits import fit

if TYPE_CHECKING:
    from telegram import CallbackQuery, Message, Update
    from telegram.ext import ContextTypes

    from bot.domain import Job, Picture
    from bot.features.desk import Desk
    from bot.features.history.service import HistoryPage
    from bot.tg.keyboards import Press

PROMPT = 700  # of the 1024 units of a caption
SKIPS = 5  # pictures that Telegram has no longer, and we neither: so many are tried for a press

_WAYS = {way.value: way for way in Direction}


async def on_history(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Open a gallery: of everything in private, of what was made in this chat elsewhere."""
    message = update.message
    account_id = account_of(message) if message else None
    if message is None or account_id is None:
        return
    page = await desk.gallery.newest(account_id, _only(message))
    locale = await replies.of_message(desk, message, account_id)
    desk.background.run(_begin(desk, message, locale, page), "history")


async def _begin(desk: Desk, message: Message, locale: str, page: HistoryPage | None) -> None:
    """Send the gallery's message, which a crash leaves with a button that fills it."""
    target = Target(message.chat.id, thread_of(message), message.message_id)
    if page is None:
        await desk.sender.say(target, desk.texts(locale, "history.none"))
        return

    async def remember(message_id: int) -> None:
        await desk.gallery.sent(target.chat_id, message_id, page.picture.id)

    message_id = await desk.sender.send_once(
        target,
        desk.texts(locale, "history.opening"),
        desk.picture_keyboard.closed_gallery(locale, page),
        remember=remember,
        above=target.reply_to,
        uncertain=False,
    )
    turn = partial(_show, desk, locale, (target.chat_id, message_id), _only(message), page)
    desk.turns.wish(target.chat_id, message_id, turn)


async def on_press(desk: Desk, query: CallbackQuery, press: Press) -> None:
    """Turn a gallery, or do something with the picture that it shows."""
    found = await _own(desk, query, press)
    message = query.message
    if found is None or message is None or press.of_picture is None:
        return
    picture, job = found
    if picture.deleted and press.of_picture[1] not in _WAYS:
        callbacks.answer(desk, query, "history.deleted", alert=True)
        return
    match press.of_picture[1]:
        case act if act in _WAYS:
            locale = await replies.of_press(desk, query)
            turn = partial(_turn, desk, query, locale, picture, _WAYS[act])
            desk.turns.wish(message.chat.id, message.message_id, turn)
            desk.background.run(desk.sender.answer(query.id), "answer to a press")
        case picture_keyboard.EDIT:
            await picture_actions.ask(desk, query, picture, job)
        case picture_keyboard.FILE:
            if target := picture_actions.spot_of(query):
                await picture_actions.send(desk, query, picture, target)
        case picture_keyboard.AGAIN:
            await _again(desk, query, job)
        case _:
            callbacks.answer(desk, query, "press.stale")


async def _again(desk: Desk, query: CallbackQuery, job: Job) -> None:
    """Draw a picture's request once more, below the gallery, wherever it was drawn at first."""
    target = picture_actions.spot_of(query)
    if target is None or query.message is None:
        return
    private = query.message.chat.type == ChatType.PRIVATE
    # An inline message is somewhere else: what is drawn here stays here.
    here = replace(
        job,
        chat_id=target.chat_id,
        thread_id=target.thread_id,
        private=private,
        inline_message_id=None,
    )
    if await picture_actions.draw(desk, query, here):
        callbacks.answer(desk, query, "press.accepted")


async def _own(desk: Desk, query: CallbackQuery, press: Press) -> tuple[Picture, Job] | None:
    """Check that a picture may be shown in this gallery, and the gallery turned by this person."""
    number = press.of_picture[0] if press.of_picture else None
    found = await desk.submit.picture(number) if number else None
    message = query.message
    if found is None or message is None or found[1].request.erased:
        callbacks.answer(desk, query, "press.stale")
        return None
    picture = found[0]
    # Data can be forged: galleries show the pictures of one account, those of their chat.
    shown = await desk.gallery.stands_for(message.chat.id, message.message_id)
    elsewhere = message.chat.type != ChatType.PRIVATE and picture.chat_id != message.chat.id
    if shown is None or shown.account_id != picture.account_id or elsewhere:
        callbacks.answer(desk, query, "press.stale")
        return None
    mine = await callbacks.may_act_for(desk, query, picture.account_id, "history.not_yours")
    return found if mine else None


async def _turn(
    desk: Desk, query: CallbackQuery, locale: str, anchor: Picture, way: Direction
) -> None:
    """Show the next picture that can be shown; past the last one, what is there stays."""
    message = query.message
    if message is None:
        return
    only = None if message.chat.type == ChatType.PRIVATE else message.chat.id
    page = await desk.gallery.step(anchor.account_id, only, anchor.id, way)
    if page:
        place = (message.chat.id, message.message_id)
        await _show(desk, locale, place, only, page, _onward(way))


def _onward(way: Direction) -> Direction:
    return Direction.NEWER if way is Direction.NEWER else Direction.OLDER


async def _show(
    desk: Desk,
    locale: str,
    place: tuple[int, int],
    only: int | None,
    page: HistoryPage,
    way: Direction = Direction.OLDER,
) -> None:
    """Put a page into a gallery's message; what cannot be shown is passed over, `way` onwards."""
    found: HistoryPage | None = page
    for _ in range(SKIPS):
        if found is None:
            break
        try:
            if await _put(desk, locale, place, found):
                await desk.gallery.stands(*place, found.picture.id)
                return
        except Lost:
            return
        picture = found.picture
        found = await desk.gallery.step(picture.account_id, only, picture.id, way)
    await _say_gone(desk, locale, place, found or page)


async def _put(desk: Desk, locale: str, place: tuple[int, int], page: HistoryPage) -> bool:
    """Show a picture by Telegram's name for it, else from our files; False if there is neither."""
    picture = page.picture
    caption, markup = _caption(desk, locale, page), desk.picture_keyboard.gallery(locale, page)
    upload = desk.delivery.upload(picture)
    kinds = (True, False) if upload.fits_photo else (False,)
    for photo in kinds if picture.file_id else ():
        try:
            await desk.sender.put_known(
                *place, str(picture.file_id), caption, markup, photo=photo
            )
        except Lost:
            raise
        except Rejected:  # a document where a photo was meant, or a name of another bot's
            continue
        return True
    if await desk.media.size(picture.sha256) is None:
        return False
    try:
        await desk.sender.put_picture(*place, upload, caption, markup)
    except Lost:
        raise
    except (Rejected, FileNotFoundError):  # it was just being tidied away
        return False
    return True


async def _say_gone(desk: Desk, locale: str, place: tuple[int, int], page: HistoryPage) -> None:
    """Say in the gallery that the pictures here are gone; its buttons lead past them."""
    text, markup = desk.texts(locale, "history.gone"), desk.picture_keyboard.gallery(locale, page, gone=True)
    try:
        await desk.sender.edit(*place, text, markup)
    except Rejected:  # it shows a picture: only its buttons can move on
        await desk.sender.rekey(*place, markup)


def _caption(desk: Desk, locale: str, page: HistoryPage) -> str:
    job = page.job
    profile = desk.catalogue.get(job.request.model)
    return desk.texts(
        locale,
        "history.caption",
        prompt=fit(preset_keyboard.short(desk, locale, job.request.prompt), PROMPT),
        model=profile.label if profile else job.request.model,
        date=job.created_at.date().isoformat(),
    )


def _only(message: Message) -> int | None:
    return None if message.chat.type == ChatType.PRIVATE else message.chat.id
