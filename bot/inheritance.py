"""Inheritance: a topic's choices beat its chat's, these a user's own, these the default."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from bot.domain import Level, Preferences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.domain import Ask, Job, Rewrite, Wish
    from bot.storage.transaction import Transaction

# What is a group's only: nothing of it is inherited from users or by topics.
OF_GROUPS = frozenset({"prefix", "member_day", "chat_day"})
FIELDS = tuple(field.name for field in fields(Preferences))


def levels(account_id: int, chat_id: int, thread_id: int | None = None) -> list[Level]:
    """List the levels that hold for somebody somewhere, the strongest first."""
    topic = [Level(chat_id, thread_id)] if thread_id else []
    own = [Level(account_id)] if account_id != chat_id else []
    return [*topic, Level(chat_id), *own]


async def chosen(tx: Transaction, asked: Wish | Ask | Job | Rewrite) -> Preferences:
    """Read what holds for whoever asks, where he asks."""
    asking = levels(asked.account_id, asked.chat_id, asked.thread_id)
    if getattr(asked, "inline_message_id", None):  # its chat is the storage chat
        asking = [Level(asked.account_id)]
    return merged(await tx.preferences.levels(asking))


def merged(chosen: Sequence[Preferences]) -> Preferences:
    """Take each choice from the strongest level that has one."""
    held = {name: source(chosen, name) for name in FIELDS}
    return Preferences(
        **{name: getattr(chosen[at], name) for name, at in held.items() if at is not None}
    )


def source(chosen: Sequence[Preferences], name: str) -> int | None:
    """Tell which of these levels, the strongest first, decides on a field; None if none does."""
    return next((n for n, one in enumerate(chosen) if getattr(one, name) is not None), None)
