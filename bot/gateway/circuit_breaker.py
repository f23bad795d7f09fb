"""A circuit breaker: a gateway that is down is left alone for a while, then tried again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.domain import CallReport, OutcomeKind
from bot.gateway.errors import CircuitOpen

FAILURES = 5  # in a row
REST = 30.0  # seconds
_ANOTHER_TRIES = 1.0  # seconds

# These say nothing about the gateway: it was not asked, or not waited for.
_UNASKED = frozenset({OutcomeKind.BAD_INPUT, OutcomeKind.CANCELLED, OutcomeKind.INTERNAL})
_UNANSWERED = frozenset({OutcomeKind.TIMEOUT, OutcomeKind.BROKEN})


@dataclass(slots=True)
class CircuitBreaker:
    """Counts failures in a row; `clock` gives seconds that only go up."""

    clock: Callable[[], float]
    _failures: int = 0
    _until: float = 0.0
    _trying: bool = False

    def open_for(self) -> float:
        """Seconds until a call may be made, 0 for now; only `begin` decides."""
        if self._failures < FAILURES:
            return 0.0
        left = self._until - self.clock()
        return left if left > 0 else self._trying * _ANOTHER_TRIES

    def begin(self) -> bool:
        """Begin a call, and tell whether it is the one that tries; `end` must follow.

        Raises CircuitOpen for all others, however many ask at once.
        """
        if (seconds := self.open_for()) > 0:
            raise CircuitOpen(seconds)
        trial = self._failures >= FAILURES
        self._trying = self._trying or trial
        return trial

    def end(self, *, trial: bool, report: CallReport | None) -> None:
        """End a call with its report, None if it was cancelled."""
        self._trying = self._trying and not trial
        down = None if report is None else is_down(report)
        if down is None:
            return
        resting = self._failures >= FAILURES and self.open_for() > 0
        self._failures = self._failures + 1 if down else 0
        if self._failures >= FAILURES and not resting:
            self._until = self.clock() + REST


def is_down(report: CallReport) -> bool | None:
    """Whether a call's end means that its gateway is down; None if it says nothing about that.

    A refusal, a lack of money, too many requests: whoever says so is there.
    """
    if report.kind in _UNASKED:
        return None
    if report.kind in _UNANSWERED:
        return report.http_status is None
    return report.kind is OutcomeKind.UNAVAILABLE
