"""The texts' catalogues, held against the code and against each other: `make i18n`.

English is the master: its keys, their order and their comments are everybody's. A key that is new
becomes empty and fuzzy where it was not, which the bot reads as English and the tests as missing.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
MASTER = "en"
# `_` and small letters between dots, as keys are; those without a dot count only where texts are
# asked for by name. Pages of the web have names like `settings.html`.
_KEY = re.compile(r"[a-z_]+(?:\.[a-z_]+)+(?<!\.html)\Z")
_PLAIN = re.compile(r"[a-z_]+\Z")


@dataclass(frozen=True, slots=True)
class Used:
    """The keys that code names, whole or by their beginning (`outcome.` and then a variable)."""

    keys: frozenset[str]
    beginnings: frozenset[str]

    def has(self, key: str) -> bool:
        """Whether the code can ask for a key."""
        return key in self.keys or any(key.startswith(begun) for begun in self.beginnings)


@dataclass(frozen=True, slots=True)
class Findings:
    """What is out of order; `empty` counts by locale what has to be translated."""

    missing: tuple[str, ...]
    unused: tuple[str, ...]
    empty: dict[str, int]


def main(arguments: Sequence[str] = ()) -> int:
    """Update all catalogues and tell what is missing and unused; `--check` changes nothing.

    Fails where the code asks for a key that English does not have, and with `--check` where
    anything would change.
    """
    folder, check = ROOT / "bot" / "i18n" / "locales", "--check" in arguments
    used = keys_in(ROOT / "bot")
    changed = update(folder, write=not check)
    findings = look(folder, used)
    for key in findings.missing:
        print(f"missing: {key} is in the code and not in {MASTER}")
    for key in findings.unused:
        print(f"unused: {key} is in {MASTER} and not in the code")
    for locale, count in findings.empty.items():
        print(f"{locale}: {count} to translate")
    print(f"{'to update' if check else 'updated'}: {', '.join(changed) or 'none'}")
    return 1 if findings.missing or (check and changed) else 0


def keys_in(package: Path) -> Used:
    """Read which keys a package's code names; the sandbox speaks for itself."""
    keys: set[str] = set()
    beginnings: set[str] = set()
    for path in sorted(package.rglob("*.py")):
        if "sandbox" in path.relative_to(package).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            keys.update(_literals(node))
            beginnings.update(_beginnings(node))
    return Used(frozenset(keys), frozenset(beginnings))


def _literals(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _KEY.match(node.value):
        yield node.value
    # texts(locale, "ready"), or answers and buttons, which hand a key on
    if isinstance(node, ast.Call):
        for inner in (part for argument in node.args for part in ast.walk(argument)):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                yield from _PLAIN.findall(inner.value) if _asks(node) else ()
    if isinstance(node, ast.IfExp | ast.Assign):
        for inner in ast.walk(node):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                yield from _PLAIN.findall(inner.value)


def _asks(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name.strip("_") == "texts"


def _beginnings(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.JoinedStr) and len(node.values) > 1:
        first = node.values[0]
        if isinstance(first, ast.Constant) and re.fullmatch(r"(?:[a-z_]+\.)+", str(first.value)):
            yield str(first.value)


def look(folder: Path, used: Used) -> Findings:
    """Hold English against the code, and count in each catalogue what is not translated."""
    known = list(_keyed(_read(folder, MASTER)[1]))
    families = {key.partition(".")[0] for key in known if "." in key}
    named = (key for key in used.keys if "." in key and key.partition(".")[0] in families)
    empty = {locale: _untranslated(_read(folder, locale)[1]) for locale in _locales(folder)}
    return Findings(
        missing=tuple(sorted(set(named) - set(known))),
        unused=tuple(key for key in known if not used.has(key)),
        empty={locale: count for locale, count in empty.items() if count},
    )


def update(folder: Path, *, write: bool = True) -> list[str]:
    """Give all catalogues English's keys, in its order; tells which ones that changed."""
    _, master = _read(folder, MASTER)
    changed = []
    for locale in _locales(folder):
        path = _path(folder, locale)
        head, catalogue = _read(folder, locale)
        text = head + _written(_like(master, catalogue))
        if text != path.read_text(encoding="utf-8"):
            changed.append(locale)
            if write:
                path.write_text(text, encoding="utf-8")
    return changed


def _like(master: Catalog, other: Catalog) -> Catalog:
    kept = _keyed(other)
    made = Catalog(locale=other.locale)
    made.mime_headers = other.mime_headers  # the number of plurals, where Babel knows none
    for key, message in _keyed(master).items():
        mine = kept.get(key)
        plural = isinstance(message.id, (list, tuple))
        new = mine is None or isinstance(mine.id, (list, tuple)) != plural
        nothing: str | tuple[str, ...] = ("",) * other.num_plurals if plural else ""
        string = nothing if new or mine is None else mine.string
        fuzzy = new or _placeholders(string) - _placeholders(message.string) != set()
        made.add(
            message.id,
            string,
            flags=["fuzzy"] if fuzzy or (mine and mine.fuzzy) else [],
            auto_comments=message.auto_comments,
            user_comments=mine.user_comments if mine else (),
        )
    return made


def _read(folder: Path, locale: str) -> tuple[str, Catalog]:
    """Read a catalogue, and its head word for word: Babel would put its own there."""
    text = _path(folder, locale).read_text(encoding="utf-8")
    head = text.partition("\n\n")[0] + "\n\n"
    return head, read_po(io.BytesIO(text.encode()), locale=locale)


def _written(catalogue: Catalog) -> str:
    file = io.BytesIO()
    write_po(file, catalogue, width=0, omit_header=True)
    return file.getvalue().decode().strip("\n") + "\n"


def _keyed(catalogue: Catalog) -> dict[str, Message]:
    return {
        message.id if isinstance(message.id, str) else message.id[0]: message
        for message in catalogue
        if message.id
    }


def _untranslated(catalogue: Catalog) -> int:
    return sum(
        message.fuzzy or not all(_forms(message.string)) for message in _keyed(catalogue).values()
    )


def _placeholders(string: object) -> set[str]:
    parsed = (part for form in _forms(string) for part in Formatter().parse(form))
    return {name for _, name, _, _ in parsed if name is not None}


def _forms(string: object) -> tuple[str, ...]:
    if isinstance(string, (list, tuple)):
        return tuple(str(form or "") for form in string)
    return (str(string or ""),)


def _locales(folder: Path) -> list[str]:
    return sorted(path.parents[1].name for path in folder.glob("*/LC_MESSAGES/bot.po"))


def _path(folder: Path, locale: str) -> Path:
    return folder / locale / "LC_MESSAGES" / "bot.po"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
