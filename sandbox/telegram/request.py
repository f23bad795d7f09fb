"""A request to the Bot API, read from any of the forms that the real server takes."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from sandbox.multipart import MemoryParser

from .errors import ApiError, bad_request
from .schema import Json, Schema, Upload

UPLOAD_BYTES = 50 * 1024 * 1024
_BODY_BYTES = UPLOAD_BYTES + 256 * 1024  # the file and everything around it
_ATTACH = "attach://"


@dataclass(frozen=True, slots=True)
class Arguments:
    """The decoded parameters of one call and the files attached to it."""

    params: Json
    attachments: dict[str, Upload] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as the schema says
        return self.params.get(name, default)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - as the schema says
        return self.params[name]

    def upload(self, value: object) -> Upload | None:
        """Give the file that a value carries or attaches; None for a file id or a URL."""
        if isinstance(value, Upload):
            return value
        if not isinstance(value, str) or not value.startswith(_ATTACH):
            return None
        name = value.removeprefix(_ATTACH)
        if name not in self.attachments:
            raise bad_request(f'file "{name}" is attached nowhere in the request')
        self.used.add(name)
        return self.attachments[name]

    def unused(self) -> list[str]:
        """Name the attached files that nothing refers to."""
        return sorted(self.attachments.keys() - self.used)

    def shown(self) -> Json:
        """Give the parameters with files described instead of contained."""
        described = {name: _described(value) for name, value in self.params.items()}
        return described | {name: _described(upload) for name, upload in self.attachments.items()}


async def read(request: Request, schema: Schema, method: str) -> tuple[Arguments, list[str]]:
    """Read a request; the second value lists what the schema has against it.

    Raises `ApiError` where the body cannot be read at all.
    """
    raw: dict[str, object] = dict(request.query_params)
    if request.method == "POST":
        raw |= await _body(request)
    attachments: dict[str, Upload] = {}
    plain: dict[str, object] = {}
    for name, value in raw.items():
        if isinstance(value, Upload) and not schema.has_field(method, name):
            attachments[name] = value
        else:
            plain[name] = value
    params, complaints = schema.read(method, plain)
    return Arguments(params, attachments), complaints


async def _body(request: Request) -> dict[str, object]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _multipart(request)
    data = b"".join([chunk async for chunk in _bounded(request)])
    if kind == "application/json":
        return _json(data)
    try:
        return dict(parse_qsl(data.decode(), keep_blank_values=True))
    except ValueError as error:
        raise bad_request("can't parse the request body") from error


def _json(data: bytes) -> dict[str, object]:
    try:
        decoded = json.loads(data or b"{}")
    except ValueError as error:
        raise bad_request("can't parse JSON object") from error
    if not isinstance(decoded, dict):
        raise bad_request("object expected as JSON body")
    return decoded


async def _multipart(request: Request) -> dict[str, object]:
    parser = MemoryParser(request.headers, _bounded(request), max_files=20, max_fields=100)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise bad_request("can't parse the multipart body") from error
    return {name: _value(value) for name, value in form.multi_items()}


def _value(value: UploadFile | str) -> object:
    if isinstance(value, str):
        return value
    data = value.file.read()
    value.file.close()
    mime = value.content_type or "application/octet-stream"
    return Upload(value.filename or "file", mime, data)


async def _bounded(request: Request) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= _BODY_BYTES:
            yield chunk
    # What is too much is read to its end, or the client would not see the answer.
    if size > _BODY_BYTES:
        raise ApiError(413, "Request Entity Too Large")


def _described(value: object) -> object:
    if isinstance(value, Upload):
        return {"file": value.name, "mime": value.mime, "bytes": len(value.data)}
    return value
