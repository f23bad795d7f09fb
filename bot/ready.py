"""Ready requests: presets drawn for pictures that wait, and asked for where there are none yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot import inheritance, material
from bot.acceptance import drafted
from bot.config import ConfigError
from bot.domain import Ask, Draft, Preferences
from bot.generation import ASK_LIVES
from bot.submissions import AlreadyDrawing, Asked, Duplicate, Entered, Stale

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.catalogue.presets import Preset, Presets
    from bot.domain import Wake, Wish
    from bot.generation import Generation
    from bot.options import Choices, Inability, Options
    from bot.storage.engine import Store
    from bot.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Place:
    """Where a preset waits for the rest of its request: below the question with this id."""

    account_id: int
    chat_id: int
    thread_id: int | None
    question_id: int


def checked(presets: Presets, choices: Choices) -> Presets:
    """Make sure that every preset's flags can be obeyed by some model; raises ConfigError."""
    models = [Preferences(model=profile.id) for profile in choices.models()]
    for preset in presets:
        misfits = [choices.misfit(preset.asking("words"), chosen) for chosen in models]
        if misfits and all(misfits):
            misfit = misfits[0]
            problem = misfit.problem if misfit else ""
            raise ConfigError(
                f"PRESETS_FILE: preset {preset.id}: prompt: no model knows its {problem}"
            )
    return presets


class Ready:
    """Draws presets; a press executes once, and one preset of an ask is drawn once at a time."""

    def __init__(
        self,
        *,
        store: Store,
        generation: Generation,
        choices: Choices,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._generation = generation
        self._choices = choices
        self._clock = clock

    async def draw(
        self, ask: Ask, preset: Preset, *, press_id: str
    ) -> Entered | Asked | Inability | AlreadyDrawing | Stale | Duplicate:
        """Draw a preset with the pictures of an ask, as its account has chosen; it pays.

        Where that model cannot, the ask waits for another one: Asked. Inability if there is none.
        Raises LimitReached; nothing is kept then.
        """
        wakes: list[Wake] = []
        async with self._store.transaction() as tx:
            submission = await self._draw(tx, ask, preset.asking(), press_id, wakes)
        return self._generation.begin(submission, wakes)

    async def asked(self, place: Place, prompt: str, locale: str, *, private: bool) -> None:
        """Keep that a reply to a question, which was sent just now, brings what a preset lacks."""
        ask = Ask(
            account_id=place.account_id,
            chat_id=place.chat_id,
            thread_id=place.thread_id,
            message_id=place.question_id,
            sources=(),
            asked_at=self._clock(),
            locale=locale,
            private=private,
            question_id=place.question_id,
            prompt=prompt,
        )
        async with self._store.transaction() as tx:
            await tx.outgoing.add(place.chat_id, place.question_id, self._clock())
            await tx.asks.expect(ask)

    async def expects(self, wish: Wish) -> bool:
        """Whether a wish replies to a question that asks this account for a photo or words."""
        if wish.reply is None:
            return False
        asked = (wish.account_id, wish.chat_id, wish.reply.message_id)
        async with self._store.reading() as tx:
            return await tx.asks.expecting(*asked, self._clock() - ASK_LIVES) is not None

    async def _draw(
        self, tx: Transaction, ask: Ask, prompt: str, press_id: str, wakes: list[Wake]
    ) -> Entered | Asked | Inability | AlreadyDrawing | Stale | Duplicate:
        if not await tx.handled.add(f"press:{press_id}", self._clock()):
            return Duplicate()
        kept = await tx.asks.get(ask.chat_id, ask.message_id, self._clock() - ASK_LIVES)
        if kept is None or not kept.sources:
            return Stale()
        chosen = await inheritance.chosen(tx, ask)
        options = self._choices.options(prompt, chosen, spare=kept.flags)
        lacks = self._choices.inability(options.profile, len(kept.sources), mask=options.mask)
        if lacks:
            if not lacks.others:
                return lacks
            await tx.asks.word(ask.chat_id, ask.message_id, prompt)
            await tx.handled.add(worded(ask.chat_id, ask.message_id), self._clock())
            return Asked(replace(ask, prompt=prompt))
        draft = await _draft(tx, ask, kept, options)
        open_ = await tx.jobs.open_at(ask.chat_id, ask.message_id)
        if any(job.request == draft.request for job in open_):
            return AlreadyDrawing()
        await tx.asks.choose(ask.chat_id, ask.message_id, self._clock() - ASK_LIVES)
        return await self._generation.further(tx, draft, options.count, chosen, wakes)


def worded(chat_id: int, message_id: int) -> str:
    """Name the fact that pictures have their words by a press, and not from their caption."""
    return f"worded:{chat_id}:{message_id}"


async def _draft(tx: Transaction, ask: Ask, kept: Ask, options: Options) -> Draft:
    return replace(
        drafted(ask, options, material.of(kept)),
        ordinal=await tx.jobs.next_ordinal(ask.chat_id, ask.message_id),
        after_message_id=await tx.outgoing.newest(ask.chat_id),
    )
