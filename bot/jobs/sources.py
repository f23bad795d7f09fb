"""What a prompt works on: pictures that were sent with it, replied to, or left waiting for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.catalogue.presets import Preset
from bot.domain import PendingPrompt, Source

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain import Prompt, Reply
    from bot.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class FoundSources:
    """Pictures, the one of ours that they come from, and flags that were written with them.

    `pending_id` is the message under which they waited for this prompt's words.
    """

    sources: tuple[Source, ...] = ()
    parent_picture_id: int | None = None
    flags: str = ""
    pending_id: int | None = None

    @classmethod
    def of(cls, pending: PendingPrompt) -> FoundSources:
        return cls(pending.sources, pending.parent_picture_id, pending.flags)


def complete(tx: Transaction, prompt: Prompt, not_before: datetime) -> Prompt | PendingPrompt:
    """Put a reply to the question of a preset into that preset's prompt.

    What is pending for a photo is given back where the reply brings words alone.
    """
    if prompt.reply is None:
        return prompt
    question = (prompt.account_id, prompt.chat_id, prompt.reply.message_id)
    pending = tx.questions.expecting(*question, not_before)
    if pending is None:
        return prompt
    preset = Preset("", pending.prompt)
    if not preset.from_words and not prompt.sources:
        return pending
    if preset.from_words and not prompt.text:
        return prompt
    return replace(prompt, text=preset.asking(prompt.text), reply=None)


def is_about_pictures(tx: Transaction, prompt: Prompt, not_before: datetime) -> bool:
    """Whether a prompt is about pictures, or an answer to the bot; nothing is taken from anywhere."""
    if prompt.sources or (prompt.reply and prompt.reply.source):
        return True
    if prompt.reply is None:
        here = (prompt.account_id, prompt.chat_id, prompt.thread_id)
        return tx.questions.waits(*here, not_before)
    replied = (prompt.chat_id, prompt.reply.message_id)
    return bool(
        tx.questions.replied(prompt.account_id, *replied, not_before)
        or tx.pictures.at(*replied)
        or tx.pictures.linked(*replied)
    )


def find_sources(
    tx: Transaction, prompt: Prompt, not_before: datetime, *, takes_pending: bool
) -> FoundSources:
    """Find a prompt's pictures: its own, else the replied one, else those that wait for words.

    Those that wait, since `not_before` at most, are taken, unless the prompt has no words itself.
    """
    if prompt.sources:
        return FoundSources(prompt.sources)
    if prompt.reply and (replied := _replied(tx, prompt, prompt.reply, not_before)):
        return replied
    if not takes_pending:
        return FoundSources()
    here = (prompt.account_id, prompt.chat_id, prompt.thread_id)
    pending = tx.questions.take(*here, not_before, by=prompt.message_id)
    if pending is None:
        return FoundSources()
    return replace(FoundSources.of(pending), pending_id=pending.message_id)


def _replied(
    tx: Transaction, prompt: Prompt, reply: Reply, not_before: datetime
) -> FoundSources | None:
    here = (prompt.chat_id, reply.message_id)
    pending = tx.questions.take_replied(prompt.account_id, *here, not_before)
    if picture := tx.pictures.at(*here) or tx.pictures.linked(*here):
        file_id = picture.original_file_id or picture.file_id
        source = Source(file_id, picture.sha256, picture.size)
        return FoundSources((source,), picture.id, pending.flags if pending else "")
    if pending:
        return FoundSources.of(pending)
    return FoundSources((reply.source,)) if reply.source else None
