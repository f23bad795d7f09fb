"""Updates as Telegram sends them, each parsed by itself.

PTB parses a batch as a whole: one update of a newer Bot API would keep the others from everybody,
poll after poll, and PTB's log would show what people wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from time import time
from typing import Any

import structlog
from telegram import Bot, Update
from telegram.error import TelegramError

log = structlog.get_logger(__name__)

ANSWER_SECONDS = 10  # for an answer, beyond what a poll waits
KINDS = (
    "message",
    "channel_post",
    "edited_message",
    "edited_channel_post",
    "callback_query",
    "my_chat_member",
    "inline_query",
    "chosen_inline_result",
    "guest_message",
)
NEW_MESSAGES = ("message", "channel_post")
# Beyond any message id of Telegram's, and beyond what a migration makes of them.
UNNUMBERED = 1 << 41
MOST_NAMES, LONGEST_NAME = 40, 40


@dataclass(frozen=True, slots=True)
class UnreadUpdate:
    """What is said of an update that cannot be read: names of fields, and nothing that is in them."""

    update_id: int
    names: tuple[str, ...]
    error: str

    def tell(self, count: int) -> None:
        """Log that it is passed over, as the `count`th since the start."""
        log.error(
            "an update cannot be read, and is passed over",
            update=self.update_id,
            fields=self.names,
            error=self.error,
            count=count,
        )


def chat_of(update: Update) -> int:
    """Tell in which chat it is, or of whom; 0 for none."""
    chat, user = update.effective_chat, update.effective_user
    return chat.id if chat else user.id if user else 0


def age_of(update: Update) -> float | None:
    """Tell how many seconds ago a new message was written; None of everything else."""
    written = update.message or update.channel_post
    return max(0.0, time() - written.date.timestamp()) if written else None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one poll brought; `offset` confirms all of it, None where it is nothing."""

    updates: tuple[Update, ...]
    unread: tuple[UnreadUpdate, ...] = ()
    offset: int | None = None


async def fetch(bot: Bot, offset: int | None, seconds: int, limit: int = 100) -> list[Any]:
    """Poll for updates, as they are; raises TelegramError."""
    asked = {"offset": offset, "limit": limit, "timeout": seconds, "allowed_updates": KINDS}
    raw = await bot._post(  # noqa: SLF001 - PTB's own get_updates parses them all or none
        "getUpdates", asked, read_timeout=ANSWER_SECONDS + seconds
    )
    if not isinstance(raw, list):
        raise TelegramError("getUpdates did not answer with a list")
    return raw


def parse(raw: list[Any], bot: Bot) -> Batch:
    """Read updates; raises TelegramError where there are none with a number to be confirmed by."""
    updates, unread = [], []
    offset: int | None = None
    for one in raw:
        if not isinstance(one, dict) or not isinstance(number := one.get("update_id"), int):
            continue
        offset = max(offset or 0, number + 1)
        try:
            updates.append(Update.de_json(_numbered(one, number), bot))
        except Exception as error:  # noqa: BLE001 - whatever PTB makes of what it does not know
            unread.append(UnreadUpdate(number, tuple(_names(one)), _kind_of(error)))
    if raw and offset is None:
        raise TelegramError("getUpdates answered with what are no updates")
    return Batch(tuple(updates), tuple(unread), offset)


def _numbered(raw: dict[str, Any], number: int) -> dict[str, Any]:
    """Give a message without a number of its own one that no other has, below zero.

    An ephemeral message has the number 0, as each of them: they would be taken for one. Whoever
    finds a negative number does not reply to it.
    """
    for kind in NEW_MESSAGES:
        message = raw.get(kind)
        if message and message.get("message_id") == 0:
            return raw | {kind: message | {"message_id": -(UNNUMBERED + number)}}
    return raw


def _names(raw: dict[str, Any]) -> Iterator[str]:
    names = (
        f"{kind}.{name}" if isinstance(value, dict) else kind
        for kind, value in raw.items()
        for name in (value if isinstance(value, dict) else (kind,))
        if kind != "update_id"
    )
    for name, _ in zip(names, range(MOST_NAMES), strict=False):
        yield _plain(name)[:LONGEST_NAME]


def _kind_of(error: Exception) -> str:
    """Name an error, without what people wrote: only these texts speak of types and fields alone."""
    name = type(error).__name__
    field = isinstance(error, KeyError) and re.fullmatch(r"'[a-z_]+'", str(error))
    return _plain(f"{name}: {error}")[:200] if field or isinstance(error, TypeError) else name


def _plain(text: str) -> str:
    """Leave what any database takes."""
    return re.sub(r"[^ -~]", "?", text)
