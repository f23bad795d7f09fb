"""Playing a scene: the servers and the users are here, the bot or the floor is another process."""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.meter import Meter, Times
from bench.process import Process, running
from bench.scenes import Scene
from sandbox.gateway import Gateway, Reply
from sandbox.gateway.noise import noisy
from sandbox.server import Sandbox, serve
from sandbox.telegram import Person, Telegram

TOKEN, KEY = "110201543:bench", "key-of-the-bench"
PATIENCE = 120.0  # seconds for one picture; a lost one ends the run
START_SECONDS, SETTLE_SECONDS, IDLE_SECONDS = 30.0, 1.0, 10.0
SETTLED_WITHIN = 300.0
WARMING = 3
FILES_KEPT = 64
_NAME = re.compile(rb"Comment\0(\d+)-\d+")

Subject = Literal["floor", "bot"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one program did in one scene.

    `cpu_ms` for each picture, of that program alone; `peak` in MB; times in milliseconds, as
    (median, 99th percentile): from the update's handing out to the whole request at the gateway,
    and from the answer's last byte to the whole upload. `once` counts the prompts that were
    answered by exactly one picture, bought once and whole; `rate` in pictures a second.
    """

    subject: Subject
    scene: Scene
    cpu_ms: float
    peak: float
    to_gateway: tuple[float, float]
    to_chat: tuple[float, float]
    once: int
    rate: float
    server_load: float
    start: float


@dataclass(frozen=True, slots=True)
class Idle:
    """A program with nothing to do: seconds from its start to its first poll, CPU in percent."""

    start: float
    cpu_percent: float
    peak: float


async def play(subject: Subject, scene: Scene) -> Measurement:
    """Play a scene to one program; raises TimeoutError where a picture does not come."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        # A photo waits while others are drawn, and must not be the oldest file by then.
        kept = (FILES_KEPT + 4 * scene.users * scene.photos) * scene.size
        telegram = Telegram(TOKEN, validate=False, recompress=False, max_file_bytes=kept)
        gateway, meter = Gateway(KEY), Meter()
        gateway.default = Reply(noise=scene.size, delay=scene.delay)
        telegram.app = meter.telegram(telegram.app)
        gateway.app = meter.gateway(gateway.app)  # type: ignore[assignment]  # said to be Starlette
        people = [telegram.person(f"P{number}") for number in range(scene.users)]
        async with serve(telegram, gateway) as world:
            began = time.perf_counter()
            async with running(*_command(subject, world, Path(folder))) as process:
                await process.unless_ended(_polled(meter))
                start = time.perf_counter() - began
                audience = Audience(world, meter, scene)
                await process.unless_ended(audience.warm(people[0]))
                playing = _measured(subject, audience, people, process, start)
                return await process.unless_ended(playing)


async def measure_idle(subject: Subject) -> Idle:
    """Start a program for the second time, on the data of the first, and leave it alone."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        telegram, gateway = Telegram(TOKEN, validate=False), Gateway(KEY)
        start = 0.0
        for seconds in (SETTLE_SECONDS, IDLE_SECONDS):
            meter = Meter()
            behind = telegram.app
            telegram.app = meter.telegram(behind)
            async with serve(telegram, gateway) as world:
                began = time.perf_counter()
                async with running(*_command(subject, world, Path(folder))) as process:
                    await process.unless_ended(_polled(meter))
                    start = time.perf_counter() - began
                    await process.unless_ended(_settled(meter))
                    before = process.cpu_of_threads()
                    await asyncio.sleep(seconds)
                    used = (process.cpu_of_threads() - before) / seconds
                    idle = Idle(start, 100 * used, process.peak_megabytes())
            telegram.app = behind
    return idle


class Audience:
    """The users of a scene: each asks, waits for the picture, looks at it, asks again."""

    def __init__(self, world: Sandbox, meter: Meter, scene: Scene) -> None:
        self.meter = meter
        self.scene = scene
        self._world = world
        noise = noisy(scene.size, "").data()
        self._tail = noise[noise.index(b"IDAT") - 4 :]
        self._bought: Counter[str] = Counter()  # whole pictures that stood in their chat, by prompt

    async def warm(self, person: Person) -> None:
        """Let one user ask a few times before anything counts."""
        for number in range(WARMING):
            await self._ask(person, WARMING + self.scene.rounds + number)
        await asyncio.sleep(SETTLE_SECONDS)
        self.meter.by_prompt.clear()
        self._bought.clear()

    async def ask(self, person: Person, place: float) -> None:
        """Ask as often as the scene says, one after the other; `place` in the crowd, 0 to 1."""
        if not self.scene.burst:
            await asyncio.sleep(place * self.scene.delay)
        for number in range(self.scene.rounds):
            await self._ask(person, number)

    async def _ask(self, person: Person, number: int) -> None:
        prompt = f"prompt-{person.id}-{number}"
        before = set(self._pictures(person))
        delivered = asyncio.Event()

        def uploaded() -> None:
            # At once: the oldest files are soon forgotten.
            new = set(self._pictures(person)) - before
            self._bought[prompt] += sum(self._right(file_id, prompt) for file_id in new)
            before.update(new)
            delivered.set()

        self.meter.expect(prompt, person.id, uploaded)
        if self.scene.photos:
            person.send(photo=noisy(self.scene.size, f"photo of {prompt}").data(), caption=prompt)
        else:
            person.send(text=prompt)
        async with asyncio.timeout(PATIENCE):
            await delivered.wait()

    def once(self, people: list[Person]) -> int:
        """Count the prompts that were bought once and stand in their chat once."""
        standing = sum(len(self._pictures(person)) for person in people)
        warm = WARMING
        good = sum(
            self._bought[prompt] == 1 and times.calls == 1
            for prompt, times in self.meter.by_prompt.items()
        )
        return good - max(0, standing - warm - self.scene.prompts)

    def _pictures(self, person: Person) -> list[str]:
        """List the pictures of the bot in somebody's chat."""
        found = []
        for post in self._world.telegram.world.chats[person.id].posts.values():
            if post.author == self._world.telegram.bot.id:
                if "photo" in post.message:
                    found.append(post.message["photo"][-1]["file_id"])
                elif "document" in post.message:
                    found.append(post.message["document"]["file_id"])
        return found

    def _right(self, file_id: str, prompt: str) -> bool:
        """Whether a picture is whole, and the one that was drawn for this prompt."""
        data = self._world.telegram.bytes_of(file_id)
        name = _NAME.search(data, 0, 200)
        if name is None or not data.endswith(self._tail):
            return False
        calls = self._world.gateway.calls
        return any(call.number == int(name[1]) and prompt in call.prompt.split() for call in calls)


async def _measured(
    subject: Subject, audience: Audience, people: list[Person], process: Process, start: float
) -> Measurement:
    scene = audience.scene
    cpu, own, began = process.cpu(), time.process_time(), time.perf_counter()
    asking = (audience.ask(person, at / len(people)) for at, person in enumerate(people))
    await asyncio.gather(*asking)
    took = time.perf_counter() - began
    load = (time.process_time() - own) / took
    await asyncio.sleep(SETTLE_SECONDS)  # what follows a delivery is part of its cost
    meter = audience.meter
    return Measurement(
        subject=subject,
        scene=scene,
        cpu_ms=1000 * (process.cpu() - cpu) / scene.prompts,
        peak=process.peak_megabytes(),
        to_gateway=_quantiles(meter.spans(_to_gateway)),
        to_chat=_quantiles(meter.spans(_to_chat)),
        once=audience.once(people),
        rate=scene.prompts / took,
        server_load=load,
        start=start,
    )


async def _settled(meter: Meter) -> None:
    """Wait until a program has nothing more to tell: its first start has menus to publish."""
    async with asyncio.timeout(SETTLED_WITHIN):
        await asyncio.sleep(3 * SETTLE_SECONDS)
        while time.perf_counter() - meter.last_call_at < 3 * SETTLE_SECONDS:  # noqa: ASYNC110 - time is the event
            await asyncio.sleep(SETTLE_SECONDS)


async def _polled(meter: Meter) -> None:
    async with asyncio.timeout(START_SECONDS):
        await meter.polled.wait()


def _to_gateway(times: Times) -> float:
    return times.asked - times.handed_out


def _to_chat(times: Times) -> float:
    return times.uploaded - times.answered


def _quantiles(spans: list[float]) -> tuple[float, float]:
    return spans[len(spans) // 2], spans[min(len(spans) - 1, len(spans) * 99 // 100)]


def _command(
    subject: Subject, world: Sandbox, folder: Path
) -> tuple[list[str], dict[str, str], Path]:
    secrets = {"TELEGRAM_BOT_TOKEN": TOKEN, "GATEWAY_API_KEY": KEY}
    log = folder / "log"
    if subject == "floor":
        floor = ["-m", "bench.floor", world.telegram_url, world.gateway_url]
        return floor, secrets, log
    settings = {
        "TELEGRAM_API_URL": world.telegram_url,
        "GATEWAY_URL": world.gateway_url,
        "DATABASE_URL": f"sqlite:///{folder}/bot.db",
        "MEDIA_URL": f"{folder}/media",
        "ACCESS": "open",
        "TELEGRAM_MAX_RATE": "0",
    }
    return ["-m", "bot", "run"], secrets | settings, log
