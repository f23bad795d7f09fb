"""The owner's link: who opens it first operates a bot that nobody operates yet."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from bot.domain import Prompt, StorageUnavailable
from bot.features.admin.service import AdminService
from bot.tg.replies import Replies

SECONDS = 15 * 60.0
TRIES = 5  # wrong codes of one account; what it sends after them is not looked at
ACCOUNTS = 1000  # whose wrong codes are counted


@dataclass(slots=True)
class OwnerLink:
    """Holds one code for a while, as a hash, until it is used; `clock` in seconds.

    `on_owned` is run when somebody has become an operator, or is one no longer: with his id and
    locale.
    """

    service: AdminService
    replies: Replies
    clock: Callable[[], float]
    on_owned: Callable[[int, str], Coroutine[Any, Any, None]] | None = field(
        default=None, init=False
    )
    _hash: bytes | None = field(default=None, init=False)
    _until: float = field(default=0.0, init=False)
    _wrong: OrderedDict[int, int] = field(default_factory=OrderedDict, init=False)

    def make(self, bot: str) -> str | None:
        """Make the link of a bot, to be shown once; None where somebody operates it already."""
        if self.replies.access.admins:
            return None
        code = secrets.token_hex(16)
        self._hash, self._until = _hash(code), self.clock() + SECONDS
        return f"https://t.me/{bot}?start={code}"

    async def open(self, command: Prompt) -> bool:
        """Take a /start with the code, and say so; False for any other, of which nothing is said.

        Raises StorageUnavailable: the link can be opened again then.
        """
        kept = self._hash
        if not command.private or not command.text or kept is None or not self._fits(command):
            return False
        self._hash = None  # before anything is waited for: nobody else may use it
        try:
            await self.service.own(f"telegram:{command.account_id}", command.account_id)
        except StorageUnavailable:
            self._hash = kept
            raise
        self.replies.answer(command, "operator.owner", user=command.account_id)
        if self.on_owned:
            owned = self.on_owned(command.account_id, command.locale)
            self.replies.background.run(owned, "menu of the operator")
        return True

    def _fits(self, command: Prompt) -> bool:
        wrong = self._wrong.get(command.account_id, 0)
        if wrong >= TRIES or self.clock() > self._until or self._hash is None:
            return False
        if compare_digest(_hash(command.text), self._hash):
            return True
        self._wrong[command.account_id] = wrong + 1
        if len(self._wrong) > ACCOUNTS:
            self._wrong.popitem(last=False)
        return False


def _hash(code: str) -> bytes:
    return sha256(code.encode()).digest()
