"""Files of TOML, ours and an operator's: what is wrong in one is told in one line."""

from __future__ import annotations

import tomllib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from bot.config import ConfigError, complaint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

F = TypeVar("F", bound=BaseModel)


def read_file(path: Path) -> str:
    """Read an operator's file; raises ConfigError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: cannot be read ({type(exc).__name__})") from exc


@contextmanager
def naming(file: str) -> Iterator[None]:
    """Put the file's name before what is wrong in it, in one line whatever a quoted key holds."""
    try:
        yield
    except ConfigError as exc:
        raise ConfigError(f"{file}: {' '.join(str(exc).split())}") from None


def read_toml(text: str) -> dict[str, Any]:
    """Read TOML; raises ConfigError."""
    try:
        return tomllib.loads(text)
    except ValueError as exc:  # a number may be too long for Python, where the syntax is right
        raise ConfigError(f"is not TOML: {exc}") from exc


def validated(kind: type[F], document: Mapping[str, Any], context: object = None) -> F:
    """Check a whole document; ConfigError names the entry and the field of the first error."""
    try:
        return kind.model_validate(document, context=context)
    except ValidationError as exc:
        error = exc.errors(include_input=False, include_url=False)[0]
        entry, path = _entry(document, error["loc"])
        field = ".".join(part for part in path if isinstance(part, str) and part != "[key]")
        raise ConfigError(f"{entry}: {field} {complaint(error)}") from None


def _entry(
    document: Mapping[str, Any], place: tuple[int | str, ...]
) -> tuple[str, tuple[int | str, ...]]:
    """Split where an error is into the entry's name, such as `model flux`, and the way inside it."""
    match place:
        case (str(table), str(name), *_):
            return f"{table} {name}", place[2:]
        case (str(table), int(index), *_):
            values = document[table][index]
            named = values.get("id") if isinstance(values, dict) else None
            return f"{table} {named or f'number {index + 1}'}", place[2:]
    return "top level", place
