"""Inline messages: pictures in chats where the bot is not, or not yet.

A job whose picture belongs into such a message has its id, and the storage chat as its chat: there
the picture is uploaded, since an inline message takes only what Telegram has already. The prompt
has no message of its own that the bot could name, so a number below zero, which no message has,
stands for it; it is the same number each time that Telegram tells of it.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.domain import Draft

GUEST = "guest:"  # before a guest query's id, until its answer has become a message


def number_of(name: str) -> int:
    """Give an inline message, or what asks for one, a number below zero of 56 bits."""
    return -1 - int.from_bytes(blake2b(name.encode(), digest_size=7).digest())


def placed(draft: Draft, message_id: str, newest: int) -> Draft:
    """Draft a job for an inline message; `newest` is the storage chat's newest message."""
    return replace(draft, inline_message_id=message_id, after_message_id=newest)
