"""Talk: what the bot says without anybody waiting for it; owned, bounded in number and time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from bot.domain import BotError

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

log = structlog.get_logger(__name__)

AT_ONCE = 5_000  # more than this is a flood of ours: what cannot be said is logged and dropped
PATIENCE = 120.0  # seconds for one utterance, floods included


class Talk:
    """Runs utterances in the background, so that handlers commit and return."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, utterance: Coroutine[Any, Any, object], what: str) -> asyncio.Task[None] | None:
        """Begin to say something; its failure is logged and harms nothing else."""
        if len(self._tasks) >= AT_ONCE:
            utterance.close()
            log.error("too much to say, dropped", what=what)
            return None
        task = asyncio.create_task(_spoken(utterance, what), name=what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drain(self, seconds: float) -> None:
        """Let what is being said be finished, for up to `seconds`."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=1)


async def _spoken(utterance: Coroutine[Any, Any, object], what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await utterance
    except (BotError, TimeoutError) as error:
        log.warning("not said", what=what, error=type(error).__name__, reason=str(error))
    except Exception:  # the task's edge
        log.exception("not said", what=what)
