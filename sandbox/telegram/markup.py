"""Markup: HTML and MarkdownV2 turned into entities, refused where broken."""

from __future__ import annotations

import html
import re

from .refusal import bad_request
from .text import Entity, Formatted, units

_TAG = re.compile(r"<(/?)([a-zA-Z][\w-]*)((?:\s+[\w-]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'))?)*)\s*>")
_ATTRIBUTE = re.compile(r"([\w-]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'))?")
_ENTITY_REF = re.compile(r"&(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);")
_HTML_TYPES = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "a": "text_link",
    "tg-emoji": "custom_emoji",
}
_MARKS = {
    "*": "bold",
    "_": "italic",
    "__": "underline",
    "~": "strikethrough",
    "||": "spoiler",
    "`": "code",
    "```": "pre",
}
_RESERVED = "_*[]()~`>#+-=|{}.!"
_CODE = {"`", "```"}


def parse(text: str, mode: str | None) -> Formatted:
    """Read a text in a parse mode; without one it is taken as it is.

    Raises `Refused` as the real server: "can't parse entities: …", "unsupported parse_mode".
    """
    match (mode or "").lower():
        case "":
            return Formatted(text)
        case "html":
            return _Html(text).read()
        case "markdownv2":
            return _Markdown(text).read()
        case _:
            raise bad_request("unsupported parse_mode")


def _broken(reason: str) -> Exception:
    return bad_request(f"can't parse entities: {reason}")


class _Output:
    """The plain text so far and the entities closed in it."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._parts: list[str] = []
        self._size = 0
        self._entities: list[Entity] = []
        self._open: list[tuple[str, Entity]] = []

    def _say(self, text: str) -> None:
        self._parts.append(text)
        self._size += units(text)

    def _start(self, mark: str, entity: Entity) -> None:
        self._open.append((mark, {**entity, "offset": self._size}))

    def _end(self, extra: Entity | None = None) -> None:
        _, entity = self._open.pop()
        length = self._size - entity["offset"]
        if length and entity["type"] != "text_link_without_url":
            self._entities.append({**entity, **(extra or {}), "length": length})

    def _byte(self, position: int) -> int:
        return len(self._source[:position].encode())

    def _result(self) -> Formatted:
        ordered = sorted(self._entities, key=lambda e: (e["offset"], -e["length"]))
        return Formatted("".join(self._parts), tuple(ordered))


class _Html(_Output):
    def read(self) -> Formatted:
        position = 0
        while position < len(self._source):
            position = self._step(position)
        if self._open:
            raise _broken(f'Can\'t find end tag corresponding to start tag "{self._open[-1][0]}"')
        return self._result()

    def _step(self, position: int) -> int:
        source = self._source
        if source[position] == "<":
            return self._tag(position)
        if source[position] == "&" and (ref := _ENTITY_REF.match(source, position)):
            self._say(html.unescape(ref.group()))
            return ref.end()
        end = re.compile(r"[<&]").search(source, position + 1)
        stop = end.start() if end else len(source)
        self._say(source[position:stop])
        return stop

    def _tag(self, position: int) -> int:
        tag = _TAG.match(self._source, position)
        at = self._byte(position)
        if tag is None:
            raise _broken(f'Unsupported start tag "" at byte offset {at}')
        name = tag.group(2).lower()
        if not tag.group(1):
            self._start(name, _html_entity(name, tag.group(3), at))
        elif not self._open:
            raise _broken(f"Unexpected end tag at byte offset {at}")
        elif self._open[-1][0] != name:
            expected = self._open[-1][0]
            raise _broken(
                f'Unmatched end tag at byte offset {at}, expected "</{expected}>", '
                f'found "</{name}>"',
            )
        else:
            self._end()
        return tag.end()


def _html_entity(name: str, attributes: str, at: int) -> Entity:
    given = {
        key: html.unescape(double or single)
        for key, double, single in _ATTRIBUTE.findall(attributes)
    }
    if name not in _HTML_TYPES or (name == "span" and given.get("class") != "tg-spoiler"):
        raise _broken(f'Unsupported start tag "{name}" at byte offset {at}')
    entity: Entity = {"type": _HTML_TYPES[name]}
    if name == "a":
        url = given.get("href", "")
        return {**entity, "url": url} if url else {"type": "text_link_without_url"}
    if name == "blockquote" and "expandable" in given:
        return {"type": "expandable_blockquote"}
    if name == "tg-emoji":
        return {**entity, "custom_emoji_id": given.get("emoji-id", "")}
    return entity


class _Markdown(_Output):
    def read(self) -> Formatted:
        position = 0
        while position < len(self._source):
            position = self._step(position)
        self._close_quote()
        if self._open:
            mark = self._open[-1][1]
            kind = {"text_link": "Link", "pre": "PreCode"}.get(mark["type"], mark["type"].title())
            raise _broken(f"Can't find end of {kind} entity at byte offset {mark['at']}")
        return self._result()

    def _step(self, position: int) -> int:
        source = self._source
        char = source[position]
        if char == "\\" and source[position + 1 : position + 2]:
            self._say(source[position + 1])
            return position + 2
        if self._open and self._open[-1][0] in _CODE:
            return self._in_code(position)
        if char == "\n":
            self._close_quote()
        if char not in _RESERVED:
            self._say(char)
            return position + 1
        return self._reserved(position, char)

    def _in_code(self, position: int) -> int:
        mark = self._open[-1][0]
        if self._source.startswith(mark, position):
            self._end({"at": None})
            return position + len(mark)
        self._say(self._source[position])
        return position + 1

    def _reserved(self, position: int, char: str) -> int:
        source = self._source
        for mark in ("```", "__", "||", "*", "_", "~", "`"):
            if source.startswith(mark, position):
                self._toggle(mark, position)
                return position + len(mark)
        if char == "[":
            self._start("[", {"type": "text_link", "at": self._byte(position)})
            return position + 1
        if char == "]" and self._open and self._open[-1][0] == "[":
            return self._link(position)
        if char == ">" and (position == 0 or source[position - 1] == "\n"):
            self._start(">", {"type": "blockquote", "at": self._byte(position)})
            return position + 1
        raise _broken(
            f"Character '{char}' is reserved and must be escaped with the preceding '\\'",
        )

    def _toggle(self, mark: str, position: int) -> None:
        if self._open and self._open[-1][0] == mark:
            self._end({"at": None})
        elif any(mark == opened for opened, _ in self._open):
            kind = self._open[-1][1]["type"].title()
            at = self._open[-1][1]["at"]
            raise _broken(f"Can't find end of {kind} entity at byte offset {at}")
        else:
            self._start(mark, {"type": _MARKS[mark], "at": self._byte(position)})

    def _link(self, position: int) -> int:
        url = re.compile(r"\]\(((?:\\.|[^)\\])*)\)").match(self._source, position)
        if url is None:
            raise _broken("Can't find end of a URL at byte offset " + str(self._byte(position)))
        self._end({"url": re.sub(r"\\(.)", r"\1", url.group(1)), "at": None})
        return url.end()

    def _close_quote(self) -> None:
        if self._open and self._open[-1][0] == ">":
            self._end({"at": None})

    def _result(self) -> Formatted:
        plain = super()._result()
        clean = ({k: v for k, v in e.items() if k != "at"} for e in plain.entities)
        return Formatted(plain.text, tuple(clean))
