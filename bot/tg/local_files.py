"""Files of one's own Bot API server: run with --local, it names them by paths of its own disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import structlog

from bot.domain import InputError, InputProblem

log = structlog.get_logger(__name__)

PIECE = 512 * 1024  # bytes read in one trip to a thread
MEND = "let the bot read the Bot API server's files; TELEGRAM_FILES_DIR says where it sees them"


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """Reads such files; `folder` is the server's as the bot sees it, None where it is the same."""

    folder: Path | None

    async def read(self, path: str) -> AsyncGenerator[bytes]:
        """Give a file's bytes in pieces; raises InputError where it cannot be read here.

        The path holds the bot's token, so the log has its end only.
        """
        at = 0
        try:
            file = await asyncio.to_thread(self._find, path)
            # Opened for each piece: nothing stays open behind a task that is cancelled.
            while piece := await asyncio.to_thread(_read, file, at):
                at += len(piece)
                yield piece
        except OSError as error:
            end = "/".join(PurePosixPath(path).parts[-2:])
            log.error("a file cannot be read", file=end, error=type(error).__name__, mend=MEND)  # noqa: TRY400 - expected, no traceback
            raise InputError(InputProblem.NOT_READABLE) from None

    def _find(self, path: str) -> Path:
        for place in self._places(path):
            if place.is_file():
                return place
        raise FileNotFoundError

    def _places(self, path: str) -> Iterator[Path]:
        """Say where a file may be: the server's folder may be any beginning of its path."""
        parts = PurePosixPath(path).parts[1:]
        if self.folder and ".." not in parts:
            yield from (self.folder.joinpath(*parts[at:]) for at in range(len(parts)))
        yield Path(path)


def _read(file: Path, at: int) -> bytes:
    with file.open("rb", buffering=0) as handle:
        handle.seek(at)
        return handle.read(PIECE)
