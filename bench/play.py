"""Playing a scene: the servers and the users are here, the bot or a floor is another process."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.gateway import Gateway
from bench.http import Request, serving
from bench.meter import Meter, Times
from bench.process import Process, running
from bench.scenes import Scene
from bench.telegram import Telegram

TOKEN, KEY = "110201543:bench", "key-of-the-bench"
PATIENCE = 300.0  # seconds for one picture
START_SECONDS, SETTLE_SECONDS, IDLE_SECONDS = 180.0, 1.0, 10.0
SETTLED_WITHIN = 300.0
WARMING = 3
FIRST_PERSON, GROUP = 1000, -1001000000000

Subject = Literal["floor", "durable", "bot"]
SUBJECTS: tuple[Subject, ...] = ("floor", "durable", "bot")


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one program did in one scene.

    `cpu_ms` for each picture, of that program alone; `peak` in MB; times in milliseconds, as
    (median, 99th percentile): from the update's handing out to the whole request at the gateway,
    and from the answer's last byte to the whole upload. `once` counts the prompts that were
    answered by exactly one picture, bought once and whole. `rate` in pictures a second, from the
    first one's arrival to the last one's; `took` is seconds from the first prompt on. `start` is
    seconds of CPU up to the first poll, `load` the share of a core that the servers took.
    """

    subject: Subject
    scene: Scene
    cpu_ms: float
    peak: float
    to_gateway: tuple[float, float]
    to_chat: tuple[float, float]
    once: int
    rate: float
    took: float
    load: float
    start: float


@dataclass(frozen=True, slots=True)
class Idle:
    """A program with nothing to do: seconds of CPU up to its first poll, CPU in percent, MB held."""

    start: float
    cpu_percent: float
    megabytes: float


@dataclass(frozen=True, slots=True)
class Stage:
    """The servers, on one port, and what passed them."""

    telegram: Telegram
    gateway: Gateway
    meter: Meter
    url: str

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, size: int, delay: float) -> AsyncIterator[Stage]:
        meter = Meter()
        telegram, gateway = Telegram(meter, TOKEN, size), Gateway(meter, KEY, size, delay)

        def app(request: Request) -> None:
            (gateway if request.path.startswith("/v1/") else telegram)(request)

        async with serving(app) as url:
            yield cls(telegram, gateway, meter, url)

    @contextlib.asynccontextmanager
    async def playing(
        self, subject: Subject, folder: Path, watched: Sequence[str] = ()
    ) -> AsyncIterator[tuple[Process, float]]:
        """Run a program from its first poll on; tells the seconds of CPU that it took till then.

        `watched` is what runs it, where it is not to run by itself.
        """
        self.meter.polled.clear()
        arguments, environment = _command(subject, self.url, folder)
        log = folder / "log"
        async with running(["-m", *watched, *arguments], environment, log) as process:
            async with asyncio.timeout(START_SECONDS):
                await process.unless_ended(self.meter.polled.wait())
            yield process, process.cpu()


async def play(subject: Subject, scene: Scene) -> Measurement:
    """Play a scene to one program; raises RuntimeError where it ends by itself."""
    return (await play_with_calls(subject, scene))[0]


async def play_with_calls(subject: Subject, scene: Scene) -> tuple[Measurement, Counter[str]]:
    """Play a scene, and count the calls of Telegram by method."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with (
            Stage.open(scene.size, scene.delay) as stage,
            stage.playing(subject, Path(folder)) as (process, start),
        ):
            audience = Audience(stage, scene)
            await process.unless_ended(audience.warm())
            measuring = _measured(subject, audience, process, start)
            return await process.unless_ended(measuring), stage.meter.methods


async def measure_idle(subject: Subject) -> Idle:
    """Start a program for the second time, on the data of the first, and leave it alone."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with Stage.open(1000, 0) as stage:
            for seconds in (SETTLE_SECONDS, IDLE_SECONDS):
                async with stage.playing(subject, Path(folder)) as (process, start):
                    await process.unless_ended(settled(stage.meter))
                    before = process.cpu()
                    await asyncio.sleep(seconds)
                    used = (process.cpu() - before) / seconds
                    idle = Idle(start, 100 * used, process.megabytes("VmRSS"))
    return idle


