"""Answers: presses that say how a pending prompt is drawn: by which model, from which pictures."""

from __future__ import annotations

from dataclasses import replace

from bot.domain import PendingPrompt, Preferences
from bot.jobs.options import ModelOptions, Options
from bot.jobs.pending import LIFETIME, FoundSources
from bot.jobs.submit import (
    Accepted,
    AlreadyRunning,
    Duplicate,
    Incomplete,
    Stale,
    SubmitResult,
    SubmitService,
    new_job,
)
from bot.storage.transaction import Transaction


async def draw_with(
    submit: SubmitService, pending: PendingPrompt, model: str, *, press_id: str
) -> Accepted | Duplicate | AlreadyRunning | Stale:
    """Draw a prompt that waits for a model, for the press of a button that names one.

    The pending prompt's account pays, its locale is spoken; its preferences stay. Raises
    LimitReached. A press executes once, and a pending prompt is drawn once.
    """
    return await submit.store.write(_draw_with, submit, pending, model, press_id)


def _draw_with(
    tx: Transaction, submit: SubmitService, pending: PendingPrompt, model: str, press_id: str
) -> Accepted | Duplicate | AlreadyRunning | Stale:
    if not tx.keys.add(f"press:{press_id}", submit.clock()):
        return Duplicate()
    message = (pending.chat_id, pending.message_id)
    preferences = submit.preferences.in_force(tx, pending)
    options = _offered(submit.options, pending, preferences, model)
    ordinal = tx.jobs.next_ordinal(*message)
    if options is None or not tx.questions.answer(*message, submit.clock() - LIFETIME):
        return AlreadyRunning() if ordinal else Stale()
    new = replace(
        new_job(pending, options, FoundSources.of(pending)),
        ordinal=ordinal,
        after_message_id=tx.messages.newest(pending.chat_id),
        locale=preferences.language or pending.locale,
    )
    return submit.new_jobs_in(tx, new, options.count, preferences)


def _offered(
    known: ModelOptions, pending: PendingPrompt, preferences: Preferences, model: str
) -> Options | None:
    """Tell how a model would draw it; None if it cannot, or is not on offer: data is forged."""
    profile = known.catalogue.get(model)
    if not pending.prompt or profile is None or profile not in known.models(known.default):
        return None
    flags = known.parse(pending.prompt)
    options = known.resolve(flags, preferences, earlier=pending.flags, profile=profile)
    return None if known.unsupported(options, pending.sources) else options


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
