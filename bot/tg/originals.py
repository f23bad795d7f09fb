"""Originals: a picture's untouched bytes, sent as a file for the press of a button."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain import BotError
from bot.tg import owners

if TYPE_CHECKING:
    from telegram import CallbackQuery

    from bot.domain import Picture
    from bot.tg.desk import Desk
    from bot.tg.spots import Spot


async def send(desk: Desk, query: CallbackQuery, picture: Picture, spot: Spot) -> None:
    """Send a picture's file, once for each press, or explain that it is no longer kept."""
    if not await desk.places.first_time(f"press:{query.id}"):
        return
    kept = await desk.media.size(picture.sha256) is not None
    if picture.original_file_id is None and not kept:
        owners.answer(desk, query, "press.original_gone", alert=True)
        return
    if picture.id in desk.delivery.originals:  # an impatient finger
        owners.answer(desk, query, "press.original_sent")
        return
    desk.delivery.originals.add(picture.id)
    desk.talk.start(_send(desk, query, picture, spot), "original file")


async def _send(desk: Desk, query: CallbackQuery, picture: Picture, spot: Spot) -> None:
    content = picture.original_file_id or desk.delivery.upload(picture)
    try:
        file_id = await desk.messages.send_original(spot, content)
    except BotError:
        owners.answer(desk, query, "error.internal", alert=True)
        raise
    finally:
        desk.delivery.originals.discard(picture.id)
    owners.answer(desk, query, "press.original_sent")
    if picture.original_file_id is None and file_id:
        await desk.places.original_sent(picture, file_id)
