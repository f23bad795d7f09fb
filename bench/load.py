"""Load beyond the scenes: many jobs of one beside a prompt of another, and many who wait long."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.play import FIRST_PERSON, Audience, Measurement, Stage, Subject, play_with_calls
from bench.scenes import HERD, MB, Scene

WAITING = 2000
PROMPTS = 15
ACCEPTED_SECONDS = 300.0  # for all that is to wait
QUICK_ANSWER = Scene(1, 2 * MB, 0.5, PROMPTS)
EDITS = frozenset({"editMessageText", "editMessageReplyMarkup"})


@dataclass(frozen=True, slots=True)
class Fairness:
    """Medians in milliseconds of a prompt alone, and beside `waiting` jobs of somebody else."""

    waiting: int
    alone: tuple[float, float]
    beside: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Herd:
    """Many who wait long; `edits` counts for a prompt how often words or buttons were changed."""

    measured: Measurement
    edits: float


async def measure_fairness(subject: Subject, waiting: int = WAITING) -> Fairness:
    """Let one user ask by himself, and again while another one's jobs wait."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with (
            Stage.open(QUICK_ANSWER.size, QUICK_ANSWER.delay) as stage,
            stage.playing(subject, Path(folder)) as (process, _),
        ):
            audience = Audience(stage, QUICK_ANSWER)
            await process.unless_ended(audience.warm())
            alone = await process.unless_ended(_asked(audience, 0))
            for number in range(waiting):
                prompt = f"prompt-{FIRST_PERSON + 1}-{number}"
                stage.meter.expect(prompt)
                stage.telegram.say(FIRST_PERSON + 1, prompt)
            await process.unless_ended(_all_accepted(stage))
            beside = await process.unless_ended(_asked(audience, PROMPTS))
            return Fairness(waiting, alone, beside)


async def _asked(audience: Audience, first: int) -> tuple[float, float]:
    """Ask some prompts, one after the other; tells the medians to the gateway and to the chat."""
    asked = [await audience.ask(FIRST_PERSON, 1000 + first + n) for n in range(PROMPTS)]
    to_gateway = median(times.asked - times.handed_out for times in asked)
    to_chat = median(times.uploaded - times.answered for times in asked)
    return 1000 * to_gateway, 1000 * to_chat


async def _all_accepted(stage: Stage) -> None:
    async with asyncio.timeout(ACCEPTED_SECONDS):
        while stage.telegram.unconfirmed:  # noqa: ASYNC110 - each poll tells
            await asyncio.sleep(0.1)


async def measure_herd(subject: Subject, scene: Scene = HERD) -> Herd:
    """Let many ask, whose pictures come late."""
    measured, calls = await play_with_calls(subject, scene)
    return Herd(measured, sum(calls[method] for method in EDITS) / scene.prompts)
