"""The house in figures: `make house`.

Counts what CONTRIBUTING says of the code below `bot/`: its size, names that stand twice, how many
functions have a docstring. A package's `__init__.py` that holds nothing but its docstring is no
file here. Circles are import-linter's to find, in `bot` and `sandbox`, by a contract of its own.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
LONGEST = 400  # lines of a file

# Names that several folders have on purpose, and what they mean in each of them.
ALIKE = {
    "__init__": "a package",
    "handlers": "what a feature says to Telegram",
    "service": "a feature's rule",
    "errors": "a package's exceptions, and what is translated into them",
    "albums": "what an album is, and its rows",
    "client": "what speaks to the other side: to a gateway, to Telegram",
    "calls": "calls of gateways: how they are made, and their rows",
    "export": "a person's data: how they are sent, and how they are read",
    "jobs": "jobs, and their rows",
    "messages": "messages that the bot has sent, and their rows",
    "pending": "prompts that wait, and the rule for them",
    "people": "who wrote lately, and the rows of all who ever did",
    "pictures": "pictures, and their rows",
    "preferences": "what people have chosen, and the rule for it",
    "usage": "what was consumed, and the rule for it",
}


@dataclass(frozen=True, slots=True)
class Module:
    """A file of Python, read."""

    path: Path
    lines: int
    tree: ast.Module

    @property
    def name(self) -> str:
        """Its path as people write it, from the folder above the package on."""
        return self.path.as_posix()

    @property
    def is_bare(self) -> bool:
        """Whether it holds nothing but a docstring."""
        return len(self.tree.body) <= 1 and self.path.name == "__init__.py"


@dataclass(frozen=True, slots=True)
class House:
    """A package's modules, bare ones left out."""

    modules: tuple[Module, ...]

    @property
    def lines(self) -> int:
        """All lines, blank ones and comments too."""
        return sum(module.lines for module in self.modules)

    @property
    def median(self) -> float:
        """The lines of the file in the middle."""
        return median(module.lines for module in self.modules)

    @property
    def longest(self) -> Module:
        """The file of the most lines."""
        return max(self.modules, key=lambda module: module.lines)

    @property
    def too_long(self) -> list[Module]:
        """The files above the limit."""
        return [module for module in self.modules if module.lines > LONGEST]

    @property
    def classes_twice(self) -> dict[str, list[str]]:
        """Names of classes that stand more than once, those that begin with `_` too."""
        found = (
            (node.name, module.name)
            for module in self.modules
            for node in ast.walk(module.tree)
            if isinstance(node, ast.ClassDef)
        )
        return _twice(found)

    @property
    def files_twice(self) -> dict[str, list[str]]:
        """Names of files that stand in several folders and may mean different things there."""
        found = ((module.path.stem, module.name) for module in self.modules)
        return {name: where for name, where in _twice(found).items() if name not in ALIKE}

    @property
    def docstring_share(self) -> float:
        """The share of functions that have a docstring, in percent."""
        functions = [
            node
            for module in self.modules
            for node in ast.walk(module.tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        documented = sum(ast.get_docstring(node) is not None for node in functions)
        return 100 * documented / len(functions) if functions else 0.0


def read(package: Path) -> House:
    """Read a package's files; their names begin with the package's own."""
    modules = (_module(path, package.parent) for path in sorted(package.rglob("*.py")))
    return House(tuple(module for module in modules if not module.is_bare))


def _module(path: Path, root: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    return Module(path.relative_to(root), len(text.splitlines()), ast.parse(text))


def _twice(found: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    places: dict[str, list[str]] = defaultdict(list)
    for name, where in found:
        if where not in places[name]:
            places[name].append(where)
    return {name: where for name, where in sorted(places.items()) if len(where) > 1}


def _rows(house: House) -> Iterator[tuple[str, str]]:
    longest = house.longest
    yield "lines", f"{house.lines:,}"
    yield "files", str(len(house.modules))
    yield "median file", f"{house.median:g} lines"
    yield "longest file", f"{longest.lines} lines, {longest.name}"
    yield f"files over {LONGEST} lines", str(len(house.too_long))
    yield "class names twice", str(len(house.classes_twice))
    yield "file names twice", str(len(house.files_twice))
    yield "functions with a docstring", f"{house.docstring_share:.0f} %"


def main() -> int:
    """Print the figures, below them what is out of order, and what import-linter says."""
    house, console = read(ROOT / "bot"), Console()
    figures = Table("bot/")
    figures.add_column(justify="right")
    for what, figure in _rows(house):
        figures.add_row(what, figure)
    console.print(figures)
    for name, where in (house.classes_twice | house.files_twice).items():
        console.print(f"twice: {name}: {', '.join(where)}", soft_wrap=True)
    for module in house.too_long:
        console.print(f"over {LONGEST} lines: {module.name}", soft_wrap=True)
    sys.stdout.flush()
    linter = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo"]
    return subprocess.run(linter, cwd=ROOT, check=False).returncode  # noqa: S603 - our own words


if __name__ == "__main__":
    sys.exit(main())
