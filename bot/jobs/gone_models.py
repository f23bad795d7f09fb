"""Models that are gone: their gateway says that it has no such model, or none of it any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.catalogue.profiles import Profile
from bot.domain import CallReport, OutcomeKind

# A gateway may have no channel to a model for a while only: asking costs nothing, but time.
ASKED_AGAIN_AFTER = 600.0  # seconds


@dataclass(slots=True)
class GoneModels:
    """Remembers what gateways said they do not have; `clock` gives seconds that only go up.

    Operators have switched those in `off` off. `on_gone` is told each time a gateway says so of a model, and what may draw instead.
    """

    clock: Callable[[], float]
    on_gone: Callable[[Profile, Profile | None], None] = field(default=lambda *_: None, init=False)
    off: set[str] = field(default_factory=set, init=False)
    _since: dict[str, float] = field(default_factory=dict, init=False)

    def __contains__(self, model_id: object) -> bool:
        """Whether the last that was heard of a model is that it is gone."""
        return model_id in self._since

    def last(self, chain: Sequence[Profile]) -> list[Profile]:
        """Put those that were gone a moment ago behind all others, and nobody stands in who is off."""
        chain = [one for n, one in enumerate(chain) if not n or one.id not in self.off]
        if not self._since:
            return chain
        return sorted(chain, key=self._lately)

    def note(self, profile: Profile, report: CallReport, chain: Sequence[Profile]) -> None:
        """Take note of how a call of one model of a chain has ended."""
        if report.kind is OutcomeKind.UNKNOWN_MODEL:
            self._since[profile.id] = self.clock()
            heirs = (known for known in chain if known.id not in self._since)
            self.on_gone(profile, next(heirs, None))
        elif report.kind is OutcomeKind.DRAWN:
            self._since.pop(profile.id, None)

    def _lately(self, profile: Profile) -> bool:
        since = self._since.get(profile.id)
        return since is not None and self.clock() - since < ASKED_AGAIN_AFTER
