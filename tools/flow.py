"""One text prompt's way through the bot, counted: `make flow`.

The whole bot runs against the sandbox, over real HTTP. One prompt warms it up; the second one is
followed from its update to the picture in the chat, in all threads, until nothing moves any more.

- calls: what `sys.setprofile` calls so for code of `bot/`: functions entered, and coroutines and
  generators that go on. How often these go on depends a little on the network; `entered` does not.
- steps: the first call of a function by another one. Loops and what is done again are no steps: who
  reads the code reads each of them once.
- changes of file: steps, in the order of time, whose file is not that of the step before.
- returns: of three files in a row the third is the first again (A, B, A).

`--tree` prints the functions entered instead, each below the one that called it.
"""

from __future__ import annotations

import argparse
import asyncio
import dis
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextvars import Context
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import CodeType, FrameType
from typing import TypeVarTuple, Unpack, cast

from rich.console import Console
from rich.table import Table

from bot import log
from bot.app import run
from bot.config import load_settings
from sandbox.gateway import Gateway, Reply
from sandbox.server import Sandbox, serve
from sandbox.telegram import Person, Telegram

Ts = TypeVarTuple("Ts")

ROOT = Path(__file__).parents[1]
BOT = f"{ROOT / 'bot'}/"
TOKEN, KEY = "110201543:flow", "key-of-the-flow"
PATIENCE = 60.0  # seconds for one picture
SETTLE_SECONDS = 0.5  # nothing has been called for so long: the prompt is done with
SHORT = 1.0  # seconds
TOP = 25

