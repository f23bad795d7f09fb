"""Typed JSON: requests and sources as the database keeps them, read back strictly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bot.domain import BotError, Request, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VERSION = 1

_SOURCE = {"file_id": str | None, "sha256": str | None, "size": int | None}
_REQUEST = {"v": int, "prompt": str, "model": str, "aspect_ratio": str | None, "sources": list}


class Unreadable(BotError):
    """A stored document is not what this version of the bot writes: permanent."""


def encode_request(request: Request) -> str:
    """Write a request, with the version of this format in it."""
    return _dump(
        {
            "v": VERSION,
            "prompt": request.prompt,
            "model": request.model,
            "aspect_ratio": request.aspect_ratio,
            "sources": [_source_fields(source) for source in request.sources],
        }
    )


def decode_request(document: str) -> Request:
    """Read a request; raises Unreadable for any field missing, unknown or of another type."""
    fields = _checked(_load(document), _REQUEST)
    if fields["v"] != VERSION:
        raise Unreadable(f"a request of version {fields['v']}, this code reads {VERSION}")
    return Request(
        prompt=fields["prompt"],
        model=fields["model"],
        aspect_ratio=fields["aspect_ratio"],
        sources=_sources(fields["sources"]),
    )


def encode_sources(sources: Iterable[Source]) -> str:
    """Write sources, with the version of this format."""
    return _dump({"v": VERSION, "sources": [_source_fields(source) for source in sources]})


def decode_sources(document: str) -> tuple[Source, ...]:
    """Read sources; raises Unreadable as `decode_request` does."""
    fields = _checked(_load(document), {"v": int, "sources": list})
    if fields["v"] != VERSION:
        raise Unreadable(f"sources of version {fields['v']}, this code reads {VERSION}")
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
        if not isinstance(document[name], kind) or isinstance(document[name], bool):
            raise Unreadable(f"a stored document has a {name} of another type")
    return document
