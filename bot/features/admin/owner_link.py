"""The owner's link: who opens it first operates a bot that nobody operates yet."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any

from bot.domain import Prompt
from bot.features.admin.service import AdminService
from bot.tg.replies import Replies

SECONDS = 15 * 60.0
LENGTH = 32  # letters of a code
TRIES = 5  # wrong codes of one account; what it sends after them is not looked at
ACCOUNTS = 1000  # whose wrong codes are counted


@dataclass(slots=True)
class OwnerLink:
    """One code for a while, kept as a hash, until it is used; in whichever process that is.

    `on_owned` is run when somebody has become an operator, or is one no longer: with his id and
    locale.
    """

    service: AdminService
    replies: Replies
    on_owned: Callable[[int, str], Coroutine[Any, Any, None]] | None = field(
        default=None, init=False
    )
    _wrong: OrderedDict[int, int] = field(default_factory=OrderedDict, init=False)

    async def make(self, bot: str) -> str | None:
        """Make the link of a bot, to be shown once; None where somebody operates it already."""
        if self.replies.access.admins:
            return None
        code = secrets.token_hex(16)
        await self.service.offer(_hash(code))
        return f"https://t.me/{bot}?start={code}"

    async def open(self, command: Prompt) -> bool:
        """Take a /start with the code, and say so; False for any other, of which nothing is said.

        Raises StorageUnavailable: the link can be opened again then.
        """
        account_id = command.account_id
        if not command.private or not self._may_try(command):
            return False
        actor, age = f"telegram:{account_id}", timedelta(seconds=SECONDS)
        if not await self.service.own_by_link(actor, account_id, _hash(command.text), age):
            self._count_wrong(account_id)
            return False
        self.replies.answer(command, "operator.owner", user=account_id)
        if self.on_owned:
            owned = self.on_owned(account_id, command.locale)
            self.replies.background.run(owned, "menu of the operator")
        return True

    def _may_try(self, command: Prompt) -> bool:
        """Whether a text may be the code, of a bot that nobody operates."""
        tries = self._wrong.get(command.account_id, 0)
        may_be = len(command.text) == LENGTH and tries < TRIES
        return may_be and not self.replies.access.admins

    def _count_wrong(self, account_id: int) -> None:
        self._wrong[account_id] = self._wrong.get(account_id, 0) + 1
        if len(self._wrong) > ACCOUNTS:
            self._wrong.popitem(last=False)


def _hash(code: str) -> str:
    return sha256(code.encode()).hexdigest()
