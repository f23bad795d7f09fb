"""What pictures may be sent in, and how the bot says that one may not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.domain import InputProblem

if TYPE_CHECKING:
    from bot.i18n.texts import Texts

MEGA = 1_000_000


@dataclass(frozen=True, slots=True)
class InputLimits:
    """The most bytes and pixels of one picture, and the words about them."""

    texts: Texts
    max_bytes: int
    max_pixels: int

    def explain(self, locale: str, problem: InputProblem) -> str:
        """Tell why a picture cannot be used, and what would do."""
        limit = ""
        if problem is InputProblem.TOO_MANY_BYTES:
            limit = f"{self.max_bytes / 1024 / 1024:.0f}"
        elif problem is InputProblem.TOO_MANY_PIXELS:
            limit = f"{self.max_pixels / MEGA:.0f}"
        return self.texts(locale, f"problem.{problem}", limit=limit)
