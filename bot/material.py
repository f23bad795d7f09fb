"""Material: what a wish works on, found where it was sent, replied to or left waiting."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.catalogue.presets import Preset
from bot.domain import Source

if TYPE_CHECKING:
    from datetime import datetime

    from bot.domain import Ask, Reply, Wish
    from bot.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Material:
    """Pictures, the one of ours that they come from, and flags that were given with them.

    `waited` is the message under which they waited for this wish's words.
    """

    sources: tuple[Source, ...] = ()
    parent_picture_id: int | None = None
    flags: str = ""
    waited: int | None = None


def of(ask: Ask) -> Material:
    """Name what an ask keeps."""
    return Material(ask.sources, ask.parent_picture_id, ask.flags)


async def completed(tx: Transaction, wish: Wish, not_before: datetime) -> Wish | Ask:
    """Put a reply to the question of a preset into that preset's request.

    That of a photo where the reply brings words alone is given back.
    """
    if wish.reply is None:
        return wish
    asked = (wish.account_id, wish.chat_id, wish.reply.message_id, not_before)
    ask = await tx.asks.expecting(*asked)
    preset = Preset("", ask.prompt) if ask else None
    if ask is None or preset is None:
        return wish
    if not preset.from_words and not wish.sources:
        return ask
    if preset.from_words and not wish.prompt:
        return wish
    return replace(wish, prompt=preset.asking(wish.prompt), reply=None)


async def pictured(tx: Transaction, wish: Wish, not_before: datetime) -> bool:
    """Whether a wish is about pictures, or an answer to the bot; nothing is taken from anywhere."""
    if wish.sources or (wish.reply and wish.reply.source):
        return True
    if wish.reply is None:
        here = (wish.account_id, wish.chat_id, wish.thread_id)
        return await tx.asks.waits(*here, not_before)
    here_ = (wish.chat_id, wish.reply.message_id)
    asked = await tx.asks.replied(wish.account_id, *here_, not_before)
    return bool(asked or await tx.pictures.at(*here_) or await tx.stand_ins.at(*here_))


async def find(tx: Transaction, wish: Wish, words: str, not_before: datetime) -> Material:
    """Find a wish's pictures: its own, else the replied one, else those that wait for words.

    Those that wait, since `not_before` at most, wait no longer; without `words` they are left.
    """
    if wish.sources:
        return Material(wish.sources)
    if wish.reply and (replied := await _replied(tx, wish, wish.reply, not_before)):
        return replied
    if not words:
        return Material()
    ask = await tx.asks.take(
        wish.account_id, wish.chat_id, wish.thread_id, not_before, by=wish.message_id
    )
    return replace(of(ask), waited=ask.message_id) if ask else Material()


async def _replied(
    tx: Transaction, wish: Wish, reply: Reply, not_before: datetime
) -> Material | None:
    ask = await tx.asks.take_replied(wish.account_id, wish.chat_id, reply.message_id, not_before)
    here = (wish.chat_id, reply.message_id)
    if picture := await tx.pictures.at(*here) or await tx.stand_ins.at(*here):
        file_id = picture.original_file_id or picture.file_id
        source = Source(file_id, picture.sha256, picture.size)
        return Material((source,), picture.id, ask.flags if ask else "")
    if ask:
        return of(ask)
    return Material((reply.source,)) if reply.source else None
