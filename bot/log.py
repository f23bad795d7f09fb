"""The log: one line for each event, on standard error, with every secret blanked out."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import select
import sys
from contextlib import suppress
from typing import Any, Literal, TextIO
from urllib.parse import quote

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# httpx and telegram log URLs that hold the bot token, sqlalchemy logs rows, and all of them log
# too much below WARNING to find anything of ours.
_QUIET = (
    *("PIL", "aiohttp", "aiosqlite", "alembic", "asyncio", "httpcore", "httpx", "multipart"),
    *("procrastinate", "psycopg", "python_multipart", "sqlalchemy", "telegram", "uvicorn"),
)
# What looks like a bot token or an API key, wherever it has slipped in: a last guard, not the first.
_SECRETS = re.compile(r"\b\d{6,}:[A-Za-z0-9_-]{30,}|\b(?:sk|key|Bearer)[-_ ][A-Za-z0-9_\-.]{12,}")
_PATIENCE = 50  # milliseconds in which who reads the log may make room: the event loop waits, too
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{200,}={0,2}")


def redacted(text: str) -> str:
    return _SECRETS.sub("<secret>", text)


def blanked(text: str) -> str:
    """Take out of what is told elsewhere than in the log what `configure` was told of."""
    return _known[0].blanked(text)


def configure(
    level: str = "INFO",
    fmt: Literal["console", "json"] = "console",
    secrets: tuple[str, ...] = (),
    stream: TextIO | None = None,
) -> None:
    """Route structlog and the standard library's loggers to `stream` (standard error).

    None of `secrets`, nothing that looks like a token or a key, and no long run of base64 gets
    through, tracebacks included. Calling it again replaces what was set.
    """
    _known[0] = redactor = _Redactor(secrets)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_formatter(fmt, redactor, shared))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # A gateway's error page in front of Telegram is no error of ours: who asked tells of it.
    logging.getLogger("telegram.request").setLevel(logging.CRITICAL)


def _formatter(
    fmt: Literal["console", "json"], redactor: _Redactor, shared: list[Processor]
) -> logging.Formatter:
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if fmt == "json"
        else structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        )
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.StackInfoRenderer(),
            redactor,
            renderer,
        ],
    )


class _Redactor:
    """The processor that makes every field of an event safe, whatever its type."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        forms = {form for secret in secrets if secret for form in _forms(secret)}
        # The longest first: one secret may hold another.
        ordered = sorted(forms, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, _logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        return {self._text(key): self._safe(value) for key, value in event.items()}

    def _safe(self, value: object) -> Any:  # noqa: ANN401 - a field of an event is anything
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self._text(value)
            case dict():
                return {self._text(str(key)): self._safe(item) for key, item in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._safe(item) for item in value]
            case bytes() | bytearray() | memoryview():
                return f"<{len(value)} bytes>"
            case _:
                return self._text(repr(value))

    def _text(self, text: str) -> str:
        return _BASE64.sub(_base64_size, self.blanked(text))

    def blanked(self, text: str) -> str:
        if self._secrets is not None:
            text = self._secrets.sub("<secret>", text)
        return redacted(text)


_known = [_Redactor(())]


def _forms(secret: str) -> set[str]:
    """List how a secret may be spelt: as it is, in a URL, inside a repr or a JSON text."""
    return {
        secret,
        quote(secret, safe=""),
        quote(secret),
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
    }


def _base64_size(run: re.Match[str]) -> str:
    return f"<base64, {len(run[0])} characters>"


class _Handler(logging.Handler):
    """Writes a line for each record, and never raises, whatever happens to the stream.

    Nor does it wait for a reader who has stopped reading. What could not be written is lost, and
    counted: the next line that can be written says so.
    """

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._output = _Output(stream)
        self._lost = 0
        self._reason = ""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception as error:  # noqa: BLE001 - logging's own answer prints the raw arguments
            line = f"a log record of {record.name} was lost: {type(error).__name__}"
        try:
            if self._lost:
                self._output.write(f"{self._lost} log records were lost: {self._reason}\n")
                self._lost = 0
            self._output.write(f"{line}\n")
        except (OSError, ValueError) as error:  # ValueError: it is closed
            self._lost += 1
            self._reason = getattr(error, "strerror", None) or type(error).__name__


class _Output:
    """A stream that takes whole lines; past its buffers, which keep what they could not write."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._descriptor: int | None = None
        self._patience = _PATIENCE
        self._torn = False
        with suppress(OSError, ValueError):  # no file, as in tests
            self._descriptor = stream.fileno() if stream else None

    def write(self, text: str) -> None:
        """Write all of it, or raise OSError or ValueError."""
        if self._descriptor is not None:
            self._write(self._descriptor, text.encode(errors="backslashreplace"))
        elif self._stream:
            self._stream.write(text)

    def _write(self, descriptor: int, data: bytes) -> None:
        left = memoryview(b"\n" + data if self._torn else data)
        while left:
            self._wait(descriptor)
            written = os.write(descriptor, left[: select.PIPE_BUF])
            left = left[written:]
            self._torn = bool(left)

    def _wait(self, descriptor: int) -> None:
        """Wait a moment for room, after a wait in vain not at all; raises TimeoutError."""
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        if not poll.poll(self._patience):
            self._patience = 0
            raise TimeoutError(errno.ETIMEDOUT, "nobody reads them")
        self._patience = _PATIENCE
