"""The product's rules: what becomes of a wish, of a press on Again, of a Cancel.

Every function commits in one transaction whatever must survive a crash, wakes workers after it,
and says what happened as a value; talking about it is not its business.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar

from bot.domain import (
    Job,
    LimitReached,
    NewJob,
    OutcomeKind,
    PendingPrompt,
    Picture,
    Prompt,
    Request,
    Source,
    Wake,
    jobs,
)
from bot.jobs import preferences, sources
from bot.jobs.options import InvalidOption, OptionName, Options, Unsupported
from bot.jobs.results import (
    Accepted,
    AlreadyRunning,
    Cancelled,
    Duplicate,
    Incomplete,
    NoInput,
    PhotoNeeded,
    QueuedJob,
    Stale,
    SubmitResult,
    TooManyInputs,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from bot.billing.access import Access
    from bot.catalogue.profiles import Profile
    from bot.domain import Author, Preferences
    from bot.jobs.options import ModelOptions
    from bot.jobs.sources import FoundSources
    from bot.storage.engine import Store
    from bot.storage.transaction import Transaction


ASK_LIVES = timedelta(hours=24)  # how long pictures wait for their prompt


class Dispatch(Protocol):
    """Who runs jobs: woken after the commit, told to stop one after its cancel."""

    def wake(self, wakes: Iterable[Wake], *, first: bool = False) -> None:
        """Have jobs run, `first` before all others."""

    def interrupt(self, job_id: int) -> None:
        """Stop working on a job."""

    def runs(self, job_id: int) -> bool:
        """Whether a job is being worked on."""
        ...


S = TypeVar("S")


class SubmitService:
    """Turns wishes into jobs, repeats them and calls them off."""

    def __init__(
        self,
        *,
        store: Store,
        accounts: Access,
        choices: ModelOptions,
        max_inputs: int,
        dispatch: Dispatch,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._acceptance = JobAcceptance(accounts, choices, clock)
        self._options = choices
        self._max_inputs = max_inputs
        self._dispatch = dispatch
        self._clock = clock

    async def submit(self, wish: Prompt) -> SubmitResult:
        """Accept a wish: its jobs and their reservations in one transaction, or what is missing.

        Raises LimitReached where the account's quota does not suffice; nothing is kept then.
        """
        wakes: list[Wake] = []
        async with self._store.transaction() as tx:
            submission = await self.enter(tx, wish, wakes)
        return self.begin(submission, wakes)

    def begin(self, submission: S, wakes: list[Wake]) -> S | Accepted:
        """Wake workers after the commit, and note which jobs began at once."""
        self._dispatch.wake(wakes)
        if not isinstance(submission, Accepted):
            return submission
        runs = self._dispatch.runs
        return Accepted(tuple(replace(one, started=runs(one.job.id)) for one in submission.jobs))

    async def enter(self, tx: Transaction, wish: Prompt, wakes: list[Wake]) -> SubmitResult:
        """Do the same inside a caller's transaction; he calls `begin` after his commit."""
        if await tx.jobs.find(wish.chat_id, wish.message_id, 0):
            return Duplicate()
        if wish.introduction:
            await remember_author(tx, wish.chat_id, wish.introduction, self._clock())
        chosen = await preferences.chosen(tx, wish)
        wish = replace(wish, locale=chosen.language or wish.locale)
        completed = await sources.completed(tx, wish, self._clock() - ASK_LIVES)
        if isinstance(completed, PendingPrompt):
            once = f"photo:{wish.chat_id}:{wish.message_id}"
            first = await tx.handled.add(once, self._clock())
            return PhotoNeeded(completed) if first else Duplicate()
        return await self._enter(tx, completed, chosen, wakes)

    async def _enter(
        self, tx: Transaction, wish: Prompt, chosen: Preferences, wakes: list[Wake]
    ) -> SubmitResult:
        if misfit := self._options.misfit(wish.text, chosen):
            return misfit
        named = self._options.options(wish.text, chosen)
        found = await sources.find(tx, wish, named.prompt, self._clock() - ASK_LIVES)
        options = self._options.options(wish.text, chosen, spare=found.flags)
        if obstacle := self._obstacle(options, found, asks=wish.inline_message_id is None):
            if found.waited is not None:
                await tx.asks.reopen(wish.chat_id, found.waited)
            return obstacle
        if not options.prompt:
            flags = f"{found.flags} {wish.text}".strip()  # of a kind, the last one holds
            return await self._ask(tx, wish, found, flags=flags)
        if self._lacks(options, found.sources):
            return await self._ask(tx, wish, found, wish.text, found.flags)
        draft, count = new_job(wish, options, found), options.count
        if wish.inline_message_id:  # one message has room for one picture
            newest = await tx.outgoing.newest(wish.chat_id)
            count, draft = 1, jobs.placed(draft, wish.inline_message_id, newest)
        return await self._acceptance.accept(tx, draft, count, chosen, wakes)

    async def further(
        self, tx: Transaction, draft: NewJob, count: int, chosen: Preferences, wakes: list[Wake]
    ) -> Accepted | Duplicate:
        """Draw more for a message, in a caller's transaction; he calls `begin` after his commit."""
        return await self._acceptance.accept(tx, draft, count, chosen, wakes)

    async def repeat(
        self, job: Job, *, press_id: str, message_id: int, count: int = 1
    ) -> Accepted | Duplicate | AlreadyRunning:
        """Draw a job's request `count` times more, for the press of a button under `message_id`.

        No more of them than one prompt may make, and all of them or, by LimitReached, none. The
        job's account pays, its locale is spoken. A press executes once:
        by its id when Telegram repeats it, and by the job it started when an impatient finger does:
        another request may be drawn beside it.
        """
        wakes: list[Wake] = []
        async with self._store.transaction() as tx:
            if not await tx.handled.add(f"press:{press_id}", self._clock()):
                return Duplicate()
            request = self._still_known(job.request)
            under_way = await tx.jobs.open_at(job.chat_id, message_id)
            if any(other.request == request for other in under_way):
                return AlreadyRunning()
            chosen = await preferences.chosen(tx, job)
            draft = NewJob(
                account_id=job.account_id,
                chat_id=job.chat_id,
                thread_id=job.thread_id,
                message_id=message_id,
                ordinal=await tx.jobs.next_ordinal(job.chat_id, message_id),
                request=request,
                locale=chosen.language or job.locale,
                parent_picture_id=job.parent_picture_id,
                private=job.private,
                after_message_id=await tx.outgoing.newest(job.chat_id),
                inline_message_id=job.inline_message_id,
            )
            most = min(count, self._options.max_count)
            submission = await self._acceptance.accept(tx, draft, most, chosen, wakes)
        return self.begin(submission, wakes)

    async def draw_with(
        self, ask: PendingPrompt, model: str, *, press_id: str
    ) -> Accepted | Duplicate | AlreadyRunning | Stale:
        """Draw a wish that waits for a model, for the press of a button that names one.

        The ask's account pays, its locale is spoken; its preferences stay. Raises LimitReached. A
        press executes once, and an ask is answered once.
        """
        wakes: list[Wake] = []
        async with self._store.transaction() as tx:
            if not await tx.handled.add(f"press:{press_id}", self._clock()):
                return Duplicate()
            here = (ask.chat_id, ask.message_id)
            chosen = await preferences.chosen(tx, ask)
            options = self._offered(ask, chosen, self._options.catalogue.get(model))
            ordinal = await tx.jobs.next_ordinal(*here)
            if options is None or not await tx.asks.choose(*here, self._clock() - ASK_LIVES):
                return AlreadyRunning() if ordinal else Stale()
            draft = replace(
                new_job(ask, options, sources.of(ask)),
                ordinal=ordinal,
                after_message_id=await tx.outgoing.newest(ask.chat_id),
                locale=chosen.language or ask.locale,
            )
            submission = await self._acceptance.accept(tx, draft, options.count, chosen, wakes)
        return self.begin(submission, wakes)

    async def inability(self, ask: PendingPrompt) -> Unsupported | None:
        """Tell why a wish that has its words waits, and for which models; None for all others."""
        if not ask.prompt:
            return None
        async with self._store.reading() as tx:
            chosen = await preferences.chosen(tx, ask)
        options = self._options.options(ask.prompt, chosen, spare=ask.flags)
        able = self._options.able(len(ask.sources), mask=options.mask)
        return self._lacks(options, ask.sources) or Unsupported(None, options.profile, able)

    async def ask(self, chat_id: int, message_id: int) -> PendingPrompt | None:
        """Look up what was asked about a message, as long as asks live."""
        async with self._store.reading() as tx:
            return await tx.asks.get(chat_id, message_id, self._clock() - ASK_LIVES)

    async def cancel(self, job_id: int) -> bool:
        """Call a job off unless its pictures are there already; its end releases the reservation."""
        async with self._store.transaction() as tx:
            wake = await tx.jobs.call_off(job_id, self._clock())
        if wake is None:
            return False
        self._stop([wake])
        return True

    async def cancel_all(self, account_id: int, command: str) -> Cancelled | Duplicate:
        """Call all of an account's jobs off, and forget its questions and albums that wait.

        `command` names the message, which may come again.
        """
        wakes: list[Wake] = []
        async with self._store.transaction() as tx:
            if not await tx.handled.add(f"cancel:{command}", self._clock()):
                return Duplicate()
            jobs = await tx.jobs.of_account(account_id, limit=1000)
            found = [await tx.jobs.call_off(job.id, self._clock()) for job in jobs]
            wakes += [wake for wake in found if wake]
            asks = await tx.asks.forget(account_id) + await tx.albums.call_off(account_id)
            at = self._clock()
            voices = await tx.voices.forget(account_id, OutcomeKind.CANCELLED, at)
            rewrites = await tx.rewrites.forget(account_id, at)
        self._stop(wakes)
        return Cancelled(len(wakes) + voices + rewrites, asks)

    async def unasked(self) -> list[PendingPrompt]:
        """List the questions that a crash kept the bot from asking."""
        async with self._store.reading() as tx:
            return await tx.asks.unquestioned(self._clock() - ASK_LIVES)

    async def job(self, job_id: int) -> Job | None:
        """Look a job up."""
        async with self._store.reading() as tx:
            return await tx.jobs.get(job_id)

    async def job_of(self, chat_id: int, message_id: int) -> Job | None:
        """Look up the first job of a message."""
        async with self._store.reading() as tx:
            return await tx.jobs.find(chat_id, message_id, 0)

    async def picture(self, picture_id: int) -> tuple[Picture, Job] | None:
        """Look a picture up, with the job that made it."""
        async with self._store.reading() as tx:
            picture = await tx.pictures.get(picture_id)
            job = await tx.jobs.get(picture.job_id) if picture else None
        return (picture, job) if picture and job else None

    def _stop(self, wakes: list[Wake]) -> None:
        for wake in wakes:
            self._dispatch.interrupt(wake.job_id)
        self._dispatch.wake(wakes, first=True)

    def _obstacle(
        self, options: Options, found: FoundSources, *, asks: bool
    ) -> InvalidOption | TooManyInputs | NoInput | Unsupported | None:
        """Tell why a wish is not drawn; what only needs an answer is none where the bot `asks`."""
        pictures = len(found.sources)
        if options.mask and pictures < 2:  # noqa: PLR2004 - one to draw from, and the mask
            return InvalidOption(OptionName.MASK)
        if pictures > self._max_inputs:
            return TooManyInputs(self._max_inputs)
        if not options.prompt:
            return None if pictures and asks else NoInput()
        lacks = self._lacks(options, found.sources)
        return lacks if lacks and not (lacks.others and asks) else None

    def _lacks(self, options: Options, sources: tuple[Source, ...]) -> Unsupported | None:
        return self._options.inability(options.profile, len(sources), mask=options.mask)

    def _offered(
        self, ask: PendingPrompt, chosen: Preferences, model: Profile | None
    ) -> Options | None:
        """Tell what an ask comes to with a model; None if that cannot draw it: data can be forged."""
        if not ask.prompt or model is None or model not in self._options.models():
            return None
        options = self._options.options(ask.prompt, chosen, spare=ask.flags, model=model)
        return None if self._lacks(options, ask.sources) else options

    async def _ask(
        self, tx: Transaction, wish: Prompt, found: FoundSources, prompt: str = "", flags: str = ""
    ) -> Incomplete | Duplicate:
        ask = PendingPrompt(
            account_id=wish.account_id,
            chat_id=wish.chat_id,
            thread_id=wish.thread_id,
            message_id=wish.message_id,
            sources=found.sources,
            asked_at=self._clock(),
            parent_picture_id=found.parent_picture_id,
            locale=wish.locale,
            private=wish.private,
            prompt=prompt,
            flags=flags,
        )
        return Incomplete(ask) if await tx.asks.put(ask) else Duplicate()

    def _still_known(self, request: Request) -> Request:
        """Swap a model that has left the catalogue for the default: old buttons stay alive."""
        if self._options.catalogue.get(request.model):
            return request
        return replace(request, model=self._options.default.id, aspect_ratio=None, size=None)


