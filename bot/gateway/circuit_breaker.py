"""Circuit breakers: a model, or a gateway, that is down is left alone for a while, then tried again.

What counts are prompts: one that is tried three times has failed once. A model that is overloaded
closes itself and no other; the whole gateway is closed where it cannot be reached, or where several
of its models are down together.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from bot.domain import CallReport, OutcomeKind
from bot.gateway.errors import CircuitOpen

FAILURES = 5  # prompts in a row
REST = 30.0  # seconds
_ANOTHER_TRIES = 1.0  # seconds

# These say nothing about the gateway: it was not asked, or not waited for.
_UNASKED = frozenset({OutcomeKind.BAD_INPUT, OutcomeKind.CANCELLED, OutcomeKind.INTERNAL})
_UNANSWERED = frozenset({OutcomeKind.TIMEOUT, OutcomeKind.CUT_OFF})


@dataclass(slots=True)
class CircuitBreaker:
    """Counts prompts that failed in a row; `clock` gives seconds that only go up."""

    clock: Callable[[], float]
    _failed: set[Hashable] = field(default_factory=set, init=False)
    _until: float = field(default=0.0, init=False)
    _trying: bool = field(default=False, init=False)

    @property
    def is_open(self) -> bool:
        """Whether too many have failed, and none has got through since."""
        return len(self._failed) >= FAILURES

    def open_for(self) -> float:
        """Seconds until a call may be made, 0 for now; only `begin` decides."""
        if not self.is_open:
            return 0.0
        left = self._until - self.clock()
        return left if left > 0 else self._trying * _ANOTHER_TRIES

    def begin(self) -> bool:
        """Begin a call, and tell whether it is the one that tries; `end` must follow.

        Raises CircuitOpen for all others, however many ask at once.
        """
        trial = self.is_open
        if trial and (seconds := self.open_for()) > 0:
            raise CircuitOpen(seconds)
        self._trying = self._trying or trial
        return trial

    def end(self, *, trial: bool, down: bool | None, prompt: Hashable) -> None:
        """End a call of a prompt; `down` is None where it tells nothing."""
        self._trying = self._trying and not trial
        if not down:
            if down is False:
                self._failed.clear()
            return
        resting = self.open_for() > 0
        if not self.is_open:
            self._failed.add(prompt)
        if self.is_open and not resting:
            self._until = self.clock() + REST

    def trip(self) -> None:
        """Open at once, whatever was counted."""
        if not self.is_open:
            self._failed = set(range(FAILURES))
            self._until = self.clock() + REST


@dataclass(frozen=True, slots=True)
class Permit:
    """A call that may be made: whether it tries for its model, and for the whole gateway."""

    model: bool
    gateway: bool


@dataclass(slots=True)
class GatewayCircuits:
    """The breakers of a gateway and of each of its models."""

    clock: Callable[[], float]
    _gateway: CircuitBreaker = field(init=False)
    _models: dict[str, CircuitBreaker] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._gateway = CircuitBreaker(self.clock)

    def open_for(self, model: str | None = None) -> float:
        """Seconds until a model may be called, or without one any; 0 for now."""
        whole, own = self._gateway.open_for(), self._models.get(model or "")
        return max(whole, own.open_for()) if own else whole

    def models(self) -> dict[str, float]:
        """The models that are left alone by themselves, and for how many seconds yet."""
        seconds = {model: own.open_for() for model, own in self._models.items()}
        return {model: left for model, left in seconds.items() if left}

    def broken(self) -> list[str]:
        """The models, "" for the gateway itself, of which none has got through since too many failed."""
        circuits = {"": self._gateway, **self._models}
        return [name for name, circuit in circuits.items() if circuit.is_open]

    def begin(self, model: str) -> Permit:
        """Begin a call of a model; `end` must follow. Raises CircuitOpen."""
        if (seconds := self._gateway.open_for()) > 0:  # before the model's own is taken
            raise CircuitOpen(seconds)
        own = self._models.setdefault(model, CircuitBreaker(self.clock))
        return Permit(own.begin(), self._gateway.begin())

    def end(
        self, model: str, permit: Permit, report: CallReport | None, prompt: Hashable = None
    ) -> None:
        """End a call with its report, None if it was cancelled; no prompt is one of its own."""
        prompt = object() if prompt is None else prompt
        down = None if report is None else is_down(report)
        unreached = report is not None and down is True and is_unreached(report)
        own = self._models[model]
        own.end(trial=permit.model, down=None if unreached else down, prompt=prompt)
        # What is heard of one model is no news of the gateway, unless it is good or was asked for.
        of_all = down if down is False or unreached or permit.gateway else None
        self._gateway.end(trial=permit.gateway, down=of_all, prompt=prompt)
        if down and own.is_open and sum(one.is_open for one in self._models.values()) > 1:
            self._gateway.trip()


def is_unreached(report: CallReport) -> bool:
    """Whether no connection to the gateway came about."""
    return report.kind is OutcomeKind.UNAVAILABLE and report.http_status is None


def is_down(report: CallReport) -> bool | None:
    """Whether a call's end means that its model is down; None if it says nothing about that.

    A refusal, a lack of money, too many requests: whoever says so is there.
    """
    if report.kind in _UNASKED:
        return None
    if report.kind in _UNANSWERED:
        return report.http_status is None
    return report.kind is OutcomeKind.UNAVAILABLE