class Audience:
    """The users of a scene: each asks, waits for the picture, asks again."""

    def __init__(self, stage: Stage, scene: Scene) -> None:
        self.meter = stage.meter
        self.scene = scene
        self._telegram = stage.telegram

    async def warm(self) -> None:
        """Let one user ask a few times before anything counts."""
        for number in range(WARMING):
            await self.ask(FIRST_PERSON, number)
        await asyncio.sleep(SETTLE_SECONDS)
        self.meter.clear()
        self._telegram.pictures.clear()

    async def play(self) -> None:
        """Have everybody ask as often as the scene says, one prompt after the other."""
        spread = 0 if self.scene.burst else self.scene.delay / self.scene.users
        asking = (self._ask_all(at, at * spread) for at in range(self.scene.users))
        await asyncio.gather(*asking)

    async def _ask_all(self, at: int, pause: float) -> None:
        await asyncio.sleep(pause)
        for number in range(self.scene.rounds):
            await self.ask(FIRST_PERSON + at, WARMING + number)

    async def ask(self, person: int, number: int) -> Times:
        """Ask once, and wait for the picture; one that does not come is missing in `once`."""
        prompt = f"prompt-{person}-{number}"
        times = self.meter.expect(prompt)
        group = GROUP if self.scene.group else None
        self._telegram.say(person, prompt, photo=self.scene.photos, group=group)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await times.delivered.wait()
        return times

    def once(self) -> int:
        """Count the prompts that were bought once and stand in their chat once."""
        standing = sum(map(len, self._telegram.pictures.values())) + self.meter.stray
        good = sum(times.once for times in self.meter.by_prompt.values())
        return good - max(0, standing - self.scene.prompts)


async def _measured(
    subject: Subject, audience: Audience, process: Process, start: float
) -> Measurement:
    scene, meter = audience.scene, audience.meter
    cpu, own, began = process.cpu(), time.process_time(), time.perf_counter()
    await audience.play()
    took = time.perf_counter() - began
    load = (time.process_time() - own) / took
    await asyncio.sleep(SETTLE_SECONDS)  # what follows a delivery is part of its cost
    arrived = sorted(times.uploaded for times in meter.delivered)
    return Measurement(
        subject=subject,
        scene=scene,
        cpu_ms=1000 * (process.cpu() - cpu) / scene.prompts,
        peak=process.megabytes("VmHWM"),
        to_gateway=quantiles(meter.spans(_to_gateway)),
        to_chat=quantiles(meter.spans(_to_chat)),
        once=audience.once(),
        rate=(len(arrived) - 1) / (arrived[-1] - arrived[0]) if len(arrived) > 1 else 0.0,
        took=took,
        load=load,
        start=start,
    )


async def settled(meter: Meter) -> None:
    """Wait until a program has nothing more to tell: its first start has menus to publish."""
    async with asyncio.timeout(SETTLED_WITHIN):
        await asyncio.sleep(3 * SETTLE_SECONDS)
        while time.perf_counter() - meter.last_call_at < 3 * SETTLE_SECONDS:  # noqa: ASYNC110 - time is the event
            await asyncio.sleep(SETTLE_SECONDS)


def _to_gateway(times: Times) -> float:
    return times.asked - times.handed_out


def _to_chat(times: Times) -> float:
    return times.uploaded - times.answered


def quantiles(spans: list[float]) -> tuple[float, float]:
    """Tell the median and the 99th percentile of what is in order; zeros where there is nothing."""
    if not spans:
        return 0.0, 0.0
    return spans[len(spans) // 2], spans[min(len(spans) - 1, len(spans) * 99 // 100)]


def _command(subject: Subject, url: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Name a program's module with its arguments, and its environment."""
    secrets, gateway = {"TELEGRAM_BOT_TOKEN": TOKEN, "GATEWAY_API_KEY": KEY}, f"{url}/v1"
    if subject == "floor":
        return ["bench.floor", url, gateway], secrets
    if subject == "durable":
        return ["bench.durable", url, gateway, str(folder)], secrets
    return ["bot", "run"], environment(url, folder)


def environment(url: str, folder: Path) -> dict[str, str]:
    """Make the environment in which the bot meets the servers at `url`."""
    return {
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "GATEWAY_API_KEY": KEY,
        "TELEGRAM_API_URL": url,
        "GATEWAY_URL": f"{url}/v1",
        "DATABASE_URL": f"sqlite:///{folder}/bot.db",
        "MEDIA_URL": f"{folder}/media",
        "ACCESS": "open",
        "TELEGRAM_MAX_RATE": "0",
    }
