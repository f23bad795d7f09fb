"""What can go wrong with a gateway, and in whose words.

BotError
├── CallFailed         a call that brings no picture; becomes an Undrawn
│   ├── ResponseTooLarge   an answer without its pictures is larger than we hold in memory
│   └── PictureNotFetched   an answer links to a picture that could not be fetched
└── AccountError       a provider did not tell about itself: one line for the operator
Exception              never leaves this package
├── CircuitOpen        no call is let through for a while
├── DownloadFailed     a link brings no picture
│   ├── TryAgain           it may bring one later
│   └── NoPicture          it leads to something else
├── ImageTruncated     a picture without its end
└── MalformedJson      what should be JSON is none
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bot.domain import BotError, OutcomeKind
from bot.domain.shown_names import CONTROL
from bot.log import redacted


class CallFailed(BotError):
    """A call that brings no picture. `repeatable`: nothing can have been bought."""

    def __init__(self, kind: OutcomeKind, detail: str = "", *, repeatable: bool = False) -> None:
        super().__init__(f"{kind}: {plain(detail)[:200]}")
        self.kind = kind
        self.detail = plain(detail)
        self.repeatable = repeatable

    def not_repeatable(self) -> CallFailed:
        """The same, but something may have been bought."""
        return CallFailed(self.kind, self.detail)


class ResponseTooLarge(CallFailed):
    """What is left of an answer without its pictures is more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(OutcomeKind.UNREADABLE, f"more than {limit} bytes of text")


class PictureNotFetched(CallFailed):
    """The answer links to a picture that could not be fetched; its words keep the link."""

    def __init__(self, words: str) -> None:
        super().__init__(OutcomeKind.NOT_FETCHED)
        self.detail = plain(words, LINKED_WORDS, links=True)


class AccountError(BotError):
    """The provider did not tell: one line for the operator, without secrets."""


class CircuitOpen(Exception):
    """No call is let through; another one may be in so many `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"left alone for {seconds:.0f} s more, after too many failures in a row")
        self.seconds = seconds


class DownloadFailed(Exception):
    """The link brings no picture; its text says why, without the link."""


class TryAgain(DownloadFailed):
    """The link may bring a picture later: after `seconds`, if the server says so.

    `hardly`: that is unlikely.
    """

    def __init__(self, reason: str, seconds: float | None = None, *, hardly: bool = False) -> None:
        super().__init__(reason)
        self.seconds, self.hardly = seconds, hardly


class NoPicture(DownloadFailed):
    """What the link leads to is something else than a picture."""


class ImageTruncated(Exception):
    """A picture without its end."""


class MalformedJson(Exception):
    """What should be JSON is none."""


_KEYS = re.compile(r"\bsk-[A-Za-z0-9_*\-.]{4,}|(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{200,}+={0,2}")
_IN_LINK = re.compile(r"(?i:https?):(?://[^\s<>\"']*+)?\Z")
LINKED_WORDS = 3000  # characters; a link is of use only if it is whole


_key: ContextVar[str] = ContextVar("key", default="")


@contextlib.contextmanager
def hiding(key: str) -> Iterator[None]:
    """Have `plain` blank out our key meanwhile: some gateways quote what they were sent."""
    token = _key.set(key)
    try:
        yield
    finally:
        _key.reset(token)


def hidden(text: str) -> str:
    key = _key.get()
    return text.replace(key, "<secret>") if key else text


def plain(text: str, limit: int = 1000, *, links: bool = False) -> str:
    """Make foreign words safe to keep and to show: no control characters, no secrets, short.

    With `links` long signatures stay in links, which lead nowhere without.
    """
    if not text:
        return ""
    # Our key goes before each cut, which would leave a part of it that nothing finds any more.
    text = hidden(text)[: 4 * limit + 4000]
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    shown = CONTROL.sub("", text)
    text = shown if shown == text else hidden(shown)  # which stood in it before, or does now
    return redacted(_KEYS.sub(_unlinked if links else "<secret>", text)).strip()[:limit]


def _unlinked(secret: re.Match[str]) -> str:
    before = secret.string[max(0, secret.start() - 8000) : secret.start()]
    signature = not secret.group().startswith("sk-") and _IN_LINK.search(before)
    return secret.group() if signature else "<secret>"


_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def parse_retry_after(header: str, now: datetime) -> float | None:
    """Read seconds, or a date and how far it is from `now`; None for the past and for garbage.

    How long is too long is the caller's to say.
    """
    text = header.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    seconds = (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
    return seconds if seconds >= 0 and math.isfinite(seconds) else None
