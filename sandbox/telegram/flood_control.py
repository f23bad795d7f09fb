"""Flood control: how many messages Telegram takes, as far as anybody knows its rules.

https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from .errors import ApiError
from .request import Arguments

_MESSAGES = ("send", "edit", "copy", "forward")
_NO_MESSAGES = frozenset({"sendChatAction", "sendMessageDraft"})
# So many messages in so many seconds: in a chat, where short bursts are let pass, and in a group.
_CHAT, _GROUP = (14, 10.0), (20, 60.0)


@dataclass
class FloodControl:
    """Refuses what comes too fast; `clock` in seconds. `taken` counts what was taken of it.

    `in_all` is the rule for all chats together. A test's own is over a longer time: on a busy machine
    what came one after the other is read at once.
    """

    clock: Callable[[], float]
    in_all: tuple[int, float] = (30, 1.0)
    taken: int = 0
    _lately: dict[object, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def check(self, method: str, arguments: Arguments) -> None:
        """Raise ApiError where a message is one too many."""
        if not method.startswith(_MESSAGES) or method in _NO_MESSAGES:
            return
        chat, at = arguments.get("chat_id"), self.clock()
        rules = {"all": self.in_all}
        if isinstance(chat, int):
            rules[str(chat)] = _GROUP if chat < 0 else _CHAT
        for key, (most, seconds) in rules.items():
            lately = self._lately[key]
            while lately and lately[0] <= at - seconds:
                lately.popleft()
            if len(lately) >= most:
                later = math.ceil(lately[0] + seconds - at)
                text = f"Too Many Requests: retry after {later}"
                raise ApiError(429, text, retry_after=later)
        for key in rules:
            self._lately[key].append(at)
        self.taken += 1
