"""The wheel: holds all that the bot needs, and the sandbox runs from it in an empty folder."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from tests.support.browser import PATIENCE
from tests.support.command import ROOT, running

ADDRESS = r"Open (http://\S+)/ in a browser"
PACKAGED = {"bot": "bot", "sandbox": "sandbox", "migrations": "bot/migrations"}


def pip(*words: str | Path) -> None:
    """Run pip; what it says is told only where it fails."""
    subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words],
        check=True,
        timeout=110,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, with the locked hatchling where it is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    here = ["--no-build-isolation"] if find_spec("hatchling") else []
    pip("wheel", *here, "--no-deps", "--wheel-dir", folder, ROOT)
    (built,) = folder.glob("picturebot-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install it into an empty environment that borrows its dependencies; give the command."""
    home = tmp_path_factory.mktemp("home")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)  # noqa: S603
    python = home / "bin" / "python"
    pip("--python", python, "install", "--no-deps", "--no-index", wheel)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.check_output([python, "-c", ask], text=True).strip()  # noqa: S603
    Path(packages, "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return home / "bin" / "picturebot"


def test_the_wheel_holds_every_file_of_ours_and_nothing_else(wheel: Path) -> None:
    ours = {
        f"{packaged}/{file.relative_to(ROOT / folder).as_posix()}"
        for folder, packaged in PACKAGED.items()
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    names = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == ours
    assert {Path(name).suffix for name in names} >= {".toml", ".po", ".html", ".js", ".css"}


async def test_the_installed_command_runs_the_sandbox(installed: Path, tmp_path: Path) -> None:
    alone = {"PATH": os.defpath, "PYTHONPATH": "", "SANDBOX_PORT": "0"}
    async with running(tmp_path, "run", program=(str(installed),), **alone) as command:
        page = (await command.says(ADDRESS))[1]
        async with httpx.AsyncClient(base_url=page) as browser, asyncio.timeout(PATIENCE):
            index = (await browser.get("/")).text
            for path in re.findall(r'(?:src|href)="(/page/[^"]+)"', index):
                assert (await browser.get(path)).is_success, path
            await sent(browser, "a red fox")
            photo = await pictured(browser)
            picture = await browser.get(f"/sandbox/api/file/{photo['file_id']}")
        assert picture.content.startswith(b"\xff\xd8\xff")
        assert await command.end() == 0


async def sent(browser: httpx.AsyncClient, text: str) -> None:
    """Write to the bot as the page's first person does."""
    form = {"person": await person(browser), "chat": await person(browser), "text": text}
    (await browser.post("/sandbox/api/send", data=form)).raise_for_status()


async def person(browser: httpx.AsyncClient) -> int:
    """Tell the id of the page's first person, which is that of his chat with the bot."""
    world = (await browser.get("/sandbox/api/world")).json()
    return int(world["persons"][0]["id"])


async def pictured(browser: httpx.AsyncClient) -> dict[str, Any]:
    """Wait as the page does until a picture of the bot's is in the chat; give its largest size."""
    chat, since = f"/sandbox/api/chat/{await person(browser)}", ""
    while True:
        query = {"since": since} if since else {}
        shown = (await browser.get(chat, params=query, timeout=PATIENCE)).json()
        for message in shown["messages"]:
            if message["from_bot"] and "photo" in message:
                return dict(message["photo"][-1])
        since = str(shown["version"])
