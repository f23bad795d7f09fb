"""Enhancements: prompts reworded by a text model, and shown before either wording is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bot.billing.limits import Limits
from bot.domain import Enhancement, Prompt, TextCall, TextCallKind
from bot.gateway.text import TextClient
from bot.jobs.call_recorder import CallRecorder
from bot.jobs.options import InvalidOption, ModelOptions, Options
from bot.jobs.pending import HELD, LIFETIME, held_until, is_about_pictures
from bot.jobs.preferences import PreferenceService
from bot.jobs.submit import (
    Accepted,
    AlreadyRunning,
    Duplicate,
    Incomplete,
    SubmitResult,
    SubmitService,
)
from bot.storage.engine import Store
from bot.storage.transaction import Transaction

WAITING = 2  # prompts of one account that are being enhanced
CROWD = 100  # and of all


class EnhanceRefusal(StrEnum):
    """Why a prompt is not enhanced: the keys of texts."""

    TOO_MANY = "enhance.many"
    CROWDED = "enhance.busy"
    NO_WORDS = "enhance.words"
    OFF = "enhance.off"


class _Refused(Exception):
    """A wording that cannot be drawn: nothing is committed, the other one may be drawn yet."""

    def __init__(self, result: SubmitResult) -> None:
        super().__init__()
        self.result = result


@dataclass(frozen=True, slots=True)
class EnhanceService:
    """Enhances prompts, where there is a text model; that costs nobody a picture."""

    store: Store
    submit: SubmitService
    judge: Callable[[Transaction, int, int], Limits]  # of an account in a chat; NotAdmitted
    options: ModelOptions
    preferences: PreferenceService
    enhancer: TextClient | None
    calls: CallRecorder
    clock: Callable[[], datetime]

    @property
    def on(self) -> bool:
        return self.enhancer is not None

    async def wanted(self, prompt: Prompt) -> bool:
        """Whether the words of a message are to be enhanced before they are drawn.

        A flag says so, or whoever decides has chosen it; a choice is about words alone.
        """
        if not prompt.text or prompt.sources:
            return False
        asked = self.options.wants_enhancing(prompt.text)
        if asked is not None or not self.on:
            return bool(asked)
        return await self.store.read(self._chosen, prompt)

    def _chosen(self, tx: Transaction, prompt: Prompt) -> bool:
        if tx.enhancements.known(prompt.chat_id, prompt.message_id):
            return True  # whatever was chosen meanwhile
        if not self.preferences.in_force(tx, prompt).enhance:
            return False
        if tx.jobs.find(prompt.chat_id, prompt.message_id, 0):
            return False
        return not is_about_pictures(tx, prompt, self.clock() - LIFETIME)

    async def accept(self, prompt: Prompt) -> Enhancement | EnhanceRefusal | InvalidOption | None:
        """Commit a prompt; None if it came before.

        Raises LimitReached where its picture could not be drawn anyway.
        """
        if not self.on:
            return EnhanceRefusal.OFF
        if not prompt.text:
            return EnhanceRefusal.NO_WORDS
        return await self.store.write(self._accept, prompt)

    def _accept(
        self, tx: Transaction, prompt: Prompt
    ) -> Enhancement | EnhanceRefusal | InvalidOption | None:
        if tx.enhancements.known(prompt.chat_id, prompt.message_id):
            return None
        chosen = self.preferences.in_force(tx, prompt)
        options = self.options.check(self.options.parse(prompt.text), chosen)
        if isinstance(options, InvalidOption):
            return options
        if full := self._full(tx, prompt.account_id, prompt.chat_id):
            return full
        if not options.prompt:
            return EnhanceRefusal.NO_WORDS
        if prompt.author:
            self.submit.people.remember(tx, prompt.chat_id, prompt.author, self.clock())
        flags = _flags(options, self.options.preferred(chosen))
        enhancement = Enhancement.of(prompt, self.clock())
        held = held_until(self.store, tx, self.clock())
        tx.enhancements.put(replace(enhancement, bare=options.prompt, flags=flags), held)
        return enhancement

    def _full(self, tx: Transaction, account_id: int, chat_id: int) -> EnhanceRefusal | None:
        """Tell whether too many wait already, of this account or of all; raises LimitReached."""
        limits = self.judge(tx, account_id, chat_id)
        waiting = tx.jobs.waiting(account_id, limits.queue)
        limits.check(tx.ledger.totals(account_id, self.clock()), waiting)
        if tx.enhancements.waiting(account_id) >= WAITING:
            return EnhanceRefusal.TOO_MANY
        return EnhanceRefusal.CROWDED if tx.enhancements.backlog(CROWD) >= CROWD else None

    async def undone(self) -> list[Enhancement]:
        return await self.store.read(lambda tx: tx.enhancements.unfinished(tx.moment(self.clock())))

    async def hold(self, places: Sequence[tuple[int, int]], *, free: bool = False) -> None:
        def hold(tx: Transaction) -> None:
            if until := held_until(self.store, tx, self.clock()):
                tx.enhancements.hold(places, until - HELD if free else until)

        if not self.store.leader.is_sole:
            await self.store.write(hold)

    async def open(self, enhancement: Enhancement) -> Enhancement | None:
        return await self.find(enhancement.chat_id, enhancement.message_id)

    async def find(self, chat_id: int, message_id: int) -> Enhancement | None:
        """Look a prompt up by its message; None if it is done."""
        return await self.store.read(lambda tx: tx.enhancements.open(chat_id, message_id))

    async def enhance(self, enhancement: Enhancement) -> Enhancement | None:
        """Ask for better words and commit them; they are empty where none could be had.

        None where the prompt was cancelled or erased meanwhile.
        """
        words, enhancer = "", self.enhancer

        def keep(tx: Transaction) -> bool:
            return tx.enhancements.improved(enhancement, words)

        if enhancer is None:
            kept = await self.store.write(keep)
            return replace(enhancement, better=words) if kept else None
        place = (enhancement.account_id, enhancement.chat_id, enhancement.message_id)
        call = TextCall(TextCallKind.REWRITE, *place, enhancer.model, enhancer.host)
        call_id = await self.calls.begin_text(call)
        if call_id is None:
            kept = await self.store.write(keep)
        else:
            answer = await enhancer.enhance(enhancement.bare)
            words = answer.words or ""
            kept = await self.calls.end_text(call_id, call, answer.report, keep)
        return replace(enhancement, better=words) if kept else None

    async def shown(self, enhancement: Enhancement, message_id: int) -> None:
        await self.store.write(self._shown, enhancement, message_id)

    def _shown(self, tx: Transaction, enhancement: Enhancement, message_id: int) -> None:
        tx.enhancements.shown(enhancement, message_id)
        tx.messages.add(enhancement.chat_id, message_id, self.clock())

    async def again(self, enhancement: Enhancement, press_id: str) -> bool | EnhanceRefusal:
        """Look for other words, for one press; False if that is being done, or was.

        Raises LimitReached as `accept` does.
        """
        return await self.store.write(self._again, enhancement, press_id)

    def _again(
        self, tx: Transaction, enhancement: Enhancement, press_id: str
    ) -> bool | EnhanceRefusal:
        if not tx.keys.add(f"press:{press_id}", self.clock()):
            return False
        return self._full(
            tx, enhancement.account_id, enhancement.chat_id
        ) or tx.enhancements.restart(enhancement)

    async def draw(
        self, enhancement: Enhancement, text: str, press_id: str
    ) -> SubmitResult | AlreadyRunning:
        """Draw one of the wordings, for one press, once; raises LimitReached, and nothing is done."""
        try:
            return await self.store.write(self._draw, enhancement, text, press_id)
        except _Refused as refused:
            return refused.result

    def _draw(
        self, tx: Transaction, enhancement: Enhancement, text: str, press_id: str
    ) -> SubmitResult | AlreadyRunning:
        if not tx.keys.add(f"press:{press_id}", self.clock()):
            return Duplicate()
        if not tx.enhancements.end(enhancement):
            return AlreadyRunning()
        prompt = enhancement.as_prompt(text)
        if text != enhancement.words:  # what was not understood stands in those
            flags = self.options.parse(enhancement.words)
            said = self.options.resolve(flags, self.preferences.in_force(tx, prompt))
            prompt = replace(prompt, notes=said.notes)
        result = self.submit.submit_in(tx, prompt)
        if not isinstance(result, Accepted | Incomplete | Duplicate):
            raise _Refused(result)
        return result

    async def give_up(self, enhancement: Enhancement) -> bool:
        """Be done with a prompt; False if that was so already."""
        return await self.store.write(lambda tx: tx.enhancements.end(enhancement))


def _flags(said: Options, usual: Options) -> str:
    """Spell out what a prompt's flags came to: the model sees its words, the drawing both."""
    pairs = (
        ("model", said.profile.id, usual.profile.id),
        ("ratio", said.aspect_ratio, usual.aspect_ratio),
        ("size", said.size, usual.size),
        ("count", said.count, usual.count),
    )
    flags = [f"--{name} {value}" for name, value, used in pairs if value and value != used]
    return " ".join([*flags, *(["--mask"] if said.mask else [])])
