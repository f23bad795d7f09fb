"""Pending prompts: what waits for its words, for a photo, or for a model that can draw it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain import PendingPrompt
from bot.jobs.options import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.domain import Prompt
    from bot.jobs.options import ModelOptions
    from bot.jobs.preferences import PreferenceService
    from bot.storage.engine import Store
    from bot.storage.transaction import Transaction

LIFETIME = timedelta(hours=24)


def worded_key(pending: PendingPrompt) -> str:
    """Name the fact that pictures have their words by a press, and not from their caption."""
    return f"worded:{pending.chat_id}:{pending.message_id}"


@dataclass(frozen=True, slots=True)
class PendingService:
    """Looks pending prompts up as long as they live, and notes where they were asked about."""

    store: Store
    options: ModelOptions
    preferences: PreferenceService
    clock: Callable[[], datetime]

    async def get(self, chat_id: int, message_id: int) -> PendingPrompt | None:
        return await self.store.read(self._get, chat_id, message_id)

    def _get(self, tx: Transaction, chat_id: int, message_id: int) -> PendingPrompt | None:
        return tx.questions.get(chat_id, message_id, self.clock() - LIFETIME)

    async def expects(self, prompt: Prompt) -> bool:
        """Whether a prompt replies to a question that asks this account for a photo or words."""
        return prompt.reply is not None and await self.store.read(self._expects, prompt)

    def _expects(self, tx: Transaction, prompt: Prompt) -> bool:
        question_id = prompt.reply.message_id if prompt.reply else 0
        question = (prompt.account_id, prompt.chat_id, question_id)
        return tx.questions.expecting(*question, self.clock() - LIFETIME) is not None

    async def expect(
        self,
        account_id: int,
        chat_id: int,
        thread_id: int | None,
        question_id: int,
        text: str,
        *,
        locale: str,
        private: bool,
    ) -> None:
        """Keep that a reply to a question, which was sent just now, brings what `text` lacks."""
        pending = PendingPrompt(
            account_id=account_id,
            chat_id=chat_id,
            thread_id=thread_id,
            message_id=question_id,
            sources=(),
            asked_at=self.clock(),
            locale=locale,
            private=private,
            question_id=question_id,
            prompt=text,
        )
        await self.store.write(self._expect, pending)

    def _expect(self, tx: Transaction, pending: PendingPrompt) -> None:
        tx.messages.add(pending.chat_id, pending.message_id, self.clock())
        tx.questions.expect(pending)

    async def questioned(self, pending: PendingPrompt, question_id: int) -> None:
        """Note the message, sent just now, in which the bot asks about pictures."""
        await self.store.write(self._questioned, pending, question_id)

    def _questioned(self, tx: Transaction, pending: PendingPrompt, question_id: int) -> None:
        tx.messages.add(pending.chat_id, question_id, self.clock())
        tx.questions.shown(pending, question_id)

    async def unsupported(self, pending: PendingPrompt) -> Unsupported | None:
        """Tell why a prompt that has its words waits, and for which models; None for all others."""
        if not pending.prompt:
            return None
        preferences = await self.store.read(self.preferences.in_force, pending)
        flags = self.options.parse(pending.prompt)
        options = self.options.resolve(flags, preferences, earlier=pending.flags)
        if unsupported := self.options.unsupported(options, pending.sources):
            return unsupported
        able = self.options.able(len(pending.sources), mask=options.mask)
        return Unsupported(None, options.profile, able)

    async def unasked(self) -> list[PendingPrompt]:
        """List the questions that a crash kept the bot from asking."""
        return await self.store.read(lambda tx: tx.questions.unasked(self.clock() - LIFETIME))
