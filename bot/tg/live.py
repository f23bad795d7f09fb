"""Live: how a job's drawing goes, shown in the chat while it goes.

A model's words come as a draft in private chats, which costs no message; elsewhere in the status
message, seldom, for a group's edits count against what the bot may send there.
https://core.telegram.org/bots/api#sendmessagedraft
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from bot.domain import BotError
from bot.tg.errors import Rejected
from bot.tg.wording import lines

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Put = Callable[[str], Awaitable[None]]

log = structlog.get_logger(__name__)

DRAFT_SECONDS, EDIT_SECONDS = 1.0, 10.0  # between two of a kind
LAST_SECONDS = 5.0


class Live:
    """Shows one job's progress; `draft` is None where there are no drafts.

    `head` says that something is drawn, `usual` how long that takes, `instead` words that another
    model does.
    """

    def __init__(
        self,
        head: str,
        instead: Callable[[str], str],
        *,
        edit: Put,
        draft: Put | None,
        usual: str = "",
    ) -> None:
        self._head = head
        self._usual = usual
        self._elapsed = ""
        self._instead = instead
        self._words = ""
        self._draft = draft
        self._drafts = _Ticker(self._put_draft, DRAFT_SECONDS)
        self._edits = _Ticker(edit, EDIT_SECONDS)

    def words(self, text: str) -> None:
        """Show what the model has said so far."""
        self._words = text
        if self._draft:
            self._drafts.tell(text)
        else:
            self._edits.tell(self._standing())

    def instead(self, label: str) -> None:
        """Show that another model draws."""
        self._head, self._words, self._usual = self._instead(label), "", ""
        self._edits.tell(self._standing())

    def elapsed(self, text: str) -> None:
        """Show how long it has taken."""
        self._elapsed = text
        self._edits.tell(self._standing())

    async def close(self) -> None:
        """End; what is on its way has some seconds to arrive before the result does."""
        await self._drafts.close()
        await self._edits.close()

    def _standing(self) -> str:
        times = " · ".join(filter(None, (self._elapsed, self._usual)))
        words = "" if self._draft else self._words
        return "\n\n".join(filter(None, (lines(self._head, times), words)))

    async def _put_draft(self, text: str) -> None:
        if self._draft is None:
            return
        try:
            await self._draft(text)
        except Rejected:  # an older Bot API server
            self._draft = None
            self._edits.tell(self._standing())


class _Ticker:
    """Puts the newest text at most every `gap` seconds; what came between is never seen."""

    def __init__(self, put: Put, gap: float) -> None:
        self._put = put
        self._gap = gap
        self._text = ""
        self._news = asyncio.Event()
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def tell(self, text: str) -> None:
        if not text or text == self._text or self._over.is_set():
            return
        self._text = text
        self._news.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="live words")

    async def close(self) -> None:
        self._over.set()
        self._news.set()
        if self._task is None:
            return
        await asyncio.wait([self._task], timeout=LAST_SECONDS)
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while not self._over.is_set():
                self._news.clear()
                await self._put(self._text)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._gap):
                        await self._over.wait()
                await self._news.wait()
        except BotError:
            return  # decoration only: delivery finds out by itself what is wrong with the chat
        except Exception:  # the task's edge: a decoration must not cost a picture
            log.exception("progress could not be shown")
