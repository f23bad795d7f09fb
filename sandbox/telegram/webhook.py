"""The webhook: updates are POSTed as the real server does it.

Those of a chat one after the other, each until it is confirmed by a 2xx; chats side by side.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import httpx

from .schema import Json
from .updates import Updates

CONNECTIONS = 40
AGAIN, LONGEST = (
    0.1,
    1.0,
)  # seconds between two tries; the real server's begin with 1 and grow to 120
PATIENCE = 60.0


@dataclass(slots=True)
class Deliveries:
    """What is on its way to the webhook."""

    updates: Updates
    task: asyncio.Task[None] | None = None
    _lines: set[tuple[str, int]] = field(default_factory=set)

    def start(self) -> None:
        self.stop()
        self.task = asyncio.create_task(self._run(), name="webhook")

    def stop(self) -> None:
        if self.task:
            self.task.cancel()
        self.task = None

    async def _run(self) -> None:
        self._lines.clear()
        hook = self.updates.webhook or {}
        head = {"X-Telegram-Bot-Api-Secret-Token": hook.get("secret_token", "")}
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with (
            httpx.AsyncClient(headers=head, timeout=PATIENCE, limits=limits) as client,
            asyncio.TaskGroup() as group,
        ):
            while not self.updates.closed:
                for update in self.updates.pending:
                    line = _line(update)
                    room = len(self._lines) < hook.get("max_connections", CONNECTIONS)
                    if room and line not in self._lines:
                        self._lines.add(line)
                        group.create_task(self._deliver(client, hook["url"], line, update))
                await self.updates.changes.wait(None)

    async def _deliver(
        self, client: httpx.AsyncClient, url: str, line: tuple[str, int], update: Json
    ) -> None:
        pause = AGAIN
        while error := await self._posted(client, url, update):
            self.updates.webhook_error = error
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST)
        self.updates.forget(update)
        self._lines.discard(line)
        self.updates.changes.notify()

    async def _posted(self, client: httpx.AsyncClient, url: str, update: Json) -> str:
        try:
            answer = await client.post(url, json=update)
        except httpx.HTTPError as error:
            return f"Connection failed: {type(error).__name__}"
        if answer.is_success:
            return ""
        return f"Wrong response from the webhook: {answer.status_code} {answer.reason_phrase}"


def _line(update: Json) -> tuple[str, int]:
    """Tell behind which others an update waits: messages of its chat, or what a person else does."""
    [(kind, payload)] = [(kind, value) for kind, value in update.items() if kind != "update_id"]
    kind = "message" if "message" in kind or "post" in kind else kind
    where = payload.get("chat") or payload.get("from") or {}
    return kind, where.get("id", 0)
