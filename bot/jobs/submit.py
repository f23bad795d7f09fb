"""Submitting: a prompt becomes jobs and their reservations, all in one transaction, or an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from bot.billing.limits import Limits
from bot.domain import (
    Job,
    LimitReached,
    NewJob,
    OutcomeKind,
    PendingPrompt,
    Picture,
    Preferences,
    Prompt,
    Wake,
)
from bot.jobs.dispatch import Claimed, Dispatch, Slot
from bot.jobs.options import InvalidOption, ModelOptions, OptionName, Options, Unsupported
from bot.jobs.pending import AT_HAND, LIFETIME, FoundSources, complete, find_sources
from bot.jobs.people import RecentPeople
from bot.jobs.preferences import PreferenceService
from bot.storage.engine import Store
from bot.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A picture that was asked for is a job now, with `ahead` others before it.

    Not `dispatched` means that it waits for the account's own earlier jobs.
    """

    job: Job
    ahead: int
    dispatched: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """A job for each of the prompt's pictures, in order."""

    jobs: tuple[QueuedJob, ...]


@dataclass(frozen=True, slots=True)
class Incomplete:
    """The prompt waits for its words, or for a model that can draw it."""

    pending: PendingPrompt


@dataclass(frozen=True, slots=True)
class TooManyInputs:
    """More pictures than one request may work on; nothing was accepted."""

    limit: int


@dataclass(frozen=True, slots=True)
class NoInput:
    """There is neither prompt nor picture."""


@dataclass(frozen=True, slots=True)
class PhotoNeeded:
    """Words alone came where a photo was asked for: `pending` is what it is for."""

    pending: PendingPrompt


@dataclass(frozen=True, slots=True)
class Duplicate:
    """This very message or press was dealt with before: there is nothing to say."""


@dataclass(frozen=True, slots=True)
class AlreadyRunning:
    """This button's last press is still being worked on."""


@dataclass(frozen=True, slots=True)
class Stale:
    """What this button was for is over, or never was."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What a cancel has ended: jobs, and pictures that waited for their prompt."""

    jobs: int
    pending: int
    waited: tuple[Job, ...] = ()  # of these jobs no worker tells their chat


class CancelResult(StrEnum):
    """What a press of Cancel comes to: ON_ITS_WAY is drawn, and waits for Telegram to take it."""

    CANCELLED = "cancelled"
    ON_ITS_WAY = "on_its_way"
    TOO_LATE = "too_late"


SubmitResult = (
    Accepted
    | Incomplete
    | TooManyInputs
    | NoInput
    | PhotoNeeded
    | Duplicate
    | InvalidOption
    | Unsupported
)


