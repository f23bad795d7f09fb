"""Rewrites: prompts made better by a text model, and shown before either wording is drawn."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING

from bot import inheritance, material
from bot.acceptance import introduce
from bot.domain import Errand, ErrandKind, Rewrite
from bot.generation import ASK_LIVES
from bot.submissions import AlreadyDrawing, Asked, Duplicate, Entered

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.accounts import Limits
    from bot.domain import Introduction, Preferences, Wake, Wish
    from bot.errands import ErrandBook
    from bot.gateway.text import PromptEnhancer
    from bot.generation import Generation
    from bot.options import Choices, Misfit
    from bot.storage.engine import Store
    from bot.storage.transaction import Transaction
    from bot.submissions import Submission

WAITING = 2  # prompts of one account that are being bettered
CROWD = 100  # and of all


class Arrival(Enum):
    """What became of a prompt that has just come."""

    KEPT = auto()
    KNOWN = auto()
    TOO_MANY = auto()
    CROWDED = auto()
    NO_WORDS = auto()


class _Refused(Exception):
    """A wording that cannot be drawn."""

    def __init__(self, submission: Submission) -> None:
        super().__init__()
        self.submission = submission


def _check_taken(submission: Submission) -> None:
    if not isinstance(submission, Entered | Asked | Duplicate):
        raise _Refused(submission)


class Rewrites:
    """Betters prompts, where there is a text model; that costs nobody a picture."""

    def __init__(
        self,
        *,
        store: Store,
        generation: Generation,
        limits: Limits,
        choices: Choices,
        rewriter: PromptEnhancer | None,
        errands: ErrandBook,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._generation = generation
        self._limits = limits
        self._choices = choices
        self._rewriter = rewriter
        self._errands = errands
        self._clock = clock

    @property
    def on(self) -> bool:
        """Whether there is a text model."""
        return self._rewriter is not None

    async def wanted(self, wish: Wish) -> bool:
        """Whether the words of a message are to be made better before they are drawn.

        A flag says so, or whoever decides has chosen it; a choice is about words alone.
        """
        if not wish.prompt or wish.sources:
            return False
        said = self._choices.enhanced(wish.prompt)
        if said is not None or not self.on:
            return bool(said)
        async with self._store.reading() as tx:
            if await tx.rewrites.known(wish.chat_id, wish.message_id):
                return True  # whatever was chosen meanwhile
            if not (await inheritance.chosen(tx, wish)).enhance:
                return False
            if await tx.jobs.find(wish.chat_id, wish.message_id, 0):
                return False
            return not await material.pictured(tx, wish, self._clock() - ASK_LIVES)

    async def accept(
        self, rewrite: Rewrite, introduction: Introduction | None = None
    ) -> tuple[Rewrite, Arrival] | Misfit:
        """Commit a prompt; raises LimitReached where its picture could not be drawn anyway."""
        async with self._store.transaction() as tx:
            if await tx.rewrites.known(rewrite.chat_id, rewrite.message_id):
                return rewrite, Arrival.KNOWN
            chosen = await inheritance.chosen(tx, rewrite)
            if misfit := self._choices.misfit(rewrite.words, chosen):
                return misfit
            self._limits.check(await tx.ledger.totals(rewrite.account_id, self._clock()))
            if full := await _full(tx, rewrite):
                return rewrite, full
            rewrite = self._split(rewrite, chosen)
            if not rewrite.bare:
                return rewrite, Arrival.NO_WORDS
            if introduction:
                await introduce(tx, rewrite.chat_id, introduction, self._clock())
            await tx.rewrites.put(rewrite)
        return rewrite, Arrival.KEPT

    async def undone(self) -> list[Rewrite]:
        """List what an earlier process has left."""
        async with self._store.reading() as tx:
            return await tx.rewrites.undone()

    async def open(self, rewrite: Rewrite) -> Rewrite | None:
        """Look up how far a prompt has come; None if it is done, or was called off."""
        return await self.find(rewrite.chat_id, rewrite.message_id)

    async def find(self, chat_id: int, message_id: int) -> Rewrite | None:
        """Look a prompt up by its message; None if it is done."""
        async with self._store.reading() as tx:
            return await tx.rewrites.open(chat_id, message_id)

    async def better(self, rewrite: Rewrite) -> Rewrite | None:
        """Ask for better words and commit them; they are empty where none could be had.

        None where the prompt was called off or erased meanwhile.
        """
        kept, words = await self._asked(rewrite)
        return replace(rewrite, better=words) if kept else None

    async def _asked(self, rewrite: Rewrite) -> tuple[bool, str]:
        rewriter = self._rewriter
        errand = _errand(rewrite, rewriter) if rewriter else None
        call = await self._errands.begin(errand) if errand else None
        if rewriter is None or errand is None or call is None:
            async with self._store.transaction() as tx:
                return await tx.rewrites.bettered(rewrite, ""), ""
        came = await rewriter.enhance(rewrite.bare)
        words = came.words or ""
        keep = partial(_keep, rewrite=rewrite, words=words)
        return await self._errands.end(call, errand, came.report, keep), words

    async def shown(self, rewrite: Rewrite, message_id: int) -> None:
        """Note that the words stand in a message of the bot's."""
        async with self._store.transaction() as tx:
            await tx.rewrites.shown(rewrite, message_id)
            await tx.outgoing.add(rewrite.chat_id, message_id, self._clock())

    async def anew(self, rewrite: Rewrite, press_id: str) -> Arrival:
        """Look for other words, for one press; KNOWN if that is being done, or was.

        Raises LimitReached as `accept` does.
        """
        async with self._store.transaction() as tx:
            if not await tx.handled.add(f"press:{press_id}", self._clock()):
                return Arrival.KNOWN
            self._limits.check(await tx.ledger.totals(rewrite.account_id, self._clock()))
            if full := await _full(tx, rewrite):
                return full
            return Arrival.KEPT if await tx.rewrites.anew(rewrite) else Arrival.KNOWN

    async def draw(
        self, rewrite: Rewrite, prompt: str, press_id: str
    ) -> Submission | AlreadyDrawing:
        """Draw one of the wordings, for one press, once; raises LimitReached, and nothing is done."""
        wakes: list[Wake] = []
        try:
            async with self._store.transaction() as tx:
                if not await tx.handled.add(f"press:{press_id}", self._clock()):
                    return Duplicate()
                if not await tx.rewrites.end(rewrite, self._clock()):
                    return AlreadyDrawing()
                submission = await self._generation.enter(tx, rewrite.wish(prompt), wakes)
                _check_taken(submission)  # if not, the other wording may be drawn yet
        except _Refused as refused:
            return refused.submission
        return self._generation.begin(submission, wakes)

    async def give_up(self, rewrite: Rewrite) -> bool:
        """Be done with a prompt; False if that was so already."""
        async with self._store.transaction() as tx:
            return await tx.rewrites.end(rewrite, self._clock())

    def _split(self, rewrite: Rewrite, chosen: Preferences) -> Rewrite:
        """Tell a prompt's words from its flags: the model sees the one, the drawing both."""
        said = self._choices.options(rewrite.words, chosen)
        usual = self._choices.preferred(chosen)
        pairs = (
            ("model", said.profile.id, usual.profile.id),
            ("ratio", said.aspect_ratio, usual.aspect_ratio),
            ("size", said.size, usual.size),
            ("count", said.count, usual.count),
        )
        flags = [f"--{name} {value}" for name, value, used in pairs if value and value != used]
        flags += ["--mask"] if said.mask else []
        return replace(rewrite, bare=said.prompt, flags=" ".join(flags))


def _errand(rewrite: Rewrite, rewriter: PromptEnhancer) -> Errand:
    here = (rewrite.account_id, rewrite.chat_id, rewrite.message_id)
    return Errand(ErrandKind.REWRITE, *here, rewriter.model, rewriter.host)


def rewrite_of(wish: Wish, at: datetime) -> Rewrite:
    """Take a wish as a prompt to be made better."""
    return Rewrite(
        account_id=wish.account_id,
        chat_id=wish.chat_id,
        message_id=wish.message_id,
        words=wish.prompt,
        locale=wish.locale,
        asked_at=at,
        thread_id=wish.thread_id,
        private=wish.private,
        reply=wish.reply,
    )


async def _full(tx: Transaction, rewrite: Rewrite) -> Arrival | None:
    """Tell whether too many wait already, of this account or of all."""
    if await tx.rewrites.waiting(rewrite.account_id) >= WAITING:
        return Arrival.TOO_MANY
    return Arrival.CROWDED if await tx.rewrites.crowd(CROWD) >= CROWD else None


async def _keep(tx: Transaction, *, rewrite: Rewrite, words: str) -> bool:
    return await tx.rewrites.bettered(rewrite, words)
