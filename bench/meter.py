"""The meter: what passed when, by prompt, as the servers see it on the wire."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Times:
    """When a prompt passed where, by `time.perf_counter`; `calls` counts the gateway's.

    `right` and `wrong` count pictures that arrived for it: bit for bit what was drawn, or not.
    """

    handed_out: float = 0.0
    asked: float = 0.0
    answered: float = 0.0
    uploaded: float = 0.0
    calls: int = 0
    right: int = 0
    wrong: int = 0
    delivered: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def once(self) -> bool:
        """Whether it was bought once, and answered by the one picture that was drawn for it."""
        return (self.calls, self.right, self.wrong) == (1, 1, 0)


@dataclass
class Meter:
    """What was seen, by prompt; `methods` counts Telegram's, `stray` pictures of no prompt.

    `last_call_at` is when Telegram was last asked for anything but updates and pictures.
    """

    by_prompt: dict[str, Times] = field(default_factory=dict)
    polled: asyncio.Event = field(default_factory=asyncio.Event)
    methods: Counter[str] = field(default_factory=Counter)
    stray: int = 0
    last_call_at: float = 0.0

    def expect(self, prompt: str) -> Times:
        times = self.by_prompt[prompt] = Times()
        return times

    def clear(self) -> None:
        """Forget what was seen so far: it was to warm up."""
        self.by_prompt.clear()
        self.methods.clear()

    @property
    def delivered(self) -> list[Times]:
        """The prompts whose pictures came."""
        return [times for times in self.by_prompt.values() if times.uploaded]

    def spans(self, span: Callable[[Times], float]) -> list[float]:
        """List how long something took, shortest first, in milliseconds."""
        return sorted(1000 * span(times) for times in self.delivered)
