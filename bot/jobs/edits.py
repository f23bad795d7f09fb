"""Edits: a message that was changed after it had been sent changes what waits to be drawn for it.

What a worker has begun stays as it was begun, and nothing is drawn twice: there are no new jobs
but those of a larger number of pictures. Of several edits the last one holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain import (
    AlbumItem,
    Job,
    JobState,
    OutcomeKind,
    PendingPrompt,
    Preferences,
    Prompt,
    Request,
)
from bot.domain.albums import merge_album
from bot.jobs.dispatch import Dispatch
from bot.jobs.options import InvalidOption, ModelOptions, OptionName, Options, Unsupported
from bot.jobs.pending import LIFETIME, complete, flags_of, worded_key
from bot.jobs.preferences import PreferenceService
from bot.jobs.submit import Accepted, QueuedJob, SubmitService
from bot.storage.engine import Store
from bot.storage.transaction import Transaction

MOST = 100  # jobs of a message that are looked at; a prompt makes far fewer


@dataclass(frozen=True, slots=True)
class EditedJobs:
    """Jobs that are drawn otherwise now, and those that were added; others may be cancelled."""

    jobs: tuple[QueuedJob, ...]
    added: tuple[QueuedJob, ...] = ()


EditResult = EditedJobs | InvalidOption | Unsupported | None


class _AlreadyRunning(Exception):
    """A worker was faster: nothing is changed."""


@dataclass(frozen=True, slots=True)
class EditService:
    """Changes jobs that nobody has begun."""

    store: Store
    options: ModelOptions
    preferences: PreferenceService
    submit: SubmitService
    dispatch: Dispatch
    clock: Callable[[], datetime]

    async def edit(self, edited: Prompt | AlbumItem, edit_id: str) -> EditResult:
        """Have a message's jobs draw what it says now; `edit_id` names the update, which may repeat.

        None where there is nothing to change: it was begun or drawn already, or says the same, or
        asks for nothing any more. A flag that cannot be obeyed and a model that cannot draw this
        change nothing either. Raises LimitReached where more pictures are wanted than are left.
        """
        try:
            return await self.store.write(self._edit, edited, edit_id)
        except _AlreadyRunning:
            return None

    async def add_picture(self, prompt: Prompt, message_id: int, seconds: float) -> bool:
        """Have the jobs of an earlier message of words draw from a prompt's picture, too.

        What runs is begun again, `seconds` later, for more pictures may come; nobody pays for what
        it had come to. False where it is too late, or where the model cannot.
        """
        return await self.store.write(self._add_picture, prompt, message_id, seconds)

    def _add_picture(
        self, tx: Transaction, prompt: Prompt, message_id: int, seconds: float
    ) -> bool:
        key = f"added:{prompt.chat_id}:{prompt.message_id}"
        if tx.keys.has(key):
            return True
        jobs = tx.jobs.of_message(prompt.chat_id, message_id, MOST)
        if not jobs or any(not _may_restart(job, prompt) for job in jobs):
            return False
        sources = (*jobs[0].request.sources, *prompt.sources)
        profile = self.options.catalogue.get(jobs[0].request.model)
        if profile is None or not profile.takes(len(sources), mask=False):
            return False
        restarted = [tx.jobs.restart(job.id, replace(job.request, sources=sources)) for job in jobs]
        wakes = [wake for wake in restarted if wake]
        tx.keys.add(key, self.clock())
        self.dispatch.restart_in(tx, wakes, seconds)
        return True

    def _edit(self, tx: Transaction, edited: Prompt | AlbumItem, edit_id: str) -> EditResult:
        prompt = self._prompt(tx, edited, edit_id)
        if prompt is None or self._has_other_words(tx, prompt):
            return None
        jobs, complete_set = self._waiting(tx, prompt)
        if not jobs or not tx.keys.add(f"edit:{edit_id}", self.clock()):
            return None
        preferences = self.preferences.in_force(tx, prompt)
        options = self._options(tx, prompt, jobs[0], preferences)
        if not isinstance(options, Options):
            return options
        if not options.prompt:
            return None
        request = options.request(prompt.sources or jobs[0].request.sources)
        count = options.count if complete_set else min(options.count, len(jobs))
        if count == len(jobs) and all(job.request == request for job in jobs):
            return None
        return self._change(tx, jobs, request, count)

    def _prompt(self, tx: Transaction, edited: Prompt | AlbumItem, edit_id: str) -> Prompt | None:
        """Put an album's caption to its pictures; None where they are not for us, or wait still."""
        if isinstance(edited, Prompt) and (
            part := tx.albums.get(edited.chat_id, edited.message_id)
        ):
            edited = replace(part, prompt=edited.text)
        if isinstance(edited, AlbumItem):
            if not tx.keys.add(f"caption:{edit_id}", self.clock()):
                return None
            items = tx.albums.reword(edited)
            if not any(item.addressed for item in items):
                return None
            edited = merge_album(items)
        completed = complete(tx, edited, self.clock() - LIFETIME)
        return None if isinstance(completed, PendingPrompt) else completed

    def _has_other_words(self, tx: Transaction, prompt: Prompt) -> bool:
        """Whether its jobs have their words from a press, or from another message."""
        pending = tx.questions.get(prompt.chat_id, prompt.message_id, self.clock() - LIFETIME)
        return pending is not None and (not pending.prompt or tx.keys.has(worded_key(pending)))

    def _change(self, tx: Transaction, jobs: list[Job], request: Request, count: int) -> EditedJobs:
        # What costs otherwise now is reserved anew; the ledger's rows are never changed.
        same_price = self.options.charge(request) == tx.ledger.reserved(jobs[0].id)
        replaced = [self._replaced(tx, job, request) for job in jobs[:count]]
        kept = replaced if same_price else []
        for job in jobs[len(kept) :]:
            self._cancel(tx, job)
        further = replace(jobs[0], request=request)
        return EditedJobs(tuple(kept), self._added(tx, further, max(count - len(kept), 0)))

    def _options(
        self, tx: Transaction, prompt: Prompt, job: Job, preferences: Preferences
    ) -> Options | InvalidOption | Unsupported:
        """Tell what the message comes to now, with the job's model where the usual one cannot."""
        flags = self.options.parse(prompt.text)
        options = self.options.check(flags, preferences)
        if isinstance(options, InvalidOption):
            return options
        sources = prompt.sources or job.request.sources
        earlier = "" if prompt.sources else self._written_earlier(tx, prompt, job)
        if earlier:
            options = self.options.resolve(flags, preferences, earlier=earlier)
        if self.options.unsupported(options, sources):  # then it was a button that chose the model
            profile = self.options.catalogue.get(job.request.model)
            options = self.options.resolve(flags, preferences, earlier=earlier, profile=profile)
        if options.mask and len(sources) < 2:  # noqa: PLR2004 - one to draw from, and the mask
            return InvalidOption(OptionName.MASK)
        return self.options.unsupported(options, sources) or options

    def _written_earlier(self, tx: Transaction, prompt: Prompt, job: Job) -> str:
        """Find the flags that were written with the pictures, which waited for these words."""
        if not job.request.sources:
            return ""
        if job.parent_picture_id:
            return flags_of(tx, tx.pictures.get(job.parent_picture_id))
        message = (prompt.account_id, prompt.chat_id, prompt.message_id)
        before = tx.questions.before(*message, self.clock() - LIFETIME)
        return next((one.flags for one in before if one.sources == job.request.sources), "")

    def _waiting(self, tx: Transaction, prompt: Prompt) -> tuple[list[Job], bool]:
        """List a message's jobs if nobody has begun any, and whether none was cancelled."""
        jobs = tx.jobs.of_message(prompt.chat_id, prompt.message_id, MOST)
        alive = [job for job in jobs if job.outcome is not OutcomeKind.CANCELLED]
        changeable = all(
            job.account_id == prompt.account_id and job.state is JobState.ACCEPTED for job in alive
        )
        return (alive if changeable else []), len(alive) == len(jobs)

    def _replaced(self, tx: Transaction, job: Job, request: Request) -> QueuedJob:
        replaced = tx.jobs.replace_request(job, request)
        if replaced is None:
            raise _AlreadyRunning
        return QueuedJob(replaced, tx.jobs.ahead(job.id, job.account_id), replaced.dispatched)

    def _cancel(self, tx: Transaction, job: Job) -> None:
        wake = tx.jobs.cancel(job.id, self.clock())
        if wake:  # what it held is free at once for what is reserved below; its end finds none
            released = tx.ledger.release(job.id, self.clock())
            if released and job.allowed:
                tx.allowances.give_back(job.chat_id, job.account_id, released, job.created_at)
            self.dispatch.interrupt_in(tx, [wake])

    def _added(self, tx: Transaction, job: Job, count: int) -> tuple[QueuedJob, ...]:
        if not count:
            return ()
        ordinal = tx.jobs.next_ordinal(job.chat_id, job.message_id)
        new, preferences = job.repeated(job.message_id, ordinal), self.preferences.in_force(tx, job)
        accepted = self.submit.new_jobs_in(tx, new, count, preferences)
        if not isinstance(accepted, Accepted):
            raise _AlreadyRunning
        return accepted.jobs


def _may_restart(job: Job, prompt: Prompt) -> bool:
    begun = job.state in (JobState.ACCEPTED, JobState.RUNNING)
    return begun and job.account_id == prompt.account_id and job.thread_id == prompt.thread_id
