"""The schema: what Bot API 10.0 says a request and an answer look like."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

Json = dict[str, Any]  # an object of the Bot API in its own form

_INTEGER = re.compile(r"-?\d+\Z")
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_ARRAY = "Array of "
# Families whose members are told apart by one field; the schema has no constants.
_TAGS = {
    "BotCommandScope": "type",
    "ChatMember": "status",
    "InputMedia": "type",
    "InputPaidMedia": "type",
    "MenuButton": "type",
    "MessageOrigin": "type",
    "ReactionType": "type",
}
_ODD_TAGS = {"ChatMemberOwner": "creator", "ChatMemberBanned": "kicked"}
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a request."""

    name: str
    mime: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter of a method or a member of an object."""

    name: str
    types: tuple[str, ...]
    required: bool


@dataclass(frozen=True, slots=True)
class ObjectType:
    """An object type: its fields, or the types it may be, or the tag that names it."""

    fields: dict[str, Field]
    subtypes: tuple[str, ...]
    tag: tuple[str, str] | None


class Schema:
    """Reads requests and checks answers; complaints are sentences, an empty list is good."""

    def __init__(self, raw: Json) -> None:
        self._methods = {name: _fields(entry) for name, entry in raw["methods"].items()}
        self._returns = {name: tuple(entry["returns"]) for name, entry in raw["methods"].items()}
        self._types = {
            name: ObjectType(_fields(entry), tuple(entry.get("subtypes", ())), _tag(name, entry))
            for name, entry in raw["types"].items()
        }
        self._names = {name.lower(): name for name in self._methods}

    def method(self, name: str) -> str | None:
        """Give the proper spelling of a method; names are not case sensitive."""
        return self._names.get(name.lower())

    def has_field(self, method: str, name: str) -> bool:
        return name in self._methods[method]

    def read(self, method: str, raw: Mapping[str, object]) -> tuple[Json, list[str]]:
        """Decode the values of a request and complain about what does not fit."""
        fields = self._methods[method]
        params = {
            name: _decode(fields[name].types, value) if name in fields else value
            for name, value in raw.items()
        }
        return params, list(self._members(fields, params, method))

    def check_answer(self, method: str, result: object) -> list[str]:
        """Complain about an answer of ours that the real server could not give."""
        return self._complaints(self._returns[method], result, f"{method} answer")

    def check_update(self, update: Json) -> list[str]:
        """Complain about an update that the real server could not give."""
        return self._complaints(("Update",), update, "update")

    def _members(self, fields: dict[str, Field], value: Json, where: str) -> Iterator[str]:
        for name in value.keys() - fields.keys():
            yield f"{where}: unknown field {name!r}"
        for name, field in fields.items():
            if name in value:
                yield from self._complaints(field.types, value[name], f"{where}.{name}")
            elif field.required:
                yield f"{where}: required field {name!r} is missing"

    def _complaints(self, types: tuple[str, ...], value: object, where: str) -> list[str]:
        best: list[str] | None = None
        for kind in types:
            found = list(self._misfits(kind, value, where))
            if not found:
                return []
            if best is None or len(found) < len(best):
                best = found
        return best or []

    def _misfits(self, kind: str, value: object, where: str) -> Iterator[str]:
        if kind.startswith(_ARRAY):
            yield from self._items(kind.removeprefix(_ARRAY), value, where)
        elif kind not in self._types or kind == "InputFile":
            if not _is_primitive(kind, value):
                yield f"{where}: {_shown(value)} is not {kind}"
        elif self._types[kind].subtypes:
            yield from self._complaints(self._types[kind].subtypes, value, where)
        elif not isinstance(value, dict):
            yield f"{where}: {_shown(value)} is not {kind}"
        else:
            yield from self._object(kind, value, where)

    def _object(self, kind: str, value: Json, where: str) -> Iterator[str]:
        shape = self._types[kind]
        if shape.tag is not None and value.get(shape.tag[0]) != shape.tag[1]:
            yield f"{where}: {shape.tag[0]} is not {shape.tag[1]!r}"
            yield f"{where}: is not {kind}"  # a wrong tag weighs more than a wrong member
        yield from self._members(shape.fields, value, where)

    def _items(self, kind: str, value: object, where: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{where}: {_shown(value)} is not an array"
            return
        for index, item in enumerate(value):
            yield from self._misfits(kind, item, f"{where}[{index}]")


@cache
def bot_api() -> Schema:
    """Load the structure of Bot API 10.0 that stands beside this file."""
    text = resources.files(__package__).joinpath("botapi-10.0.json").read_text("utf-8")
    return Schema(json.loads(text))


def _fields(entry: Json) -> dict[str, Field]:
    return {
        field["name"]: Field(field["name"], tuple(field["types"]), field["required"])
        for field in entry.get("fields", ())
    }


def _tag(name: str, entry: Json) -> tuple[str, str] | None:
    for family, member in _TAGS.items():
        if family in entry.get("subtype_of", ()):
            odd = _ODD_TAGS.get(name)
            return member, odd or _CAPITAL.sub("_", name.removeprefix(family)).lower()
    return None


def _decode(types: tuple[str, ...], value: object) -> object:
    """Give a textual value (query, form, multipart) the type that its field asks for."""
    if not isinstance(value, str):
        return value
    if "Integer" in types and _INTEGER.match(value):
        return int(value)
    if "String" in types:
        return value
    if types == ("Boolean",):
        return _BOOLEANS.get(value.lower(), value)
    try:
        decoded: object = json.loads(value)
    except ValueError:
        return value
    return decoded


def _is_primitive(kind: str, value: object) -> bool:
    match kind:
        case "Integer":
            return type(value) is int
        case "Float":
            return type(value) in (int, float)
        case "Boolean":
            return isinstance(value, bool)
        case "InputFile":
            return isinstance(value, Upload)
        case _:
            return isinstance(value, str)


def _shown(value: object) -> str:
    if isinstance(value, Upload):
        return "a file"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - one line
