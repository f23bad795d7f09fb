"""How far a long command is, on a terminal; who is cancelled ends the work."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from bot.domain import Abandoned

T = TypeVar("T")
Tell = Callable[[str, int, int], None]  # what is done now, how much of it is, of how much


async def show_progress(work: Callable[[Tell], T], console: Console, amount: ProgressColumn) -> T:
    """Do `work` on a thread, where telling raises Abandoned once nobody waits for it any more."""
    ended = threading.Event()
    columns = TextColumn("{task.description}"), BarColumn(), amount, TimeRemainingColumn()
    shown = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with shown as progress:
        bar = progress.add_task("begins", total=None)

        def tell(doing: str, done: int, total: int) -> None:
            if ended.is_set():
                raise Abandoned
            progress.update(bar, description=doing, completed=done, total=total)

        try:
            return await asyncio.to_thread(work, tell)
        finally:
            ended.set()
