"""Which picture: words that came when pictures had waited for long are about them, or a new one."""

from __future__ import annotations

from dataclasses import replace

from bot.domain import PendingPrompt
from bot.jobs.pending import LIFETIME, FoundSources
from bot.jobs.submit import (
    AlreadyRunning,
    Duplicate,
    Incomplete,
    Stale,
    SubmitResult,
    SubmitService,
    new_job,
)
from bot.storage.transaction import Transaction


async def draw_which(
    submit: SubmitService, pending: PendingPrompt, *, with_pictures: bool, press_id: str
) -> SubmitResult | AlreadyRunning | Stale:
    """Draw words from the pictures that waited, or from themselves alone, for the press of a button.

    Where the model cannot, they wait for another one: Incomplete. The pending prompt's account
    pays, its locale is spoken. Raises LimitReached. A press executes once, and words are drawn once.
    """
    chosen = replace(pending, which=False)
    if not with_pictures:
        chosen = replace(chosen, sources=(), parent_picture_id=None, flags="")
    return await submit.store.write(_draw, submit, chosen, press_id)


def _draw(
    tx: Transaction, submit: SubmitService, chosen: PendingPrompt, press_id: str
) -> SubmitResult | AlreadyRunning | Stale:
    if not tx.keys.add(f"press:{press_id}", submit.clock()):
        return Duplicate()
    message = (chosen.chat_id, chosen.message_id)
    if not tx.questions.answer(*message, submit.clock() - LIFETIME):
        return AlreadyRunning() if tx.jobs.next_ordinal(*message) else Stale()
    preferences = submit.preferences.in_force(tx, chosen)
    flags = submit.options.parse(chosen.prompt)
    options = submit.options.resolve(flags, preferences, earlier=chosen.flags)
    unsupported = submit.options.unsupported(options, chosen.sources)
    if obstacle := submit.obstacle(options, len(chosen.sources), unsupported, may_ask=True):
        tx.questions.reopen(*message)
        return obstacle
    if unsupported:
        tx.questions.reword(chosen)
        return Incomplete(chosen)
    new = replace(
        new_job(chosen, options, FoundSources.of(chosen)),
        after_message_id=tx.messages.newest(chosen.chat_id),
        locale=preferences.language or chosen.locale,
    )
    return submit.new_jobs_in(tx, new, options.count, preferences)
