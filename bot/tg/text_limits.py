"""Captions and texts: plain, and never over Telegram's limits.

The limits count UTF-16 code units. No parse mode is used anywhere, so no text can be rejected for
its markup.
"""

from __future__ import annotations

import re

CAPTION, TEXT, ANSWER = 1024, 4096, 200
_JOINERS = "\u200d\ufe0f"  # what glues emoji together
# Control characters but tabs and line feeds, and lone surrogates.
# What a service says to machines among its words: `IMAGE_SAFETY`, `safety_violations=[sexual]`,
# numbers of requests, JSON. The length of each is bounded, so that none is searched for long.
_CODES = re.compile(
    r"""\{.{0,2000}\}
    | \(? (?:,?\ (?:and\ )?include\ the\ )? \b(?:request|trace)[ _-]?id\b [:=\s]* [\w.-]{0,80} \)?
    | \b(?:error\ code|status|http)[: ]+[45]\d\d\b
    | \w{0,80}_\w{0,80} (?:\ ?[=:]\ ?[\w.\[\]"',-]{1,80})?
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_EMPTY = re.compile(r"\(\s*\)|\[\s*\]|\s+(?=[.,;:!?)\]])")
_WORD_OF_CODE = re.compile(r"[\w.:/-]*", re.ASCII)
_UNSENDABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fit(text: str, limit: int) -> str:
    """Cut a text to `limit` UTF-16 units, at a word's end where one is near, with an ellipsis."""
    text = _UNSENDABLE.sub("", text).strip()
    if units(text) <= limit:
        return text
    end, used = 0, 1  # one unit for the ellipsis
    for end, character in enumerate(text):  # noqa: B007 - `end` is what the loop is for
        used += 2 if ord(character) > 0xFFFF else 1  # noqa: PLR2004 - the end of the BMP
        if used > limit:
            break
    while end and (text[end] in _JOINERS or text[end - 1] == _JOINERS[0]):
        end -= 1
    kept = text[:end]
    space = max(kept.rfind(" "), kept.rfind("\n"))
    if space > end * 3 // 4:
        kept = kept[:space]
    return kept.rstrip() + "…"


def with_line(text: str, line: str, limit: int = CAPTION) -> str:
    """Put a line below a text, which is cut for it."""
    if not line:
        return text
    return "\n\n".join(filter(None, (fit(text, limit - units(line) - 2), line)))


def without_codes(text: str) -> str:
    """Leave of a service's words what is meant for people; empty where nothing is."""
    text = _CODES.sub(" ", text)
    text = " ".join(_EMPTY.sub("", text).split()).strip(" :,;=-\u2013\u2014\"'")
    return "" if _WORD_OF_CODE.fullmatch(text) else text
