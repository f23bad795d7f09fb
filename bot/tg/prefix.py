"""The keyword prefix: a group's own word that addresses the bot, as a command would. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.tg.incoming import Content

if TYPE_CHECKING:
    from bot.tg.incoming import Incoming

LONGEST = 24  # and its bytes must fit into a button's data

_WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")


def usable(word: str) -> bool:
    """Whether a word may be a prefix: one word of letters and digits.

    One Latin letter is none: too many sentences begin with "a".
    """
    if len(word) < 2 and word.isascii():  # noqa: PLR2004 - a sign of Chinese is a word
        return False
    return len(word.lower().encode()) <= LONGEST and bool(_WORD.fullmatch(word.lower()))


def addressed(incoming: Incoming, prefix: str | None) -> Incoming:
    """Take a message that begins with the prefix as one for the bot, the prefix cut off."""
    wish = incoming.wish
    if prefix is None or incoming.addressed or wish.private:
        return incoming
    if incoming.content not in (Content.WORDS, Content.PICTURE):
        return incoming
    rest = without(wish.prompt, prefix)
    if rest is None:
        return incoming
    return replace(incoming, wish=replace(wish, prompt=rest), addressed=True)


def without(text: str, prefix: str) -> str | None:
    """Cut a prefix off, and the colon or comma behind it; None if the text begins otherwise."""
    word, rest = text[: len(prefix)], text[len(prefix) :]
    if word.lower() != prefix.lower() or (rest and rest[0] not in " \t\n:,"):
        return None
    return rest.lstrip(" \t\n:,")
