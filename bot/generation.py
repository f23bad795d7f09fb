"""The product's rules: what becomes of a wish, of a press on Again, of a Cancel.

Every function commits in one transaction whatever must survive a crash, wakes workers after it,
and says what happened as a value; talking about it is not its business.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar

from bot.domain import Ask, Draft, Job, Picture, Request, Source, Wake, Wish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from bot.accounts import Accounts
    from bot.catalogue import Catalogue, Profile
    from bot.domain import Introduction
    from bot.storage.engine import Store
    from bot.storage.transaction import Transaction

ASK_LIVES = timedelta(hours=24)  # how long pictures wait for their prompt
PICTURES_A_JOB = 1  # what is reserved; more pictures in one answer are the model's gift


class Dispatch(Protocol):
    """Who runs jobs: woken after the commit, told to stop one after its cancel."""

    def wake(self, wakes: Iterable[Wake], *, first: bool = False) -> None:
        """Have jobs run, `first` before all others."""

    def interrupt(self, job_id: int) -> None:
        """Stop working on a job."""

    def runs(self, job_id: int) -> bool:
        """Whether a job is being worked on."""
        ...


@dataclass(frozen=True, slots=True)
class Accepted:
    """The wish is a job now, with `ahead` others before it, or `started` already.

    Not `dispatched` means that it waits for the account's own earlier jobs.
    """

    job: Job
    ahead: int
    dispatched: bool
    started: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """Pictures came without a prompt: they wait for the account's next message."""

    ask: Ask


@dataclass(frozen=True, slots=True)
class TooMany:
    """More pictures than one request may work on; nothing was accepted."""

    limit: int


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is neither prompt nor picture."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The same message or press was dealt with before."""


@dataclass(frozen=True, slots=True)
class CalledOff:
    """So many jobs were called off, and so many questions about pictures dropped."""

    jobs: int
    asks: int


@dataclass(frozen=True, slots=True)
class AlreadyDrawing:
    """This button's last press is still being worked on."""


Submission = Accepted | Asked | TooMany | Nothing | Duplicate
S = TypeVar("S", bound=Submission | AlreadyDrawing)


