"""What a model says as text that is more than words: its thoughts, and JSON with pictures in it."""

from __future__ import annotations

import re

from bot.gateway.errors import MalformedJson
from bot.gateway.json import parse
from bot.gateway.stray_images import stray_images

_LONGEST = 100_000  # characters of JSON
_TAG = r"(?:think|thinking|thoughts?|reasoning)"
_THOUGHTS = re.compile(rf"<({_TAG})>.*?(?:</\1>|\Z)", re.IGNORECASE | re.DOTALL)
_THOUGHT_END = re.compile(rf"\A.*</{_TAG}>", re.IGNORECASE | re.DOTALL)
_FENCED = re.compile(r"\A```(?:json)?\s*+(.*?)\s*```\Z", re.IGNORECASE | re.DOTALL)


def without_thoughts(text: str) -> str:
    """Leave what a model means to say; some templates leave out the first tag, or the last."""
    if "<" not in text:
        return text
    return _THOUGHT_END.sub("", _THOUGHTS.sub("", text)).strip()


def as_parts(text: str) -> object:
    """Give the parts that a text is JSON of, if there is a picture in them; else the text."""
    stripped = text.strip()
    fenced = _FENCED.match(stripped)
    inner = fenced[1] if fenced else stripped
    if not inner.startswith(("{", "[")) or len(inner) > _LONGEST:
        return text
    try:
        document = parse(inner)
    except MalformedJson:
        return text
    return document if any(stray_images(document, "image")) else text
