"""The image without a container runtime: its steps are run in a fresh folder, and its result probed.

Where the tests run as root, the steps run as another user, who may read the source and write
nothing but what the image lets its own user write.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.gateway import Gateway
from sandbox.server import serve
from sandbox.telegram import Telegram
from tests.deploy.dockerfile import Stage, read_dockerfile
from tests.support.command import ROOT
from tests.support.conversation import KEY, TOKEN
from tests.support.waiting import patient

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
NOBODY = 65534
PATIENCE = 500  # seconds for one step
PLACES = ("/opt/picturebot", "/src", "/data")


def stage(name: str) -> Stage:
    return next(one for one in read_dockerfile(DOCKERFILE) if one.name == name)


FINAL = read_dockerfile(DOCKERFILE)[-1]


@dataclass(frozen=True, slots=True)
class Container:
    """A folder that stands for the root of a container, and who works in it."""

    root: Path
    user: int | None
    python: str

    def inside(self, text: str) -> str:
        """Turn the container's own paths to those in the folder."""
        for place in PLACES:
            text = text.replace(place, f"{self.root}{place}")
        return text

    def run(self, words: Sequence[str], folder: Path, **variables: str) -> str:
        """Run a step to its end; what it said is shown where it fails."""
        done = subprocess.run(  # noqa: S603 - the Dockerfile's own words
            words,
            cwd=folder,
            env=self.environment(variables),
            user=self.user,
            group=self.user,
            extra_groups=[] if self.user else None,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {"PATH": os.defpath, "HOME": str(self.root / "tmp"), **variables}


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    """Run the steps of the stage that builds, but for those of apt; give what has come of it."""
    # Not below pytest's folders, into which nobody else may look.
    folder = Path(tempfile.mkdtemp(prefix="image-"))
    folder.chmod(0o755)
    try:
        made = Container(folder, *_who())
        for place in (*PLACES, "/opt", "/tmp"):  # noqa: S108 - in the folder
            path = folder / place.lstrip("/")
            path.mkdir(parents=True, exist_ok=True)
            if made.user:
                os.chown(path, made.user, made.user)
        _build(made, stage("build"))
        _seal(folder / "opt")
        yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _who() -> tuple[int | None, str]:
    """Name another user, where there may be one, and a Python that he may run."""
    if os.geteuid():
        return None, sys.executable
    for python in (sys.executable, "/usr/bin/python3"):
        tried = (
            subprocess.run(  # noqa: S603 - our own words
                [python, "-c", "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"],
                user=NOBODY,
                group=NOBODY,
                capture_output=True,
                check=False,
            )
            if Path(python).exists() and _may_run(python)
            else None
        )
        if tried and not tried.returncode:
            return NOBODY, python
    return None, sys.executable


def _may_run(python: str) -> bool:
    """Whether everybody may go to where it is."""
    return all(folder.stat().st_mode & 0o001 for folder in Path(python).resolve().parents)


def _build(container: Container, build: Stage) -> None:
    source = container.root / "context"
    _copy_source(source)
    folder = container.root
    for one in build.instructions:
        match one.word:
            case "WORKDIR":
                folder = Path(container.inside(one.text))
            case "COPY":
                *given, into = one.words
                for name in given:
                    _copy(source / name, folder / into)
            case "RUN":
                words = shlex.split(container.inside(one.text))
                assert "apt-get" not in words, "apt is for the stage that makes SQLite"
                if words[0] == "python":
                    words[0] = container.python
                container.run(words, folder)
            case other:
                pytest.fail(f"nobody knows here what {other} does")


def _copy_source(into: Path) -> None:
    """Copy what is committed or would be, as .dockerignore lets it through, for reading only."""
    ignore = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text(encoding="utf-8")
    let = [line[1:] for line in ignore.splitlines() if line.startswith("!")]
    for name in let:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, into / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            into.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, into / name)
    for path in [into, *into.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)


def _copy(source: Path, into: Path) -> None:
    """Copy what stays as readable and as little writable as it is."""
    if source.is_dir():
        shutil.copytree(source, into, dirs_exist_ok=True)
    else:
        shutil.copy(source, into / source.name)