class Generation:
    """Turns wishes into jobs, repeats them and calls them off."""

    def __init__(
        self,
        *,
        store: Store,
        accounts: Accounts,
        catalogue: Catalogue,
        default: Profile,
        max_inputs: int,
        dispatch: Dispatch,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._catalogue = catalogue
        self._default = default
        self._max_inputs = max_inputs
        self._dispatch = dispatch
        self._clock = clock

    async def submit(self, wish: Wish) -> Submission:
        """Accept a wish: job and reservation in one transaction, or the question what to draw.

        Raises LimitReached where the account's quota is used up; nothing is kept then.
        """
        wakes: list[Wake] = []
        async with self._store.transaction() as tx:
            submission = await self.enter(tx, wish, wakes)
        return self.begin(submission, wakes)

    def begin(self, submission: S, wakes: list[Wake]) -> S:
        """Wake workers after the commit, and note whether the job itself began."""
        self._dispatch.wake(wakes)
        if isinstance(submission, Accepted) and self._dispatch.runs(submission.job.id):
            return replace(submission, started=True)
        return submission

    async def enter(self, tx: Transaction, wish: Wish, wakes: list[Wake]) -> Submission:
        """Do the same inside a caller's transaction; he calls `begin` after his commit."""
        if await tx.jobs.find(wish.chat_id, wish.message_id, 0):
            return Duplicate()
        if wish.introduction:
            await _introduce(tx, wish.chat_id, wish.introduction, self._clock())
        sources, parent = await self._works_on(tx, wish)
        profile, ratio = await self._chosen(tx, wish.account_id)
        limit = min(self._max_inputs, profile.max_inputs)
        if len(sources) > limit:
            return TooMany(limit)
        if not wish.prompt:
            return await self._ask(tx, wish, sources, parent) if sources else Nothing()
        draft = Draft(
            account_id=wish.account_id,
            chat_id=wish.chat_id,
            thread_id=wish.thread_id,
            message_id=wish.message_id,
            request=Request(wish.prompt, profile.id, sources, ratio),
            locale=wish.locale,
            parent_picture_id=parent,
            private=wish.private,
        )
        return await self._accept(tx, draft, wakes)

    async def repeat(
        self, job: Job, *, press_id: str, message_id: int
    ) -> Accepted | Duplicate | AlreadyDrawing:
        """Draw a job's request once more, for the press of a button under `message_id`.

        The job's account pays, its locale is spoken. Raises LimitReached. A press executes once: by its id when Telegram repeats it, and by the
        job it started when an impatient finger does.
        """
        wakes: list[Wake] = []
        async with self._store.transaction() as tx:
            if not await tx.handled.add(f"press:{press_id}", self._clock()):
                return Duplicate()
            if await tx.jobs.open_at(job.chat_id, message_id):
                return AlreadyDrawing()
            draft = Draft(
                account_id=job.account_id,
                chat_id=job.chat_id,
                thread_id=job.thread_id,
                message_id=message_id,
                ordinal=await tx.jobs.next_ordinal(job.chat_id, message_id),
                request=self._still_known(job.request),
                locale=job.locale,
                parent_picture_id=job.parent_picture_id,
                private=job.private,
                after_message_id=await tx.outgoing.newest(job.chat_id),
            )
            submission = await self._accept(tx, draft, wakes)
        return self.begin(submission, wakes)

    async def cancel(self, job_id: int) -> bool:
        """Call a job off unless its pictures are there already; its reservation is released."""
        async with self._store.transaction() as tx:
            wake = await tx.jobs.call_off(job_id, self._clock())
        if wake is None:
            return False
        self._stop([wake])
        return True

    async def cancel_all(self, account_id: int, command: str) -> CalledOff | Duplicate:
        """Call all of an account's jobs off; `command` names the message, which may come again."""
        wakes: list[Wake] = []
        async with self._store.transaction() as tx:
            if not await tx.handled.add(f"cancel:{command}", self._clock()):
                return Duplicate()
            jobs = await tx.jobs.of_account(account_id, limit=1000)
            found = [await tx.jobs.call_off(job.id, self._clock()) for job in jobs]
            wakes += [wake for wake in found if wake]
            asks = await tx.asks.forget(account_id)
        self._stop(wakes)
        return CalledOff(len(wakes), asks)

    async def unasked(self) -> list[Ask]:
        """List the questions that a crash kept the bot from asking."""
        async with self._store.reading() as tx:
            return await tx.asks.unquestioned(self._clock() - ASK_LIVES)

    async def job(self, job_id: int) -> Job | None:
        """Look a job up."""
        async with self._store.reading() as tx:
            return await tx.jobs.get(job_id)

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

    async def _accept(
        self, tx: Transaction, draft: Draft, wakes: list[Wake]
    ) -> Accepted | Duplicate:
        at = self._clock()
        limits = self._accounts.limits
        job = await tx.jobs.add(draft, at)
        if job is None:
            return Duplicate()
        await tx.ledger.reserve(
            draft.account_id, job.id, PICTURES_A_JOB, at, limits.day, limits.month
        )
        admitted = await tx.jobs.admit(draft.account_id, limits.concurrency)
        wakes += admitted
        dispatched = any(wake.job_id == job.id for wake in admitted)
        return Accepted(job, await tx.jobs.ahead(job.id), dispatched)

    async def _ask(
        self, tx: Transaction, wish: Wish, sources: tuple[Source, ...], parent: int | None
    ) -> Asked | Duplicate:
        ask = Ask(
            account_id=wish.account_id,
            chat_id=wish.chat_id,
            thread_id=wish.thread_id,
            message_id=wish.message_id,
            sources=sources,
            asked_at=self._clock(),
            parent_picture_id=parent,
            locale=wish.locale,
            private=wish.private,
        )
        return Asked(ask) if await tx.asks.put(ask) else Duplicate()

    async def _works_on(self, tx: Transaction, wish: Wish) -> tuple[tuple[Source, ...], int | None]:
        """Find a wish's pictures: its own, else the replied one, else those that wait for words."""
        if wish.sources:
            return wish.sources, None
        not_before = self._clock() - ASK_LIVES
        if reply := wish.reply:
            ask = await tx.asks.take_replied(
                wish.account_id, wish.chat_id, reply.message_id, not_before
            )
            if picture := await tx.pictures.at(wish.chat_id, reply.message_id):
                file_id = picture.original_file_id or picture.file_id
                return (Source(file_id, picture.sha256, picture.size),), picture.id
            if ask:
                return ask.sources, ask.parent_picture_id
            if reply.source:
                return (reply.source,), None
        if not wish.prompt:
            return (), None
        ask = await tx.asks.take(wish.account_id, wish.chat_id, wish.thread_id, not_before)
        return (ask.sources, ask.parent_picture_id) if ask else ((), None)

    async def _chosen(self, tx: Transaction, account_id: int) -> tuple[Profile, str | None]:
        """Find the model and ratio that an account has chosen, as far as they still exist."""
        chosen = await tx.preferences.get(account_id)
        profile = self._catalogue.get(chosen.model or "") or self._default
        ratio = chosen.aspect_ratio if chosen.aspect_ratio in profile.aspect_ratios else None
        return profile, ratio

    def _still_known(self, request: Request) -> Request:
        """Swap a model that has left the catalogue for the default: old buttons stay alive."""
        if self._catalogue.get(request.model):
            return request
        return replace(request, model=self._default.id, aspect_ratio=None)


async def _introduce(tx: Transaction, chat_id: int, who: Introduction, at: datetime) -> None:
    if who.user_id is not None:
        await tx.people.seen_user(who.user_id, who.name, who.username, who.language, at)
    await tx.people.seen_chat(chat_id, who.chat_kind, who.chat_title, at)
