"""Requests and what becomes of them: the bytes that are sent, the JSON or form that they say."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import python_multipart
from python_multipart.multipart import Field, File

from bot.catalogue.profiles import Profile, Route
from bot.gateway.request import Body, ImageRequest, InputImage, build_body
from bot.gateway.transport import read_body

PROFILE = Profile("painter-1", "Painter", edit_route=Route.CHAT, max_inputs=3)


def image_request(
    prompt: str = "A cat",
    *,
    pictures: tuple[InputImage, ...] = (),
    cover: InputImage | None = None,
    aspect_ratio: str | None = None,
    size: str | None = None,
    insist: bool = False,
    **profile: Any,  # noqa: ANN401 - fields of any type
) -> ImageRequest:
    """Make a request for pictures with `cover` as their mask; all else is about its profile."""
    known = replace(PROFILE, **profile)
    return ImageRequest(prompt, known, pictures, aspect_ratio, size, cover, insist)


def picture(data: bytes, mime: str = "image/png") -> InputImage:
    return InputImage(hashlib.sha256(data).hexdigest(), mime, len(data))


async def written(body: Body, files: Mapping[str, bytes], piece: int = 1000) -> bytes:
    async def read(sha256: str, most: int) -> AsyncIterator[bytes]:
        data = files[sha256]
        step = min(piece, most)
        for at in range(0, len(data), step):
            yield data[at : at + step]

    return b"".join([part async for part in read_body(body, read)])


async def sent(what: ImageRequest, *pictures: bytes, piece: int = 1000) -> tuple[Body, bytes]:
    body = build_body(what)
    files = {hashlib.sha256(data).hexdigest(): data for data in pictures}
    return body, await written(body, files, piece)


async def document(what: ImageRequest, *pictures: bytes) -> dict[str, Any]:
    body, data = await sent(what, *pictures)
    assert body.content_type == "application/json"
    assert body.length == len(data)
    found: dict[str, Any] = json.loads(data)
    return found


@dataclass(frozen=True, slots=True)
class Form:
    """A form as another library reads it: its texts, and its files as name, file name, bytes."""

    texts: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, str, bytes], ...]


def read_form(body: Body, data: bytes) -> Form:
    assert body.length == len(data)
    texts: list[tuple[str, str]] = []
    files: list[tuple[str, str, bytes]] = []

    def on_field(field: Field) -> None:
        assert field.field_name is not None
        texts.append((field.field_name.decode(), (field.value or b"").decode()))

    def on_file(file: File) -> None:
        assert file.field_name is not None
        assert file.file_name is not None
        file.file_object.seek(0)
        found = (file.field_name.decode(), file.file_name.decode(), file.file_object.read())
        files.append(found)

    headers = {"Content-Type": body.content_type.encode()}
    python_multipart.parse_form(headers, io.BytesIO(data), on_field, on_file)
    return Form(tuple(texts), tuple(files))