@dataclass(frozen=True, slots=True)
class SubmitService:
    """Commits whatever must survive a crash, wakes workers after it, and says what happened.

    A method that ends in `_in` is a part of a caller's transaction.
    """

    store: Store
    judge: Callable[[Transaction, int, int], Limits]  # of an account in a chat; NotAdmitted
    options: ModelOptions
    preferences: PreferenceService
    max_inputs: int
    dispatch: Dispatch
    begin_in: Callable[[Transaction, Job], Claimed]
    clock: Callable[[], datetime]
    people: RecentPeople = field(default_factory=RecentPeople)

    async def submit(self, prompt: Prompt) -> SubmitResult:
        """Accept a prompt: its jobs and their reservations, or what is missing.

        Raises LimitReached where the account's quota does not suffice; nothing is kept then.
        """
        with self.dispatch.slot() as slot:
            return await self.store.write(self.submit_in, prompt, slot)

    def submit_in(self, tx: Transaction, prompt: Prompt, slot: Slot | None = None) -> SubmitResult:
        """Do the same in a caller's transaction; a job for which room is kept begins at once."""
        if tx.jobs.find(prompt.chat_id, prompt.message_id, 0):
            return Duplicate()
        if prompt.author:
            self.people.remember(tx, prompt.chat_id, prompt.author, self.clock())
        preferences = self.preferences.in_force(tx, prompt)
        prompt = replace(prompt, locale=preferences.language or prompt.locale)
        completed = complete(tx, prompt, self.clock() - LIFETIME)
        if not isinstance(completed, PendingPrompt):
            return self._submit_complete(tx, completed, preferences, slot)
        asked_again = tx.keys.add(f"photo:{prompt.chat_id}:{prompt.message_id}", self.clock())
        return PhotoNeeded(completed) if asked_again else Duplicate()

    def _submit_complete(
        self, tx: Transaction, prompt: Prompt, preferences: Preferences, slot: Slot | None
    ) -> SubmitResult:
        flags = self.options.parse(prompt.text)
        options = self.options.check(flags, preferences)
        if isinstance(options, InvalidOption):
            return options
        since = self.clock() - LIFETIME
        found = find_sources(tx, prompt, since, takes_pending=bool(options.prompt))
        if found.flags:
            options = self.options.resolve(flags, preferences, earlier=found.flags)
        unsupported = self.options.unsupported(options, found.sources)
        if unsupported and found.parent_picture_id and flags.model is None:
            choice = options, flags, preferences, found.sources
            if instead := self.options.instead(*choice, earlier=found.flags):
                options, unsupported = instead, None
        which = bool(found.waited_since and found.waited_since < self.clock() - AT_HAND)
        may_ask = prompt.inline_message_id is None
        obstacle = self.obstacle(options, len(found.sources), unsupported, may_ask=may_ask)
        if obstacle and not which:
            if found.pending_id is not None:
                tx.questions.reopen(prompt.chat_id, found.pending_id)
            return obstacle
        if not options.prompt:
            written = f"{found.flags} {prompt.text}".strip()  # of a kind, the last one holds
            return self._ask(tx, prompt, found, flags=written)
        if unsupported or which:
            return self._ask(tx, prompt, found, text=prompt.text, flags=found.flags, which=which)
        job = new_job(prompt, options, found)
        if not prompt.inline_message_id:
            return self.new_jobs_in(tx, job, options.count, preferences, slot)
        newest = tx.messages.newest(prompt.chat_id)  # of the storage chat
        job = replace(job, inline_message_id=prompt.inline_message_id, after_message_id=newest)
        return self.new_jobs_in(
            tx, job, 1, preferences, slot
        )  # one message has room for one picture

    def new_jobs_in(
        self,
        tx: Transaction,
        new: NewJob,
        count: int,
        preferences: Preferences,
        slot: Slot | None = None,
    ) -> Accepted | Duplicate:
        """Make `count` jobs with their reservations; all of them or, by LimitReached, none.

        `preferences` are those where they are made: the allowances of a group are in them.
        """
        at, limits = self.clock(), self.judge(tx, new.account_id, new.chat_id)
        charge = self.options.charge(new.request)  # more pictures of one answer are a gift
        jobs: list[Job] = []
        for ordinal in range(new.ordinal, new.ordinal + count):
            begin = slot is not None and not jobs
            if jobs:  # what is told of all of them is told once
                new = replace(new, request=replace(new.request, notes=()))
            numbered = replace(new, ordinal=ordinal)
            job = tx.jobs.add(numbered, at, limits.concurrency, begin=begin)
            if job is None:
                return Duplicate()
            if not job.dispatched and limits.queue:
                limits.check_queue(tx.jobs.waiting(new.account_id, limits.queue + 1))
            try:
                most = limits.day, limits.month, limits.calls
                tx.ledger.reserve(new.account_id, job.id, charge, at, *most)
            except LimitReached as reached:
                totals = tx.ledger.totals(new.account_id, at)[reached.period]
                room = max(reached.limit - totals.reserved - totals.pictures, 0)
                left = len(jobs) * charge + room  # with what found room before this one
                raise reached.of_request(left, count * charge) from None
            jobs.append(job)
        if not new.private and not new.inline_message_id:
            taken = new.chat_id, new.account_id, count * charge, at
            member, chat = preferences.member_day or 0, preferences.chat_day or 0
            tx.allowances.take(*taken, member=member, chat=chat)
        return Accepted(tuple(self._queue(tx, jobs, slot)))

    def _queue(self, tx: Transaction, jobs: list[Job], slot: Slot | None) -> Iterator[QueuedJob]:
        """Begin the first job where there is room; the others wait for theirs, or their turn."""
        first, *others = jobs
        if slot and first.dispatched:
            tx.after_commit(slot.begin, self.begin_in(tx, first))
            yield QueuedJob(first, 0, dispatched=True)
        else:
            others = jobs
        wakes = [Wake(job.id, job.claim) for job in others if job.dispatched]
        self.dispatch.wake_in(tx, wakes)
        for job in others:
            yield QueuedJob(job, tx.jobs.ahead(job.id, job.account_id), job.dispatched)

    async def regenerate(
        self, job: Job, *, press_id: str, message_id: int, count: int = 1
    ) -> Accepted | Duplicate | AlreadyRunning:
        """Draw a job's request `count` times more, for the press of a button under `message_id`.

        No more of them than one prompt may make, and all of them or, by LimitReached, none. The
        job's account pays, its locale is spoken. A press executes once: by its id when Telegram
        repeats it, and by the job it started when an impatient finger does; another request may be
        drawn beside it.
        """
        with self.dispatch.slot() as slot:
            return await self.store.write(
                self.regenerate_in, job, press_id, message_id, count, slot
            )

    def regenerate_in(
        self,
        tx: Transaction,
        job: Job,
        press_id: str,
        message_id: int,
        count: int,
        slot: Slot | None,
    ) -> Accepted | Duplicate | AlreadyRunning:
        if not tx.keys.add(f"press:{press_id}", self.clock()):
            return Duplicate()
        request = self.options.with_known_model(job.request)
        unfinished = tx.jobs.open_at(job.chat_id, message_id)
        count = min(count, self.options.max_count)
        if sum(other.request == request for other in unfinished) >= count:
            return AlreadyRunning()  # but one by Again keeps nobody from two variations
        preferences = self.preferences.in_force(tx, job)
        new = replace(
            job.repeated(message_id, tx.jobs.next_ordinal(job.chat_id, message_id)),
            request=request,
            locale=preferences.language or job.locale,
            after_message_id=tx.messages.newest(job.chat_id),
        )
        return self.new_jobs_in(tx, new, count, preferences, slot)

    async def cancel(self, job_id: int) -> CancelResult:
        """Cancel a job, unless its result came first. Its end releases the reservation."""

        def cancel(tx: Transaction) -> CancelResult:
            if wake := tx.jobs.cancel(job_id, self.clock()):
                self.dispatch.interrupt_in(tx, [wake])
                return CancelResult.CANCELLED
            job = tx.jobs.get(job_id)
            if job is not None and job.outcome is OutcomeKind.CANCELLED:
                return CancelResult.CANCELLED
            on_its_way = job is not None and job.ended_at is None and job.delivery_tries
            return CancelResult.ON_ITS_WAY if on_its_way else CancelResult.TOO_LATE

        return await self.store.write(cancel)

    async def cancel_all(self, account_id: int, command: str) -> Cancelled | Duplicate:
        """Cancel all of an account's jobs, and forget its questions and albums that wait.

        `command` names the message, which may come again.
        """
        return await self.store.write(self.cancel_all_in, account_id, command)

    def cancel_all_in(
        self, tx: Transaction, account_id: int, command: str
    ) -> Cancelled | Duplicate:
        at = self.clock()
        if not tx.keys.add(f"cancel:{command}", at):
            return Duplicate()
        waiting = tuple(tx.jobs.end_waiting(account_id, at))
        begun = tx.jobs.cancel_all(account_id, at)
        self.dispatch.interrupt_in(tx, begun)
        released = tx.ledger.release_all(account_id, [job.id for job in waiting], at)
        for job in waiting:
            tx.after_commit(self.store.meter.job_ended, job)
            if job.allowed and (pictures := released.get(job.id)):
                tx.allowances.give_back(job.chat_id, account_id, pictures, job.created_at)
        questions, busy = tx.pending.cancel(account_id)
        questions += tx.albums.cancel(account_id)
        return Cancelled(len(waiting) + len(begun) + busy, questions, waiting)

    async def job(self, job_id: int | None) -> Job | None:
        """Look a job up; none has no id."""
        return await self.store.read(lambda tx: tx.jobs.get(job_id)) if job_id else None

    async def job_of(self, chat_id: int, message_id: int) -> Job | None:
        return await self.store.read(lambda tx: tx.jobs.find(chat_id, message_id, 0))

    async def picture(self, picture_id: int) -> tuple[Picture, Job] | None:
        return await self.store.read(_picture, picture_id)

    def obstacle(
        self, options: Options, pictures: int, unsupported: Unsupported | None, *, may_ask: bool
    ) -> InvalidOption | TooManyInputs | NoInput | Unsupported | None:
        """Tell why a prompt is not drawn; what only needs an answer is none where the bot may ask."""
        if options.mask and pictures < 2:  # noqa: PLR2004 - one to draw from, and the mask
            return InvalidOption(OptionName.MASK)
        if pictures > self.max_inputs:
            return TooManyInputs(self.max_inputs)
        if not options.prompt:
            return None if pictures and may_ask else NoInput()
        return None if unsupported and unsupported.others and may_ask else unsupported

    def _ask(
        self,
        tx: Transaction,
        prompt: Prompt,
        found: FoundSources,
        *,
        text: str = "",
        flags: str,
        which: bool = False,
    ) -> Incomplete | Duplicate:
        place = prompt.account_id, prompt.chat_id, prompt.thread_id
        pending = PendingPrompt(
            *place,
            message_id=prompt.message_id,
            sources=found.sources,
            asked_at=self.clock(),
            parent_picture_id=found.parent_picture_id,
            locale=prompt.locale,
            private=prompt.private,
            prompt=text,
            flags=flags,
            which=which,
            instead=not text and tx.questions.waits(*place, self.clock() - LIFETIME),
        )
        return Incomplete(pending) if tx.questions.put(pending) else Duplicate()


def new_job(prompt: Prompt | PendingPrompt, options: Options, found: FoundSources) -> NewJob:
    if isinstance(prompt, Prompt):
        options = replace(options, notes=(*prompt.notes, *options.notes))
    return NewJob(
        account_id=prompt.account_id,
        chat_id=prompt.chat_id,
        thread_id=prompt.thread_id,
        message_id=prompt.message_id,
        request=options.request(found.sources),
        locale=prompt.locale,
        parent_picture_id=found.parent_picture_id,
        private=prompt.private,
    )


def _picture(tx: Transaction, picture_id: int) -> tuple[Picture, Job] | None:
    picture = tx.pictures.get(picture_id)
    job = tx.jobs.get(picture.job_id) if picture else None
    return (picture, job) if picture and job else None
