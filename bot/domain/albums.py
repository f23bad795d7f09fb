"""Albums: what comes in several messages and is one prompt; photos, mostly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.pending import Prompt, Reply
from bot.domain.pictures import Source

TEXT_GROUP = "+"  # how the groups of messages begin that Telegram has not grouped


@dataclass(frozen=True, slots=True)
class AlbumItem:
    """One message of an album, as it waits for the others.

    `addressed` says whether this message alone would be for the bot; `prompt` is its caption
    without command and mention, `reply_id` the message that it replies to. Without a `source` it is
    a text whose prompt goes on in further messages: `sent_at` by Telegram's clock, `separator` is
    what stood between it and the text before, `full` that nothing may have stood behind it.
    """

    chat_id: int
    group_id: str
    message_id: int
    account_id: int
    source: Source | None
    prompt: str
    addressed: bool
    locale: str
    arrived_at: datetime
    thread_id: int | None = None
    private: bool = True
    reply_id: int | None = None
    reply_source: Source | None = None
    sent_at: datetime | None = None
    separator: str = ""
    full: bool = False

    @property
    def album(self) -> tuple[int, str]:
        return self.chat_id, self.group_id


def merge_album(items: Sequence[AlbumItem]) -> Prompt:
    """Make one prompt of an album: all pictures in order, and their words.

    These are all texts there are, else the caption from whichever item has one.
    """
    first = items[0]
    replies = [item for item in items if item.reply_id is not None]
    return Prompt(
        account_id=first.account_id,
        chat_id=first.chat_id,
        thread_id=first.thread_id,
        message_id=first.message_id,
        text=_text(items),
        locale=first.locale,
        private=first.private,
        sources=tuple(item.source for item in items if item.source),
        reply=Reply(replies[0].reply_id or 0, replies[0].reply_source) if replies else None,
    )


def _text(items: Sequence[AlbumItem]) -> str:
    texts = [item for item in items if item.source is None]
    if not texts:
        return next((item.prompt for item in items if item.prompt), "")
    return "".join(f"{item.separator}{item.prompt}" for item in texts).strip()