class JobAcceptance:
    """Makes jobs of drafts, in a caller's transaction."""

    def __init__(
        self, accounts: Access, choices: ModelOptions, clock: Callable[[], datetime]
    ) -> None:
        self._accounts = accounts
        self._options = choices
        self._clock = clock

    async def accept(
        self, tx: Transaction, draft: NewJob, count: int, chosen: Preferences, wakes: list[Wake]
    ) -> Accepted | Duplicate:
        """Make `count` jobs of a draft, all of them or, by LimitReached, none.

        `chosen` holds where they are made: the allowances of a group are in it.
        """
        at = self._clock()
        limits = self._accounts.limits
        charge = self._options.charge(draft.request)  # more pictures of one answer are a gift
        jobs: list[Job] = []
        for ordinal in range(draft.ordinal, draft.ordinal + count):
            job = await tx.jobs.add(replace(draft, ordinal=ordinal), at)
            if job is None:
                return Duplicate()
            try:
                await tx.ledger.reserve(
                    draft.account_id, job.id, charge, at, limits.day, limits.month
                )
            except LimitReached as reached:
                totals = (await tx.ledger.totals(draft.account_id, at))[reached.period]
                room = max(reached.limit - totals.reserved - totals.pictures, 0)
                left = len(jobs) * charge + room  # with what found room before this one
                raise reached.told(left, count * charge) from None
            jobs.append(job)
        if not draft.private and not draft.inline_message_id:
            await tx.allowances.take(
                draft.chat_id,
                draft.account_id,
                count * charge,
                at,
                member=chosen.member_day or 0,
                chat=chosen.chat_day or 0,
            )
        admitted = await tx.jobs.admit(draft.account_id, limits.concurrency)
        wakes += admitted
        going = {wake.job_id for wake in admitted}
        return Accepted(
            tuple([QueuedJob(j, await tx.jobs.ahead(j.id), j.id in going) for j in jobs])
        )


def new_job(asked: Prompt | PendingPrompt, options: Options, found: FoundSources) -> NewJob:
    """Draft the job of a wish, or of pictures that waited."""
    return NewJob(
        account_id=asked.account_id,
        chat_id=asked.chat_id,
        thread_id=asked.thread_id,
        message_id=asked.message_id,
        request=Request(
            prompt=options.prompt,
            model=options.profile.id,
            sources=found.sources,
            aspect_ratio=options.aspect_ratio,
            size=options.size,
            mask=options.mask,
        ),
        locale=asked.locale,
        parent_picture_id=found.parent_picture_id,
        private=asked.private,
    )


async def remember_author(tx: Transaction, chat_id: int, who: Author, at: datetime) -> None:
    """Note who wrote, and where."""
    if who.user_id is not None:
        await tx.people.seen_user(who.user_id, who.name, who.username, who.language, at)
    await tx.people.seen_chat(chat_id, who.chat_kind, who.chat_title, at)
