"""The variables: those of the environment and of `.env`, as texts."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

LARGEST_SECRET = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Variables:
    """What is given, by name and without blanks around; `quoted` of the environment came in quotes.

    In a file quotes are its own. Docker's --env-file, among others, hands them on as they are.
    """

    written: dict[str, str]
    environment: dict[str, str]
    quoted: frozenset[str]

    def get(self, name: str) -> str | None:
        return self.environment.get(name) or self.written.get(name)

    def secret(self, name: str) -> str | None:
        """Find a secret, or read it from the file that `NAME_FILE` names, as containers give them.

        None if neither is set. Raises ValueError, in one line, where both are or there is no secret.
        """
        given, file = self.get(name), self.get(f"{name}_FILE")
        if file is None:
            return given
        if given is not None:
            raise ValueError(f"{name} and {name}_FILE are both set: leave one of them out")
        return _secret(f"{name}_FILE: {file}", Path(file))


def _secret(what: str, file: Path) -> str:
    try:
        _check_regular(file)
        with file.open("rb") as stream:
            read = stream.read(LARGEST_SECRET + 1)
        text = read.decode().strip()
    except OSError as exc:
        raise ValueError(f"{what} cannot be read: {exc.strerror}") from None
    except ValueError as exc:  # a name with what no file system takes, or no text
        raise ValueError(f"{what} cannot be read: {type(exc).__name__}") from None
    if not text or len(read) > LARGEST_SECRET:
        raise ValueError(f"{what} {'is empty' if not text else 'is too large for a secret'}")
    return text


def _check_regular(file: Path) -> None:
    """Refuse a pipe, which is waited for until somebody writes, and a device, which never ends."""
    if not stat.S_ISREG(file.stat().st_mode):
        raise OSError(0, "it is no regular file")


def read_variables(environ: Mapping[str, str], env_file: str | Path | None) -> Variables:
    """Read what is given; an empty variable is not. Raises ValueError where the file is wrong."""
    raw = _given(environ)
    plain = {name: _unquoted(value) for name, value in raw.items()}
    quoted = frozenset(name for name, value in raw.items() if plain[name] != value)
    return Variables(_given(_read(env_file)), _given(plain), quoted)


def _read(env_file: str | Path | None) -> Mapping[str, str | None]:
    if not env_file or not Path(env_file).exists():
        return {}
    try:
        text = Path(env_file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ValueError(f"{env_file} cannot be read: {type(exc).__name__}") from None
    for read in parse_stream(StringIO(text)):
        if read.error or (read.key and read.value is None):
            written = read.original.string
            number = read.original.line + written[: -len(written.lstrip())].count("\n")
            raise ValueError(f"{env_file}, line {number}: is not NAME=value")
    return dotenv_values(stream=StringIO(text))


def _given(variables: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value.strip() for name, value in variables.items() if value and value.strip()}


def _unquoted(value: str) -> str:
    quotes = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quotes else value
