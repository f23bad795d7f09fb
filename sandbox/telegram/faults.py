"""Faults on demand: refusals, broken connections and calls that stop half-way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

from sandbox.waiting import PATIENCE, patient

ANY = "*"
_LONGEST_HOLD = 120.0  # seconds


@dataclass(frozen=True, slots=True)
class Flood:
    """429 with `parameters.retry_after`; not processed."""

    retry_after: int = 1


@dataclass(frozen=True, slots=True)
class Forbidden:
    """403; not processed."""

    text: str = "bot was blocked by the user"


@dataclass(frozen=True, slots=True)
class BadRequest:
    """400; not processed."""

    text: str


@dataclass(frozen=True, slots=True)
class Unauthorized:
    """401, as for a token that is not known; not processed."""


@dataclass(frozen=True, slots=True)
class Strange:
    """Processed, and answered with this instead of what it came to."""

    body: str


@dataclass(frozen=True, slots=True)
class ServerError:
    """A page of a proxy in front of Telegram; not processed."""

    status: int = 502
    html: str = "<html><head><title>502 Bad Gateway</title></head></html>"


@dataclass(frozen=True, slots=True)
class ResetBefore:
    """The connection drops and nothing was processed."""


@dataclass(frozen=True, slots=True)
class ResetAfter:
    """The call is processed, then the connection drops: the client cannot know."""


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer for some seconds; if not processed the connection drops afterwards."""

    seconds: float
    processed: bool = True


Refusal = Flood | Forbidden | BadRequest | Unauthorized
Fault = Refusal | ServerError | ResetBefore | ResetAfter | Hang | Strange
When = Literal["before", "after"]


@dataclass(slots=True)
class _Planned:
    method: str
    fault: Fault
    times: int
    until: float | None
    after: int = 0


class MethodGate:
    """Stops calls of one method, before or after they are processed, until it is opened."""

    def __init__(self, method: str, when: When, close: Callable[[MethodGate], None]) -> None:
        self.method = method
        self.when = when
        self.waiting = 0
        self.dropped = False
        self._close = close
        self._reached = asyncio.Event()
        self._opened = asyncio.Event()

    async def reached(self, seconds: float = PATIENCE) -> None:
        """Wait until a call stands at the gate."""
        async with patient(seconds):
            await self._reached.wait()

    def release(self) -> None:
        """Let the waiting calls go on, and all later ones pass."""
        self._close(self)
        self._opened.set()

    def drop(self) -> None:
        """Break the waiting calls' connections; those held before processing never happen."""
        self.dropped = True
        self.release()

    async def stand(self) -> bool:
        """Wait at the gate, two minutes at most; False when the call is to be dropped."""
        self.waiting += 1
        self._reached.set()
        try:
            async with asyncio.timeout(_LONGEST_HOLD):
                await self._opened.wait()
        except TimeoutError:
            return False
        finally:
            self.waiting -= 1
        return not self.dropped

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Faults:
    """What will go wrong, in the order in which it was asked for."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._planned: list[_Planned] = []
        self._gates: list[MethodGate] = []

    def plan(self, method: str, fault: Fault, times: int = 1, after: int = 0) -> None:
        """Let the next calls of a method (or `*`: of any but getUpdates) fail, `after` so many."""
        self._planned.append(_Planned(method, fault, times, None, after))

    def during(self, seconds: float, fault: Fault, method: str = ANY) -> None:
        self._planned.append(_Planned(method, fault, 0, self._clock() + seconds))

    def clear(self) -> None:
        self._planned.clear()
        for gate in list(self._gates):
            gate.release()

    def take(self, method: str) -> Fault | None:
        """Give the fault for a call that has just come in, using it up."""
        now = self._clock()
        self._planned = [plan for plan in self._planned if plan.until is None or plan.until > now]
        for plan in self._planned:
            if plan.method == method or (plan.method == ANY and _ordinary(plan, method)):
                if plan.after:
                    plan.after -= 1
                    continue
                self._use(plan)
                return plan.fault
        return None

    def hold(self, method: str, when: When) -> MethodGate:
        gate = MethodGate(method, when, self._open)
        self._gates.append(gate)
        return gate

    def gate(self, method: str, when: When) -> MethodGate | None:
        for gate in self._gates:
            if gate.method in {method, ANY} and gate.when == when:
                return gate
        return None

    def _open(self, gate: MethodGate) -> None:
        if gate in self._gates:
            self._gates.remove(gate)

    def _use(self, plan: _Planned) -> None:
        if plan.until is not None:
            return
        plan.times -= 1
        if plan.times <= 0:
            self._planned.remove(plan)


def _ordinary(plan: _Planned, method: str) -> bool:
    # A counted `*` means sends and edits; the poll that always runs would swallow it.
    return plan.until is not None or method != "getUpdates"
