"""The meter: stands in front of the servers and notes when what passed.

It sees the wire only, so the same meter measures whatever is on the other end.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SEEN = 64 * 1024  # of a body; the prompt and the small fields are at its front
_PROMPT = re.compile(rb"prompt-\d+-\d+\b")
_CHAT = re.compile(rb'name="chat_id"[^\r]*\r\n(?:[^\r\n]+\r\n)*\r\n(-?\d+)')
_UPLOADS = ("/sendPhoto", "/sendDocument", "/editMessageMedia")


@dataclass(slots=True)
class Times:
    """When a prompt passed where, by `time.perf_counter`; `calls` counts the gateway's."""

    handed_out: float = 0.0
    asked: float = 0.0
    answered: float = 0.0
    uploaded: float = 0.0
    calls: int = 0


@dataclass
class Meter:
    """What was seen, by prompt; `chats` says which prompt a chat waits for.

    `last_call_at` is when Telegram was last asked for anything but updates and pictures.
    """

    by_prompt: dict[str, Times] = field(default_factory=dict)
    chats: dict[int, str] = field(default_factory=dict)
    polled: asyncio.Event = field(default_factory=asyncio.Event)
    uploaded: dict[int, Callable[[], None]] = field(default_factory=dict)
    last_call_at: float = 0.0

    def expect(self, prompt: str, chat: int, uploaded: Callable[[], None]) -> None:
        """Expect a prompt's picture in a chat; `uploaded` is called for each that comes."""
        self.by_prompt[prompt], self.chats[chat], self.uploaded[chat] = Times(), prompt, uploaded

    def telegram(self, app: ASGIApp) -> ASGIApp:
        """Stand in front of Telegram."""

        async def metered(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope.get("path", "")
            if path.endswith("/getUpdates"):
                self.polled.set()
                await app(scope, receive, self._handing_out(send))
            elif path.endswith(_UPLOADS):
                body = _Body(receive)
                await app(scope, body.receive, send)
                self._uploaded(body)
            else:
                self.last_call_at = time.perf_counter()
                await app(scope, receive, send)

        return metered

    def gateway(self, app: ASGIApp) -> ASGIApp:
        """Stand in front of the gateway."""

        async def metered(scope: Scope, receive: Receive, send: Send) -> None:
            body = _Body(receive)
            await app(scope, body.receive, send)
            ended = time.perf_counter()
            for prompt in _PROMPT.findall(body.front):
                times = self.by_prompt[prompt.decode()]
                times.asked, times.answered, times.calls = body.whole_at, ended, times.calls + 1

        return metered

    def _handing_out(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            await send(message)
            at = time.perf_counter()
            for prompt in _PROMPT.findall(message.get("body", b"")):
                times = self.by_prompt[prompt.decode()]
                times.handed_out = times.handed_out or at

        return sent

    def _uploaded(self, body: _Body) -> None:
        found = _CHAT.search(body.front)
        chat = int(found[1]) if found else 0
        if chat in self.chats:
            self.by_prompt[self.chats[chat]].uploaded = body.whole_at
            self.uploaded[chat]()

    def spans(self, span: Callable[[Times], float]) -> list[float]:
        """List how long something took, shortest first, in milliseconds."""
        return sorted(1000 * span(times) for times in self.by_prompt.values())


class _Body:
    """A request's body as it passes: its front, and when it was whole."""

    def __init__(self, receive: Receive) -> None:
        self.front = b""
        self.whole_at = 0.0
        self._receive = receive

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            if len(self.front) < _SEEN:
                self.front += message.get("body", b"")[:_SEEN]
            if not message.get("more_body"):
                self.whole_at = time.perf_counter()
        return message
