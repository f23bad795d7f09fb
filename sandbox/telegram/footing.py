"""The bot's footing in a room: what it may do there, in one word that the page shows and changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from .chats import Chat
    from .room import Room

Footing = Literal["administrator", "member", "photoless", "muted", "out"]
_IN_CHANNELS = {"administrator", "out"}


def footing(chat: Chat, bot_id: int) -> Footing:
    """Tell what the bot may do in a group or channel."""
    match chat.standing(bot_id):
        case "creator" | "administrator":
            return "administrator"
        case "restricted":
            return "muted"
        case "member":
            return "photoless" if chat.photos_forbidden else "member"
        case _:
            return "out"


def put(room: Room, wanted: str) -> None:
    """Give the bot another footing, in the steps in which an administrator would.

    Raises `ValueError` for a footing that there is not, or not in such a room.
    """
    chat = room.chat
    if chat.is_direct or wanted not in (
        _IN_CHANNELS if chat.type == "channel" else get_args(Footing)
    ):
        raise ValueError(f"the bot cannot be {wanted} here")
    now = room.footing
    if wanted == now:
        return
    if now == "out":
        room.add_bot()
    chat.photos_forbidden = wanted == "photoless"
    _take_effect(room, wanted)


def _take_effect(room: Room, wanted: str) -> None:
    if wanted == room.footing:
        return
    match wanted:
        case "administrator":
            room.promote_bot()
        case "muted":
            room.mute_bot()
        case "out":
            room.remove_bot()
        case _:
            room.demote_bot()
