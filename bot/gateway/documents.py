"""An answer that came as documents: one, several behind each other, or one that was cut.

Behind a whole answer gateways leave what they like: an error of a handler that came too late, a
`data: [DONE]`, the next line of a sequence. None of it takes away what stood before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress

import httpx

from bot.domain import OutcomeKind
from bot.gateway.accumulator import Speaker, StreamAccumulator, messages
from bot.gateway.classify import classify_page, classify_status
from bot.gateway.errors import CallFailed, MalformedJson
from bot.gateway.image_extractor import PLACEHOLDER
from bot.gateway.json import Json, is_document, mappings, parse_cut, parse_documents
from bot.gateway.response import ParsedResponse, interpret

_SIGNS = (b"\xee\x80\x80", b"http")  # of a picture, cut out or linked to


def parse_response(body: bytes, status: int, broken: CallFailed | None = None) -> ParsedResponse:
    """Read an answer that is no stream, with placeholders for its images.

    `broken` says why more did not come. Raises CallFailed for what is no JSON at all and for what
    was cut before it said anything.
    """
    text = body.decode("utf-8-sig", "replace").strip()
    success = httpx.codes.is_success(status)
    if not text and success:
        raise broken or CallFailed(OutcomeKind.EMPTY, "an empty body")
    if not text:
        raise classify_status(status, "an empty body")
    found, rest = parse_documents(text)
    documents = list(_objects(found))
    if not found and success and _is_picture(text):
        documents = [{"choices": [{"message": {"content": text}}]}]
    elif not found and not is_document(text):
        raise (success and broken) or classify_page(text, status)
    cut = None
    if is_document(rest):
        with suppress(MalformedJson):
            documents += _objects([parse_cut(rest)])
        cut = broken or CallFailed(OutcomeKind.CUT_OFF, "the JSON is cut or malformed")
    if not documents:
        raise (success and cut) or classify_status(status, "JSON, but no object")
    paid = bool(PLACEHOLDER.search(text))
    response = interpret(_summed(documents), status, paid=paid)
    return response.with_error(cut) if cut and success and len(found) == 0 else response


def is_whole(body: bytes) -> bool:
    """Whether an answer has brought a picture and its own end, though more may come."""
    if not body.rstrip().endswith((b"}", b"]")):
        return False
    if not any(sign in body for sign in _SIGNS):
        return False
    found, rest = parse_documents(body.decode("utf-8", "replace"))
    return bool(found) and not rest


def _objects(found: list[object]) -> Iterator[Json]:
    """Give the objects: Google wraps errors, and the chunks of its streams, in a list."""
    for document in found:
        if isinstance(document, dict):
            yield document
            continue
        items = document if isinstance(document, list) else [document]
        yield from mappings(items)
        if pictures := [item for item in items if isinstance(item, str) and _is_picture(item)]:
            yield {"data": pictures}


def _is_picture(text: str) -> bool:
    """Whether a text that is no JSON object stands for a picture; a page has some of its own."""
    if is_document(text):
        return False
    link = text.startswith(("https://", "http://")) and not any(map(str.isspace, text))
    return link or (not text.startswith("<") and bool(PLACEHOLDER.search(text)))


def _summed(documents: list[Json]) -> Json:
    """Make one of several, as of a stream's events."""
    if len(documents) == 1:
        return documents[0]
    accumulator = StreamAccumulator()
    texts: dict[Speaker, list[str]] = defaultdict(list)
    for document in documents:
        for speaker, message in messages(document):
            text = message.get("content")
            if isinstance(text, str):
                message["content"] = ""
                texts[speaker].append(text)
        accumulator.add(document)
    return accumulator.document({speaker: "".join(said) for speaker, said in texts.items()})
