"""What the bot says of an album once it is closed, and of a picture that missed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain import LimitReached
from bot.tg import blind_spots
from bot.tg.prompts import limit_text, reply, respond

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.albums import Closed
    from bot.tg.desk import Desk
    from bot.tg.incoming import Incoming


def speakers(desk: Desk) -> tuple[Callable[[Closed], None], Callable[[Incoming], None]]:
    """Make what the album timers call."""

    def closed(album: Closed) -> None:
        if isinstance(album.submission, LimitReached):
            reply(desk, album.wish, limit_text(desk, album.wish.locale, album.submission))
        else:
            respond(desk, album.wish, album.submission)
            if len(album.wish.sources) == 1:  # there is no album of one
                blind_spots.explain(desk, album.wish)

    def late(incoming: Incoming) -> None:
        wish = incoming.wish
        if incoming.addressed:
            reply(desk, wish, desk.texts(wish.locale, "album.late"))

    return closed, late