# Left out, by the beginning of their path below bot/: everything calls them, and nobody who follows
# a prompt goes down there.
PLUMBING = {
    "domain/clock": "the time",
    "i18n": "texts by key",
    "storage/engine": "connections; the beginning and end of transactions",
    "storage/sqlite": "the thread that writes, and commits that several transactions share",
    "storage/postgres": "the same on Postgres",
    "storage/wait": "the same",
    "storage/transaction": "which repositories there are",
    "storage/repository": "how a statement is executed",
    "storage/columns": "how values are stored",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A function that was entered, or goes on; `depth` counts the bot's functions around it."""

    file: str
    name: str
    caller: tuple[str, str] | None
    depth: int
    entered: bool
    thread: str


class Hurried(asyncio.SelectorEventLoop):
    """A loop that makes short pauses shorter while it is in a `hurry`."""

    hurry = True

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call back later, or soon."""
        soon = self.hurry and delay <= SHORT
        return super().call_later(delay / 1000 if soon else delay, callback, *args, context=context)


class Recorder:
    """Writes down the bot's calls, in the order of time, while it is `on`."""

    def __init__(self) -> None:
        self.on = False
        self.calls: list[Call] = []
        self._seen: dict[CodeType, tuple[str, int] | None] = {}

    def install(self) -> None:
        """Watch this thread and all that will be started."""
        threading.setprofile(self._note)
        sys.setprofile(self._note)

    def remove(self) -> None:
        """Watch no more."""
        self.on = False
        threading.setprofile(None)
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        if not self.on or event != "call":
            return
        place = self._place(frame.f_code)
        if place is None:
            return
        around = [outer.f_code for outer in _outwards(frame) if self._place(outer.f_code)]
        caller = (self._file(around[0]), around[0].co_qualname) if around else None
        entered, thread = frame.f_lasti <= place[1], threading.current_thread().name
        name = frame.f_code.co_qualname
        self.calls.append(Call(place[0], name, caller, len(around), entered, thread))

    def _file(self, code: CodeType) -> str:
        place = self._place(code)
        return place[0] if place else ""

    def _place(self, code: CodeType) -> tuple[str, int] | None:
        """Tell the file and the offset at which the function begins; None if it does not count."""
        if code not in self._seen:
            self._seen[code] = _place(code)
        return self._seen[code]


def _place(code: CodeType) -> tuple[str, int] | None:
    file = code.co_filename.removeprefix(BOT)
    if file == code.co_filename or file.startswith(tuple(PLUMBING)):
        return None
    return file, next(each.offset for each in dis.get_instructions(code) if each.opname == "RESUME")


def _outwards(frame: FrameType) -> Iterator[FrameType]:
    outer = frame.f_back
    while outer:
        yield outer
        outer = outer.f_back


@dataclass(frozen=True, slots=True)
class Flow:
    """What one prompt called, in the order of time."""

    calls: tuple[Call, ...]

    @property
    def entered(self) -> list[Call]:
        """The calls without those that only go on."""
        return [call for call in self.calls if call.entered]

    @property
    def steps(self) -> list[Call]:
        """The first call of each function by each other one."""
        first: dict[object, Call] = {}
        for call in self.entered:
            first.setdefault((call.caller, call.file, call.name), call)
        return list(first.values())

    @property
    def files(self) -> list[str]:
        """The files of the steps, each as often as it was come to."""
        return [file for file, _ in groupby(step.file for step in self.steps)]

    def figures(self) -> dict[str, int]:
        """Count everything that is described above."""
        files = self.files
        returns = sum(before == after for before, after in zip(files, files[2:], strict=False))
        return {
            "calls": len(self.calls),
            "entered": len(self.entered),
            "functions": len({(call.file, call.name) for call in self.calls}),
            "files": len(set(files)),
            "steps": len(self.steps),
            "changes of file": len(files) - 1,
            "returns (A, B, A)": returns,
        }


async def follow(prompt: str = "a red fox in the snow") -> Flow:
    """Give a warm bot one prompt and follow it; raises TimeoutError where no picture comes."""
    loop, recorder = cast("Hurried", asyncio.get_running_loop()), Recorder()
    recorder.install()
    try:
        with tempfile.TemporaryDirectory(prefix="flow-") as folder:
            telegram, gateway = Telegram(TOKEN), Gateway(KEY)
            gateway.default = Reply(noise=20_000)
            async with serve(telegram, gateway) as world:
                stop = asyncio.Event()
                bot = asyncio.create_task(_run(world, Path(folder), stop))
                try:
                    person = telegram.person("Alice")
                    await telegram.until(lambda: bot.done() or telegram.polling, PATIENCE)
                    # A new bot tells Telegram at leisure what it is: not part of a prompt's way.
                    while any(task.get_name() == "passing" for task in asyncio.all_tasks()):
                        await asyncio.to_thread(time.sleep, SETTLE_SECONDS)
                    recorder.on = True
                    await _settled(world, recorder)
                    loop.hurry = False
                    await _draws(world, person, prompt, recorder, 1)
                    recorder.calls.clear()
                    await _draws(world, person, prompt, recorder, 2)
                    recorder.on = False
                finally:
                    stop.set()
                    await bot
    finally:
        recorder.remove()
    return Flow(tuple(recorder.calls))


async def _run(world: Sandbox, folder: Path, stop: asyncio.Event) -> None:
    given = load_settings(
        {
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "GATEWAY_API_KEY": KEY,
            "TELEGRAM_API_URL": world.telegram_url,
            "GATEWAY_URL": world.gateway_url,
            "DATABASE_URL": f"sqlite:///{folder}/bot.db",
            "MEDIA_URL": f"{folder}/media",
            "ACCESS": "open",
        },
        env_file=None,
    )
    log.configure("ERROR", given.log_format, given.secrets())
    await run(given, stop)


async def _draws(
    world: Sandbox, person: Person, prompt: str, recorder: Recorder, number: int
) -> None:
    """Send a prompt; wait until its picture stands in the chat and nothing is called any more."""
    telegram = world.telegram

    def drawn() -> bool:
        posts = telegram.world.chats[person.id].posts.values()
        return sum("photo" in post.message for post in posts) == number

    person.send(text=prompt)
    await telegram.until(drawn, PATIENCE)
    await _settled(world, recorder)


async def _settled(world: Sandbox, recorder: Recorder) -> None:
    noted = -1
    while noted != len(recorder.calls) or world.telegram.pending_updates:
        noted = len(recorder.calls)
        await asyncio.to_thread(time.sleep, SETTLE_SECONDS)


def _print(flow: Flow, console: Console) -> None:
    totals = Table("one text prompt, from update to picture", title_justify="left")
    totals.add_column(justify="right")
    for what, count in flow.figures().items():
        totals.add_row(what, str(count))
    console.print(totals)

    calls = Counter(call.file for call in flow.calls)
    functions = Counter(file for file, _ in {(call.file, call.name) for call in flow.calls})
    come_to = Counter(flow.files)
    files = Table("file", title=f"the first {TOP} of {len(calls)} files")
    for what in ("calls", "functions", "come to"):
        files.add_column(what, justify="right")
    for file, count in calls.most_common(TOP):
        files.add_row(file, str(count), str(functions[file]), str(come_to[file]))
    console.print(files)

    names = Counter((call.file, call.name) for call in flow.calls)
    often = Table("function", title=f"the {TOP} functions that are called most often")
    often.add_column("calls", justify="right")
    for (file, name), count in names.most_common(TOP):
        often.add_row(f"{file}:{name}", str(count))
    console.print(often)


def _print_tree(flow: Flow) -> None:
    thread = threading.main_thread().name
    for call in flow.entered:
        if call.thread != thread:
            thread = call.thread
            sys.stdout.write(f"-- {thread}\n")
        sys.stdout.write(f"{'  ' * call.depth}{call.file}:{call.name}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what a prompt calls."""
    parser = argparse.ArgumentParser(prog="tools.flow", description=__doc__.partition("\n")[0])
    parser.add_argument("--tree", action="store_true", help="print the calls themselves")
    given = parser.parse_args(arguments)
    with asyncio.Runner(loop_factory=Hurried) as runner:
        flow = runner.run(follow())
    if given.tree:
        _print_tree(flow)
    else:
        _print(flow, Console())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
