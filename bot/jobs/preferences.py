"""What users, chats and topics have chosen for their pictures, and which choice is in force."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from bot.domain import Enhancement, Job, PendingPrompt, Preferences, Prompt, Scope
from bot.storage.engine import Store
from bot.storage.notices import Topic
from bot.storage.transaction import Transaction

REMEMBERED = 10_000  # scopes whose choices are kept at hand: groups ask with every message

# What is a group's only: nothing of it is inherited from users or by topics.
OF_GROUPS = frozenset({"prefix", "member_day", "chat_day"})
FIELDS = tuple(one.name for one in fields(Preferences))


@dataclass(slots=True)
class PreferenceService:
    """Reads and keeps choices; what is chosen was offered, so it is not checked.

    What was read stays true until it is written here, until others tell that they have written, or
    until `forget`.
    """

    store: Store
    _known: OrderedDict[Scope, Preferences] = field(default_factory=OrderedDict)
    _changes: int = 0

    def __post_init__(self) -> None:
        self.store.notices.on(Topic.PREFERENCES, self._chosen_elsewhere)

    async def of(self, account_id: int) -> Preferences:
        (own,) = await self.scopes([Scope(account_id)])
        return own

    async def at(self, account_id: int, chat_id: int, thread_id: int | None) -> Preferences:
        return merged(await self.scopes(scopes(account_id, chat_id, thread_id)))

    async def scopes(self, wanted: Sequence[Scope]) -> list[Preferences]:
        known = [self._known[scope] for scope in wanted if scope in self._known]
        if len(known) == len(wanted):
            return known
        changes = self._changes
        read = await self.store.read(lambda tx: tx.preferences.of_scopes(wanted))
        if changes == self._changes:  # nobody has written meanwhile
            self._remember(wanted, read)
        return read

    @staticmethod
    def in_force(tx: Transaction, item: Prompt | PendingPrompt | Job | Enhancement) -> Preferences:
        """The preferences in force for the account of an item, where it was written."""
        if getattr(item, "inline_message_id", None):  # its chat is the storage chat
            return merged(tx.preferences.of_scopes([Scope(item.account_id)]))
        levels = scopes(item.account_id, item.chat_id, item.thread_id)
        return merged(tx.preferences.of_scopes(levels))

    async def choose(self, scope: Scope, name: str, value: str | int | None) -> None:
        """Keep a choice; None goes back to what is inherited."""

        def choose(tx: Transaction) -> None:
            tx.preferences.choose(scope, name, value)
            tx.notify(Topic.PREFERENCES)

        try:
            await self.store.write(choose)
        finally:
            self.forget()

    def forget(self) -> None:
        """Read anew: something was written."""
        self._changes += 1
        self._known.clear()

    async def _chosen_elsewhere(self, _payload: str | None) -> None:
        self.forget()

    def _remember(self, read: Sequence[Scope], found: Sequence[Preferences]) -> None:
        self._known.update(zip(read, found, strict=True))
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def scopes(account_id: int, chat_id: int, thread_id: int | None = None) -> list[Scope]:
    """List the scopes that hold for somebody somewhere, the strongest first.

    A topic's choices beat its chat's, these a user's own.
    """
    topic = [Scope(chat_id, thread_id)] if thread_id else []
    own = [Scope(account_id)] if account_id != chat_id else []
    return [*topic, Scope(chat_id), *own]


def merged(levels: Sequence[Preferences]) -> Preferences:
    """Take each preference from the strongest level, which is the first, that has it."""
    values = {}
    for one in reversed(levels):
        for name in FIELDS:
            if (value := getattr(one, name)) is not None:
                values[name] = value
    return Preferences(**values)


def deciding_scope(levels: Sequence[Preferences], name: str) -> int | None:
    """Which of these scopes, the strongest first, decides on a field; None if none does."""
    return next((n for n, one in enumerate(levels) if getattr(one, name) is not None), None)
