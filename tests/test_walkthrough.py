"""docs/adding-a-feature.md: what it tells to write works, in at most ten files of the bot."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.storage import Store, migrate
from sandbox.gateway import Gateway, Reply
from sandbox.server import serve
from sandbox.telegram import Telegram
from tests.support.command import ROOT, Command, running
from tests.support.conversation import BUTTONS, KEY, TOKEN, Conversation, environment
from tools import texts

GUIDE = (ROOT / "docs" / "adding-a-feature.md").read_text(encoding="utf-8")
# A path on a line of its own, or a block of what is to be written there.
PARTS = re.compile(r"^`([\w./-]+)`$|^```(python|diff|po)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MOST_FILES = 10
WITH_MODEL = {"TRANSLATE_MODEL": "gpt-4.1-mini"}


def changes() -> Iterator[tuple[Path, str, str]]:
    """Read the guide: which file, how, and what."""
    path = Path()
    for name, kind, text in PARTS.findall(GUIDE):
        if name:
            path = Path(name)
        else:
            yield path, kind, text


def changed(before: str, diff: str) -> str:
    """Apply a block whose lines begin with a blank, `-` or `+`; the old ones must stand there once."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    count = len(re.findall(rf"^{re.escape(old)}", before, re.MULTILINE))
    assert count == 1, f"{count} times in the file:\n{old}"
    return re.sub(rf"^{re.escape(old)}", lambda _: new, before, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the bot with the feature in it."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("bot", "sandbox", "migrations"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", ".env.example"):
        shutil.copy(ROOT / name, folder)
    for changing, kind, text in changes():
        path = folder / changing
        path.parent.mkdir(exist_ok=True)
        before = "" if kind == "python" else path.read_text(encoding="utf-8")
        path.write_text(changed(before, text) if kind == "diff" else before + text, "utf-8")
    return folder


def tool(copy: Path, name: str, *words: str) -> None:
    """Run a tool of the environment's on the copy; it must have nothing to say."""
    command = [str(Path(sys.executable).parent / name), *words]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_touches_at_most_ten_files_of_the_bot() -> None:
    python = {path for path, _, _ in changes() if path.parts[0] == "bot" and path.suffix == ".py"}
    new = {path for path in python if not (ROOT / path).exists()}
    assert {path.parent.as_posix() for path in new} == {"bot/features/translate"}
    assert len(python) <= MOST_FILES
    listed = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [path for path in python - new if f"`{path.as_posix()}`" not in listed] == []


def test_it_keeps_the_contracts_and_the_style(copy: Path) -> None:
    tool(copy, "lint-imports", "--no-cache")
    tool(copy, "ruff", "check", "bot")
    tool(copy, "ruff", "format", "--check", "bot")


def test_all_catalogues_of_texts_take_it_in(copy: Path) -> None:
    locales = copy / "bot" / "i18n" / "locales"
    assert texts.update(locales)
    assert texts.look(locales, texts.keys_in(copy / "bot")).missing == ()


@asynccontextmanager
async def talking(folder: Path) -> AsyncIterator[Conversation]:
    """A conversation, before its bot is started; at its end nothing may be out of order."""
    url = f"sqlite:///{folder}/bot.db"
    await migrate(url)
    store = await Store.open(url)
    async with serve(Telegram(TOKEN), Gateway(KEY)) as world:
        chat = Conversation(world, store, folder, asyncio.Event())
        yield chat
        assert await chat.audit() == []
        assert world.telegram.violations == []
    await store.close()


@asynccontextmanager
async def polls(copy: Path, chat: Conversation) -> AsyncIterator[Command]:
    """Run the copy until the block ends."""
    given = environment(chat.world, chat.folder, **WITH_MODEL)
    starts = sum(call.method == "getMe" for call in chat.telegram.calls)
    async with running(copy, "run", PYTHONPATH=str(copy), **given) as bot:
        await chat.telegram.until(
            lambda: sum(call.method == "getMe" for call in chat.telegram.calls) > starts
        )
        yield bot


async def test_people_use_it(copy: Path, tmp_path: Path) -> None:
    async with talking(tmp_path) as chat, polls(copy, chat) as bot:
        for said in ("/translate un renard", "en: un renard"):
            chat.gateway.script(Reply(pictures=0, text="a fox"))
            (shown,) = await chat.row(chat.alice, said, "a fox {Draw this}")
            assert chat.last_call.prompt == "un renard"
            await chat.press(chat.alice, shown, "Draw this")
            await chat.said_last(chat.alice, f"[photo]* {BUTTONS}")
            assert chat.last_call.prompt.startswith("a fox")
        assert len(await chat.quiet()) == 2
        assert await bot.end() == 0


async def test_what_waits_survives_a_kill(copy: Path, tmp_path: Path) -> None:
    async with talking(tmp_path) as chat:
        chat.gateway.script(Reply(hang=True))
        async with polls(copy, chat):  # killed at its end
            chat.alice.send(text="/translate un renard")
            await chat.telegram.until(lambda: chat.gateway.calls)
        async with polls(copy, chat) as bot:
            (asked,) = await chat.sees(chat.alice, "Which model shall draw this instead?* {*}")
            await chat.press(chat.alice, asked, "Gemini 3.1 Flash Image")
            await chat.said_last(chat.alice, f"[photo]* {BUTTONS}")
            assert chat.last_call.prompt.startswith("un renard")
            assert len(await chat.quiet()) == 1
            assert await bot.end() == 0
