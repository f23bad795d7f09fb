"""Albums: photos that come one message at a time and are one prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.pending import Prompt, Reply
from bot.domain.pictures import Source


@dataclass(frozen=True, slots=True)
class AlbumItem:
    """One message of an album, as it waits for the others.

    `addressed` says whether this message alone would be for the bot; `prompt` is its caption
    without command and mention, `reply_id` the message that it replies to.
    """

    chat_id: int
    group_id: str
    message_id: int
    account_id: int
    source: Source
    prompt: str
    addressed: bool
    locale: str
    arrived_at: datetime
    thread_id: int | None = None
    private: bool = True
    reply_id: int | None = None


def merge_album(items: Sequence[AlbumItem]) -> Prompt:
    """Make one prompt of an album: all pictures in order, the caption from whichever item has one."""
    first = items[0]
    reply_id = next((item.reply_id for item in items if item.reply_id), None)
    return Prompt(
        account_id=first.account_id,
        chat_id=first.chat_id,
        thread_id=first.thread_id,
        message_id=first.message_id,
        text=next((item.prompt for item in items if item.prompt), ""),
        locale=first.locale,
        private=first.private,
        sources=tuple(item.source for item in items),
        reply=Reply(reply_id) if reply_id else None,
    )
