"""A database with all tables: migrated once for all tests of a process, then copied."""

from __future__ import annotations

import asyncio
import tempfile
from functools import cache
from pathlib import Path

from bot.storage import schema


async def migrated(folder: Path) -> str:
    """Put a SQLite database into a folder where there is none yet; tell its URL."""
    file = folder / "bot.db"
    if not file.exists():
        file.write_bytes(await asyncio.to_thread(_content))
    return f"sqlite:///{file}"


@cache
def _content() -> bytes:
    with tempfile.TemporaryDirectory(prefix="migrated-") as name:
        file = Path(name) / "bot.db"
        asyncio.run(schema.migrate(f"sqlite:///{file}"))
        return file.read_bytes()
