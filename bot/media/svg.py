"""Vector pictures: SVG recognised by its own words, and made harmless before it is kept.

Nothing is resolved, loaded or run here: a document that declares entities is none of ours, and
what a viewer would run or load from elsewhere is left out of the copy that is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.parsers import expat  # entities are refused before they are read
from xml.sax.saxutils import escape, quoteattr

from bot.domain import InputError, InputProblem

SVG = "image/svg+xml"
MAX_BYTES = 2 << 20  # drawings by models have some ten thousand

_SPACE = b"\xef\xbb\xbf \t\r\n"
_BEGINNINGS = (b"<svg", b"<?xml", b"<!DOCTYPE svg", b"<!--")
_NAMESPACE = "http://www.w3.org/2000/svg"
_ACTIVE = frozenset({"script", "foreignobject", "iframe", "object", "embed", "handler", "listener"})
_LINKS = frozenset({"href", "src"})
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,", re.IGNORECASE)
# In CSS, also in attributes: what loads from elsewhere, however it is escaped.
_LOADS = re.compile(
    r"@import|(?:expression|image-set|src)\s*\(|\\|url\s*\(\s*['\"]?\s*(?!#|['\"\s])", re.IGNORECASE
)
_LENGTH = re.compile(r"\s*\+?(\d{1,6}(?:\.\d{1,9})?|\.\d{1,9})(?:px)?\s*")
_USUAL = (300, 150)  # what viewers give an image that names no size


@dataclass(frozen=True, slots=True)
class SvgImage:
    """A harmless SVG document, and the size in pixels that it names."""

    data: bytes
    width: int
    height: int


def may_begin(head: bytes) -> bool:
    """Whether a file with these first bytes may be SVG; `sanitize` tells whether it is."""
    return head.lstrip(_SPACE).startswith(_BEGINNINGS)


def sanitize(data: bytes, *, max_pixels: int) -> SvgImage:
    """Copy an SVG document without what runs or loads anything.

    Raises InputError for what is no SVG, is too large or declares entities. Blocks.
    """
    if len(data) > MAX_BYTES:
        raise InputError(InputProblem.TOO_MANY_BYTES)
    copy = _Copy()
    try:
        copy.read(data)
    except (expat.ExpatError, UnicodeError, LookupError, ValueError) as exc:
        raise InputError(InputProblem.NOT_A_PICTURE) from exc
    image = copy.image()
    if image.width * image.height > max_pixels:
        raise InputError(InputProblem.TOO_MANY_PIXELS)
    return image


class _Copy:
    """Writes down what may stay of a document while it is read."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._open: list[str] = []
        self._left_out = 0  # how deep we are inside of what is left out
        self._size = _USUAL
        self._style: list[str] = []

    def read(self, data: bytes) -> None:
        parser = expat.ParserCreate()
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.buffer_text = True
        parser.EntityDeclHandler = self._refuse
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._words
        parser.Parse(data, True)  # noqa: FBT003 - expat takes no keywords

    def image(self) -> SvgImage:
        return SvgImage("".join(self._kept).encode(), *self._size)

    def _refuse(self, *_declared: object) -> None:
        raise InputError(InputProblem.NOT_A_PICTURE)

    def _begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if not self._open:
            if _local(name) != "svg":
                raise InputError(InputProblem.NOT_A_PICTURE)
            self._size = _size(attributes)
            if ":" not in name:  # models forget it, and viewers then show text
                attributes = {"xmlns": _NAMESPACE, **attributes}
        in_style = bool(self._open) and _local(self._open[-1]) == "style"
        self._open.append(name)
        if self._left_out or in_style or _local(name) in _ACTIVE:
            self._left_out += 1
            return
        kept = {key: value for key, value in attributes.items() if _harmless(key, value)}
        if _moves_link(name, kept):
            self._left_out += 1
            return
        written = "".join(f" {key}={quoteattr(value)}" for key, value in kept.items())
        self._kept.append(f"<{name}{written}>")

    def _end(self, name: str) -> None:
        self._open.pop()
        if self._left_out:
            self._left_out -= 1
            return
        if self._style:
            style, self._style = "".join(self._style), []
            self._kept.append("" if _LOADS.search(style) else escape(style))
        self._kept.append(f"</{name}>")

    def _words(self, text: str) -> None:
        if self._left_out:
            return
        if _local(self._open[-1]) == "style":
            self._style.append(text)
        else:
            self._kept.append(escape(text))


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()


def _harmless(name: str, value: str) -> bool:
    """Whether an attribute neither runs nor loads anything from elsewhere."""
    local = _local(name)
    if name.startswith("xmlns"):
        return True
    if local in _LINKS:
        link = value.strip()
        return link.startswith("#") or bool(_PICTURE.match(link))
    return not local.startswith("on") and local != "base" and not _LOADS.search(value)


def _moves_link(name: str, attributes: Mapping[str, str]) -> bool:
    """Whether an animation would set a link or a handler, which were looked at before it ran."""
    if _local(name) not in {"set", "animate"}:
        return False
    target = _local(attributes.get("attributeName", ""))
    return target in _LINKS or target.startswith("on")


def _size(attributes: Mapping[str, str]) -> tuple[int, int]:
    """Read the size that a drawing names: in pixels, else that of its view box."""
    sides = [_LENGTH.fullmatch(attributes.get(side, "")) for side in ("width", "height")]
    if sides[0] and sides[1]:
        return _pixels(sides[0][1]), _pixels(sides[1][1])
    box = [_LENGTH.fullmatch(word) for word in re.split(r"[\s,]+", attributes.get("viewBox", ""))]
    if len(box) == 4 and box[2] and box[3]:  # noqa: PLR2004 - left, top, width, height
        return _pixels(box[2][1]), _pixels(box[3][1])
    return _USUAL


def _pixels(number: str) -> int:
    return max(1, round(float(number)))
