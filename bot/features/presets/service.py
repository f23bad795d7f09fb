"""Presets: ready prompts, drawn with pictures that wait for their words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from bot.catalogue.presets import Preset
from bot.domain import PendingPrompt
from bot.jobs.options import ModelOptions, Unsupported
from bot.jobs.pending import LIFETIME, FoundSources, worded_key
from bot.jobs.preferences import PreferenceService
from bot.jobs.submit import (
    Accepted,
    AlreadyRunning,
    Duplicate,
    Incomplete,
    Stale,
    SubmitService,
    new_job,
)
from bot.storage.engine import Store
from bot.storage.transaction import Transaction

PresetResult = Accepted | Incomplete | Unsupported | AlreadyRunning | Stale | Duplicate


@dataclass(frozen=True, slots=True)
class PresetService:
    """Draws presets; a press executes once, and one preset of a photo is drawn once at a time."""

    store: Store
    submit: SubmitService
    options: ModelOptions
    preferences: PreferenceService
    clock: Callable[[], datetime]

    async def draw(self, pending: PendingPrompt, preset: Preset, *, press_id: str) -> PresetResult:
        """Draw a preset with pending pictures, as their account has chosen; it pays.

        Where that model cannot, they wait for another one: Incomplete. Unsupported if there is
        none. Raises LimitReached; nothing is kept then.
        """
        return await self.store.write(self._draw, pending, preset.fill(), press_id)

    def _draw(
        self, tx: Transaction, pending: PendingPrompt, text: str, press_id: str
    ) -> PresetResult:
        place = (pending.chat_id, pending.message_id)
        if not tx.keys.add(f"press:{press_id}", self.clock()):
            return Duplicate()
        kept = tx.questions.get(*place, self.clock() - LIFETIME)
        if kept is None or not kept.sources:
            return Stale()
        chosen = self.preferences.in_force(tx, pending)
        options = self.options.resolve(self.options.parse(text), chosen, earlier=kept.flags)
        if unsupported := self.options.unsupported(options, kept.sources):
            if not unsupported.others:
                return unsupported
            tx.questions.set_prompt(*place, text)
            tx.keys.add(worded_key(pending), self.clock())
            return Incomplete(replace(pending, prompt=text))
        job = replace(
            new_job(pending, replace(options, notes=()), FoundSources.of(kept)),  # nobody wrote it
            ordinal=tx.jobs.next_ordinal(*place),
            after_message_id=tx.messages.newest(pending.chat_id),
        )
        if any(other.request == job.request for other in tx.jobs.open_at(*place)):
            return AlreadyRunning()
        tx.questions.answer(*place, self.clock() - LIFETIME)
        return self.submit.new_jobs_in(tx, job, options.count, chosen)
