"""Pictures at places that nobody told of: what is looked for where no known place has any."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.gateway.image_extractor import PLACEHOLDER

_DEEPEST = 12
# What a request said, what the model thought, drafts, and what is no result of anything.
_PASSED_OVER = re.compile(
    r"(?i)(?:inputs?|prompts?|messages?|requests?|source_images?|references?|masks?|signatures?"
    r"|(?:reason|think|thought).*|thought_?signature|partial.*|preview.*|thumb.*|error.*"
    r"|id|logo|icon|avatar|docs?|documentation.*|help.*)"
)
_LINKED = re.compile(
    r"(?i)(?:.*(?:image|img|picture|photo).*|urls?|uri|output|outputs|results?|src)"
)
# Where one would have to ask again, or does something by asking.
_NOT_LINKED = re.compile(
    r"(?i).*(?:status|cancel|callback|webhook|poll|stream|response|get|page).*"
)
_URL = re.compile(r"https?://\S{1,4000}+", re.IGNORECASE)


def stray_images(document: object, key: str = "", depth: int = 0) -> Iterator[str]:
    """Give the strings that are pictures: with a placeholder, or a link under a picture's name.

    Texts of messages are left out: they have been looked at, and their thoughts are none.
    """
    if depth > _DEEPEST:
        return
    if isinstance(document, dict):
        if document.get("thought") is True:
            return
        for name, value in document.items():
            if not _PASSED_OVER.fullmatch(name):
                yield from stray_images(value, name, depth + 1)
    elif isinstance(document, list):
        for item in document:
            yield from stray_images(item, key, depth + 1)
    elif isinstance(document, str) and key not in {"content", "text"}:
        named = _LINKED.fullmatch(key) and not _NOT_LINKED.fullmatch(key)
        if PLACEHOLDER.search(document) or (named and _URL.fullmatch(document.strip())):
            yield document
