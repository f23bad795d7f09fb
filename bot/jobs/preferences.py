"""What users, chats and topics have chosen for their pictures."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import fields
from typing import TYPE_CHECKING

from bot.domain import Preferences, Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.domain import Enhancement, Job, PendingPrompt, Prompt
    from bot.storage.engine import Store
    from bot.storage.transaction import Transaction


REMEMBERED = 10_000  # levels whose choices are kept at hand: groups ask with every message


class PreferenceService:
    """Reads and keeps choices; what is chosen was offered, so it is not checked.

    One process has the database for itself, so what was read stays true until it is written here,
    or until `forget`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[Scope, Preferences] = OrderedDict()
        self._changes = 0

    async def of(self, account_id: int) -> Preferences:
        """Tell what an account itself has chosen."""
        (own,) = await self.levels([Scope(account_id)])
        return own

    async def at(self, account_id: int, chat_id: int, thread_id: int | None) -> Preferences:
        """Tell what holds for somebody somewhere."""
        return merged(await self.levels(levels(account_id, chat_id, thread_id)))

    async def levels(self, levels: Sequence[Scope]) -> list[Preferences]:
        """Tell what was chosen on each of at most three levels."""
        known = [self._known.get(level) for level in levels]
        if None not in known:
            return [one for one in known if one is not None]
        changes = self._changes
        async with self._store.reading() as tx:
            read = await tx.preferences.levels(levels)
        if changes == self._changes:  # nobody has written meanwhile
            self._remember(levels, read)
        return read

    async def choose(self, level: Scope, field: str, value: str | int | None) -> None:
        """Keep a choice; None goes back to what is inherited."""
        try:
            async with self._store.transaction() as tx:
                await tx.preferences.choose(level, field, value)
        finally:
            self.forget()

    def forget(self) -> None:
        """Read anew: something was written."""
        self._changes += 1
        self._known.clear()

    def _remember(self, levels: Sequence[Scope], read: Sequence[Preferences]) -> None:
        self._known.update(zip(levels, read, strict=True))
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


# What is a group's only: nothing of it is inherited from users or by topics.
OF_GROUPS = frozenset({"prefix", "member_day", "chat_day"})
FIELDS = tuple(field.name for field in fields(Preferences))


def levels(account_id: int, chat_id: int, thread_id: int | None = None) -> list[Scope]:
    """List the levels that hold for somebody somewhere, the strongest first."""
    topic = [Scope(chat_id, thread_id)] if thread_id else []
    own = [Scope(account_id)] if account_id != chat_id else []
    return [*topic, Scope(chat_id), *own]


async def chosen(tx: Transaction, asked: Prompt | PendingPrompt | Job | Enhancement) -> Preferences:
    """Read what holds for whoever asks, where he asks."""
    asking = levels(asked.account_id, asked.chat_id, asked.thread_id)
    if getattr(asked, "inline_message_id", None):  # its chat is the storage chat
        asking = [Scope(asked.account_id)]
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
