"""Wordings: prompts are taken to be made better, whether by command, flag or choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.options import Misfit
from bot.rewrites import Arrival
from bot.tg.advice import misfit_text

if TYPE_CHECKING:
    from bot.domain import Introduction, Rewrite
    from bot.tg.desk import Desk

ANSWERS = {
    Arrival.TOO_MANY: "enhance.many",
    Arrival.CROWDED: "enhance.busy",
    Arrival.NO_WORDS: "enhance.words",
}


async def take(desk: Desk, rewrite: Rewrite, introduction: Introduction | None) -> str | None:
    """Commit a prompt and have it made better; tells what to answer where that cannot be.

    Raises LimitReached where its picture could not be drawn anyway.
    """
    locale = rewrite.locale
    if not desk.rewrites.on:
        return desk.texts(locale, "enhance.off")
    if not rewrite.words:
        return desk.texts(locale, "enhance.words")
    came = await desk.rewrites.accept(rewrite, introduction)
    if isinstance(came, Misfit):
        return misfit_text(desk.texts, locale, came)
    kept, arrival = came
    if arrival is Arrival.KEPT:
        desk.enhancing.begin(kept)
    return desk.texts(locale, ANSWERS[arrival]) if arrival in ANSWERS else None
