"""Edits: a message that was changed after it had been sent changes what waits to be drawn for it.

What a worker has begun stays as it was begun, and nothing is drawn twice: there are no new jobs
but those of a larger number of pictures. Of several edits the last one holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.domain import AlbumItem, JobState, NewJob, OutcomeKind, PendingPrompt, Request, Wake
from bot.features.albums.service import merged
from bot.features.presets.service import worded
from bot.jobs import preferences, sources
from bot.jobs.options import InvalidOption, OptionName, Options, Unsupported
from bot.jobs.results import Accepted, QueuedJob
from bot.jobs.submit import ASK_LIVES

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.domain import Job, Prompt
    from bot.jobs.options import ModelOptions
    from bot.jobs.submit import Dispatch, SubmitService
    from bot.storage.engine import Store
    from bot.storage.transaction import Transaction

MOST = 100  # jobs of a message that are looked at; a prompt makes far fewer


@dataclass(frozen=True, slots=True)
class EditedJobs:
    """Jobs that are drawn otherwise now, and those that were added; others may be called off."""

    jobs: tuple[QueuedJob, ...]
    added: tuple[QueuedJob, ...] = ()


Revision = EditedJobs | InvalidOption | Unsupported | None


class _BegunError(Exception):
    """A worker was faster: nothing is changed."""


class EditService:
    """Changes jobs that nobody has begun."""

    def __init__(
        self,
        *,
        store: Store,
        choices: ModelOptions,
        submit: SubmitService,
        dispatch: Dispatch,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._options = choices
        self._submit = generation
        self._dispatch = dispatch
        self._clock = clock

    async def revise(self, wish: Prompt | AlbumItem, edit: str) -> Revision:
        """Have a message's jobs draw what it says now; `edit` names the update, for it may come again.

        None where there is nothing to change: it was begun or drawn already, or says the same, or
        asks for nothing any more. A flag that cannot be obeyed and a model that cannot draw this
        change nothing either. Raises LimitReached where more pictures are wanted than are left.
        """
        wakes: list[Wake] = []
        stopped: list[Wake] = []
        try:
            async with self._store.transaction() as tx:
                now = await self._said(tx, wish, edit)
                revision = await self._revise(tx, now, edit, wakes, stopped) if now else None
        except _BegunError:
            return None
        for wake in stopped:
            self._dispatch.interrupt(wake.job_id)
        self._dispatch.wake(stopped, first=True)
        if not isinstance(revision, EditedJobs):
            return revision
        begun = self._submit.begin(Accepted(revision.added), wakes)
        return replace(revision, added=begun.jobs)

    async def _said(self, tx: Transaction, said: Prompt | AlbumItem, edit: str) -> Prompt | None:
        """Put an album's caption to its pictures; None where they are not for us, or wait still."""
        if not isinstance(said, AlbumItem):
            return await self._completed(tx, said)
        if not await tx.handled.add(f"caption:{edit}", self._clock()):
            return None
        items = await tx.albums.reword(said)
        if not any(item.addressed for item in items):
            return None
        return await self._completed(tx, merged(items))

    async def _completed(self, tx: Transaction, wish: Prompt) -> Prompt | None:
        completed = await sources.completed(tx, wish, self._clock() - ASK_LIVES)
        return None if isinstance(completed, PendingPrompt) else completed

    async def _revise(
        self, tx: Transaction, wish: Prompt, edit: str, wakes: list[Wake], stopped: list[Wake]
    ) -> Revision:
        here = (wish.chat_id, wish.message_id, self._clock() - ASK_LIVES)
        ask = await tx.asks.get(*here)
        # Its words came otherwise: by a press, or another message.
        if ask and (not ask.prompt or await tx.handled.has(worded(ask.chat_id, ask.message_id))):
            return None
        jobs, whole = await self._waiting(tx, wish)
        if not jobs or not await tx.handled.add(f"edit:{edit}", self._clock()):
            return None
        options = await self._options(tx, wish, jobs[0])
        if not isinstance(options, Options):
            return options
        if not options.prompt:
            return None
        request = _request(options, jobs[0], wish)
        count = options.count if whole else min(options.count, len(jobs))
        if count == len(jobs) and all(job.request == request for job in jobs):
            return None
        # What costs otherwise now is reserved anew; the ledger's rows are never changed.
        same = self._options.charge(request) == await tx.ledger.reserved(jobs[0].id)
        rewritten = [await self._rewritten(tx, job, request) for job in jobs[:count]]
        changed = rewritten if same else []
        for job in jobs[len(changed) :]:
            wake = await tx.jobs.call_off(job.id, self._clock())
            if wake:  # what it held is free at once for what is reserved below; its end finds none
                await tx.ledger.release(job.id, self._clock())
                stopped.append(wake)
        further = replace(jobs[0], request=request)
        more = max(count - len(changed), 0)
        return EditedJobs(tuple(changed), await self._added(tx, further, more, wakes))

    async def _options(
        self, tx: Transaction, wish: Prompt, job: Job
    ) -> Options | InvalidOption | Unsupported:
        """Tell what the message comes to now, with the job's model where the usual one cannot."""
        pictures = len(wish.sources or job.request.sources)
        chosen = await preferences.chosen(tx, wish)
        if misfit := self._options.misfit(wish.text, chosen):
            return misfit
        spare = "" if wish.sources else await self._given_earlier(tx, wish, job)
        options = self._options.options(wish.text, chosen, spare=spare)
        if self._lacks(options, pictures):  # then it was a button that chose the model
            model = self._options.catalogue.get(job.request.model)
            options = self._options.options(wish.text, chosen, spare=spare, model=model)
        if options.mask and pictures < 2:  # noqa: PLR2004 - one to draw from, and the mask
            return InvalidOption(OptionName.MASK)
        return self._lacks(options, pictures) or options

    async def _given_earlier(self, tx: Transaction, wish: Prompt, job: Job) -> str:
        """Find the flags that were given with the pictures, which waited for these words."""
        if not job.request.sources:
            return ""
        place = (wish.account_id, wish.chat_id, wish.message_id)
        asks = await tx.asks.before(*place, self._clock() - ASK_LIVES)
        return next((ask.flags for ask in asks if ask.sources == job.request.sources), "")

    async def _waiting(self, tx: Transaction, wish: Prompt) -> tuple[list[Job], bool]:
        """List a message's jobs if nobody has begun any, and whether none was called off."""
        all_ = await tx.queue.of_message(wish.chat_id, wish.message_id, MOST)
        jobs = [job for job in all_ if job.outcome is not OutcomeKind.CANCELLED]
        ours = [
            job.account_id == wish.account_id and job.state is JobState.ACCEPTED for job in jobs
        ]
        return (jobs if all(ours) else []), len(jobs) == len(all_)

    async def _rewritten(self, tx: Transaction, job: Job, request: Request) -> QueuedJob:
        rewritten = await tx.queue.rewrite(job, request)
        if rewritten is None:
            raise _BegunError
        return QueuedJob(rewritten, await tx.jobs.ahead(job.id), rewritten.dispatched)

    async def _added(
        self, tx: Transaction, job: Job, more: int, wakes: list[Wake]
    ) -> tuple[QueuedJob, ...]:
        if not more:
            return ()
        draft = _draft(job, await tx.jobs.next_ordinal(job.chat_id, job.message_id))
        chosen = await preferences.chosen(tx, job)
        entered = await self._submit.further(tx, draft, more, chosen, wakes)
        if not isinstance(entered, Accepted):
            raise _BegunError
        return entered.jobs

    def _lacks(self, options: Options, pictures: int) -> Unsupported | None:
        return self._options.inability(options.profile, pictures, mask=options.mask)


def _request(options: Options, job: Job, wish: Prompt) -> Request:
    return Request(
        prompt=options.prompt,
        model=options.profile.id,
        sources=wish.sources or job.request.sources,
        aspect_ratio=options.aspect_ratio,
        size=options.size,
        mask=options.mask,
    )


def _draft(job: Job, ordinal: int) -> NewJob:
    return NewJob(
        account_id=job.account_id,
        chat_id=job.chat_id,
        thread_id=job.thread_id,
        message_id=job.message_id,
        ordinal=ordinal,
        request=job.request,
        locale=job.locale,
        parent_picture_id=job.parent_picture_id,
        private=job.private,
        after_message_id=job.after_message_id,
    )
