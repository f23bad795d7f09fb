"""What is written about the code: paths, commands and dependencies in the documents are there."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.support.command import ROOT
from tools.reference import PAGES

WRITTEN = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
)
ALSO = (".env.example", "alembic.ini", "Makefile")
# A folder or file of ours, as far as it is spelt out: `bot/features/<name>` is `bot/features`.
PATH = re.compile(r"(?<![\w./-])(?:bot|sandbox|tests|tools|bench|migrations|docs|deploy)/[\w./-]*")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")
# `TwoWords`, `TWO_WORDS` and `test_that_something_holds`.
NAMED = re.compile(r"`((?:[A-Z][a-z]+){2,}|[A-Z]+(?:_[A-Z]+)+|test_\w+)\b")
FOREIGN = {"MALLOC_ARENA_MAX", "O_DIRECT", "LoadCredential", "ReadWritePaths"}  # the system's
# What a walk-through has its reader write.
TO_WRITE = "bot/features/translate/"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*WRITTEN, *ALSO])
def test_every_path_that_is_named_is_there(name: str) -> None:
    named = {path.rstrip("/.") for path in PATH.findall(read(name)) if TO_WRITE not in path + "/"}
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


@pytest.mark.parametrize("name", WRITTEN)
def test_every_link_leads_somewhere(name: str) -> None:
    folder = (ROOT / name).parent
    assert [link for link in LINK.findall(read(name)) if not (folder / link).exists()] == []


@pytest.mark.parametrize("name", WRITTEN)
def test_every_command_of_make_and_of_the_bot_is_there(name: str) -> None:
    targets = set(re.findall(r"^([a-z\d]+):", read("Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z\d]+)", read(name), re.MULTILINE)) <= targets
    commands = set(
        re.findall(r"^@cli\.command\(.*\)\ndef (\w+)", read("bot/__main__.py"), re.MULTILINE)
    )
    told = {word.replace("-", "_") for word in _commands(read(name))}
    told = {"run_bot" if word == "run" else word for word in told}
    assert told <= commands


def _commands(text: str) -> list[str]:
    return re.findall(r"(?:python -m bot|`picturebot) ([a-z][a-z-]*)", text)


@pytest.mark.parametrize("name", PAGES)
def test_what_is_written_from_the_code_is_as_make_reference_writes_it(name: str) -> None:
    assert read(name) == PAGES[name]()


def test_every_decision_is_listed_in_order() -> None:
    folder = ROOT / "docs" / "decisions"
    files = sorted(path.name for path in folder.glob("0*.md"))
    assert LINK.findall((folder / "README.md").read_text(encoding="utf-8")) == files
    assert [name[:4] for name in files] == [f"{number:04}" for number in range(1, len(files) + 1)]
    for number, name in enumerate(files, 1):
        assert (folder / name).read_text(encoding="utf-8").startswith(f"# {number}. "), name


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    optional = project["project"]["optional-dependencies"]["postgres"]
    required = [
        *project["project"]["dependencies"],
        *optional,
        *project["dependency-groups"]["dev"],
    ]
    names = {re.split(r"[\[<>;]", line)[0] for line in required}
    reasons = read("docs/dependencies.md").casefold()
    assert {name for name in names if name.casefold() not in reasons} == set()


@pytest.fixture(scope="module")
def words() -> set[str]:
    """All words of the code and of the settings."""
    files = [path for folder in ("bot", "tests") for path in (ROOT / folder).rglob("*.py")]
    texts = [path.read_text(encoding="utf-8") for path in (*files, ROOT / ".env.example")]
    return {word for text in texts for word in re.findall(r"\w+", text)}


@pytest.mark.parametrize("name", WRITTEN)
def test_every_class_setting_constant_and_test_that_is_named_is_there(
    name: str, words: set[str]
) -> None:
    named = {word.removesuffix("_FILE") for word in NAMED.findall(read(name))}  # of secrets
    assert {word for word in named if f"{word}_FILE" not in words} - words <= FOREIGN
