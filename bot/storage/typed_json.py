"""Typed JSON: requests and sources as the database keeps them, read back strictly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bot.domain import BotError, Request, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REQUEST_VERSION = 2  # the first had neither size nor mask
SOURCES_VERSION = 1

_SOURCE = {"file_id": str | None, "sha256": str | None, "size": int | None}
_FIRST: dict[str, Any] = {
    "v": int,
    "prompt": str,
    "model": str,
    "aspect_ratio": str | None,
    "sources": list,
}
_REQUESTS = {1: _FIRST, REQUEST_VERSION: _FIRST | {"size": str | None, "mask": bool}}


class Unreadable(BotError):
    """A stored document is not what this version of the bot writes: permanent."""


def encode_request(request: Request) -> str:
    """Write a request, with the version of this format in it."""
    return _dump(
        {
            "v": REQUEST_VERSION,
            "prompt": request.prompt,
            "model": request.model,
            "aspect_ratio": request.aspect_ratio,
            "size": request.size,
            "mask": request.mask,
            "sources": [_source_fields(source) for source in request.sources],
        }
    )


def decode_request(document: str) -> Request:
    """Read a request of this version or an earlier one.

    Raises Unreadable for any field missing, unknown or of another type.
    """
    loaded = _load(document)
    version = loaded.get("v") if isinstance(loaded, dict) else None
    if type(version) is not int or version not in _REQUESTS:
        raise Unreadable(f"a request of version {version}, this code reads up to {REQUEST_VERSION}")
    fields = _checked(loaded, _REQUESTS[version])
    return Request(
        prompt=fields["prompt"],
        model=fields["model"],
        aspect_ratio=fields["aspect_ratio"],
        sources=_sources(fields["sources"]),
        size=fields.get("size"),
        mask=fields.get("mask", False),
    )


def encode_sources(sources: Iterable[Source]) -> str:
    """Write sources, with the version of this format."""
    return _dump({"v": SOURCES_VERSION, "sources": [_source_fields(source) for source in sources]})


def decode_sources(document: str) -> tuple[Source, ...]:
    """Read sources; raises Unreadable as `decode_request` does."""
    fields = _checked(_load(document), {"v": int, "sources": list})
    if fields["v"] != SOURCES_VERSION:
        raise Unreadable(f"sources of version {fields['v']}, this code reads {SOURCES_VERSION}")
    return _sources(fields["sources"])


def _source_fields(source: Source) -> dict[str, str | int | None]:
    return {"file_id": source.file_id, "sha256": source.sha256, "size": source.size}


def _sources(documents: list[object]) -> tuple[Source, ...]:
    return tuple(Source(**_checked(document, _SOURCE)) for document in documents)


def _dump(fields: dict[str, object]) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def _load(document: str) -> object:
    try:
        return json.loads(document)
    except ValueError as exc:
        raise Unreadable("a stored document is not JSON") from exc


def _checked(document: object, shape: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(document, dict) or document.keys() != shape.keys():
        raise Unreadable("a stored document has other fields")
    for name, kind in shape.items():
        value = document[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise Unreadable(f"a stored document has a {name} of another type")
    return document