def _seal(folder: Path) -> None:
    """Let nobody write there, as in a container whose root is read-only."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)


@asynccontextmanager
async def started(
    container: Container, **variables: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start what the image starts."""
    words = [*FINAL.last("ENTRYPOINT").words, *FINAL.last("CMD").words]
    process = await asyncio.create_subprocess_exec(
        str(container.root / "opt/picturebot/bin" / words[0]),
        *words[1:],
        cwd=container.root,
        env=container.environment(_image_environment(container) | variables),
        user=container.user,
        group=container.user,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _image_environment(container: Container) -> dict[str, str]:
    text = container.inside(FINAL.last("ENV").text.replace("$PATH", os.defpath))
    return dict(pair.split("=", 1) for pair in shlex.split(text))


async def test_the_image_s_steps_make_a_bot_that_runs_and_is_healthy(container: Container) -> None:
    probe = FINAL.last("HEALTHCHECK").text.partition(" CMD ")[2]
    words = json.loads(probe)
    assert words == ["picturebot", "healthcheck"]
    async with serve(Telegram(TOKEN), Gateway(KEY)) as world:
        given = _image_environment(container) | {
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "GATEWAY_API_KEY": KEY,
            "TELEGRAM_API_URL": world.telegram_url,
            "GATEWAY_URL": world.gateway_url,
            "ADMIN_IDS": "1001",
            "TMPDIR": str(container.root / "tmp"),
        }
        assert await health(container, words, given) == 1
        async with started(container, **given) as bot:
            async with patient():
                while await health(container, words, given):
                    assert bot.returncode is None, await said(bot)
                    await asyncio.sleep(0.5)
            assert (container.root / "data" / "bot.db").exists()
            bot.send_signal(signal.SIGTERM)
            async with patient():
                assert await bot.wait() == 0, await said(bot)
        assert await health(container, words, given) == 1


async def health(container: Container, words: Sequence[str], given: Mapping[str, str]) -> int:
    """Probe as Docker does; gives the status."""
    process = await asyncio.create_subprocess_exec(
        str(container.root / "opt/picturebot/bin" / words[0]),
        *words[1:],
        cwd=container.root,
        env=container.environment(given),
        user=container.user,
        group=container.user,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()


async def said(process: asyncio.subprocess.Process) -> str:
    assert process.stdout
    return (await process.stdout.read()).decode()


def test_all_that_is_copied_is_let_through_and_nothing_else(container: Container) -> None:
    copied = {name for one in stage("build").all("COPY") for name in one.words[:-1]}
    ignore = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text(encoding="utf-8")
    assert {line[1:] for line in ignore.splitlines() if line.startswith("!")} == copied
    assert ignore.splitlines()[1] == "*"
    assert not (container.root / "context" / ".env").exists()


def test_the_image_runs_as_nobody_of_importance_with_one_volume() -> None:
    user = FINAL.last("USER").text
    assert all(int(number) >= 1000 for number in user.split(":"))
    assert [one.words for one in FINAL.all("VOLUME")] == [["/data"]]
    after = FINAL.instructions[FINAL.instructions.index(FINAL.last("USER")) :]
    assert {one.word for one in after} & {"RUN", "COPY", "ADD"} == set()
    assert FINAL.base == "python:3.13-slim"


def test_the_image_brings_an_sqlite_that_loses_no_writes_and_makes_sure_of_it() -> None:
    (add,) = stage("sqlite").all("ADD")
    checksum, url, _ = add.words
    assert len(checksum.removeprefix("--checksum=sha256:")) == 64
    number = url.rpartition("-")[2].removesuffix(".tar.gz")
    major, minor, patch = int(number[0]), int(number[1:3]), int(number[3:5])
    assert (major, minor, patch) >= (3, 51, 3)
    copied = FINAL.instructions[0]
    assert copied.words == ["--from=sqlite", "/tmp/sqlite/libsqlite3.so.0", "/usr/local/lib/"]  # noqa: S108
    assert "sqlite3.sqlite_version_info >= (3, 51, 3)" in FINAL.all("RUN")[0].text


def test_only_the_stage_that_makes_sqlite_asks_apt() -> None:
    with_apt = [
        one.name
        for one in read_dockerfile(DOCKERFILE)
        if any("apt-get" in run.text for run in one.all("RUN"))
    ]
    assert with_apt == ["sqlite"]


@pytest.mark.skipif(not shutil.which("hadolint"), reason="there is no hadolint here")
def test_hadolint_finds_nothing() -> None:
    subprocess.run(["hadolint", DOCKERFILE], check=True)  # noqa: S603, S607 - where it is
