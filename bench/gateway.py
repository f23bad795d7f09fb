"""The bench's gateway: takes any prompt, waits, and answers with noise as chat completions do."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass

from bench.http import Request
from bench.meter import Meter, Times
from bench.noise import base64_of

FRONT = 64 * 1024  # of a body; a prompt is at its front or behind its photo
_PROMPT = re.compile(rb"prompt-\d+-\d+\b")
_BEFORE = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1760000001,'
    b'"model":"gemini-2.5-flash-image","choices":[{"index":0,"message":{"role":"assistant",'
    b'"content":"Here it is\\n![image](data:image/png;base64,'
)
_AFTER = (
    b')"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1293,'
    b'"total_tokens":1302,"completion_tokens_details":{"image_tokens":1290,"text_tokens":3,'
    b'"reasoning_tokens":0}}}'
)


@dataclass(frozen=True, slots=True)
class Gateway:
    """Draws pictures of `size` bytes after `delay` seconds."""

    meter: Meter
    key: str
    size: int
    delay: float

    def __call__(self, request: Request) -> None:
        if f"Bearer {self.key}".encode() not in request.head:
            request.reply(b'{"error":{"message":"no such key"}}', status="401 Unauthorized")
            return
        found = _PROMPT.search(request.body[:FRONT]) or _PROMPT.search(request.body[-FRONT:])
        prompt = found[0].decode() if found else ""
        times = self.meter.by_prompt.get(prompt) or Times()
        times.asked, times.calls = request.arrived, times.calls + 1
        if self.delay:
            loop = asyncio.get_running_loop()
            loop.call_later(self.delay, self._answer, request, prompt, times)
        else:
            self._answer(request, prompt, times)

    def _answer(self, request: Request, prompt: str, times: Times) -> None:
        def sent() -> None:
            times.answered = time.perf_counter()

        request.reply(_BEFORE, *base64_of(self.size, prompt), _AFTER, sent=sent)
