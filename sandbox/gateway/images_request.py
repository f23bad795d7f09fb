"""Requests for the images routes: JSON and forms, in the dialects of the models behind them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException

from sandbox.gateway import inputs, requests
from sandbox.gateway.inputs import DecodedInput, InvalidRequest
from sandbox.gateway.models import Model
from sandbox.gateway.replies import Format
from sandbox.gateway.requests import DrawingRequest, Route
from sandbox.multipart import MemoryParser

MAX_BODY = 256 * 1024 * 1024
MOST = 10
_PICTURES = ("image", "images", "input_references", "mask")
_KNOWN = ("model", "prompt", "n", "size", "aspect_ratio", "stream", *_PICTURES)
_VARIATION_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file of a form: the field's name, what it says it is, and its bytes."""

    name: str
    mime: str
    data: bytes
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart body, read: its textual fields and its files, in order."""

    fields: dict[str, str]
    files: tuple[FormFile, ...]


def read_json(route: Route, body: bytes, find: Callable[[str], Model]) -> DrawingRequest:
    """Read a JSON body. Raises InvalidRequest; CPU-bound, call it in a thread.

    Pictures that the model does not see on a route that draws are not looked at, only counted.
    """
    data = requests.json_object(body)
    if route is Route.VARIATIONS:
        raise InvalidRequest("request Content-Type isn't multipart/form-data")
    if not isinstance(data.get("prompt"), str) or not data["prompt"].strip():
        raise InvalidRequest("prompt is required")
    requests.check_text(data["prompt"])
    request = replace(_request(route, data), skeleton=requests.skeleton(data))
    if route is Route.EDITS:
        masks = inputs.from_urls(_objects("mask", data.get("mask")))
        return _with(request, inputs.from_urls(_to_edit(data)), [mask for mask, _ in masks])
    urls = [*_strings(data.get("image")), *_references(data.get("input_references"))]
    seen = inputs.from_urls(urls[: find(request.model).references])
    return replace(_with(request, seen, ()), ignored=len(urls) - len(seen))


def read_form(route: Route, form: Form) -> DrawingRequest:
    """Read a form. Raises InvalidRequest; CPU-bound, call it in a thread."""
    fields = {"model": "dall-e-2"} | form.fields if route is Route.VARIATIONS else form.fields
    if route not in (Route.EDITS, Route.VARIATIONS):
        raise InvalidRequest("request Content-Type isn't application/json")
    if not fields.get("model"):
        raise InvalidRequest("field model is required")
    if not fields.get("prompt", "").strip() and route is Route.EDITS:
        raise InvalidRequest("prompt is required")
    names = [upload.name for upload in form.files]
    if names.count("image") > 1:
        raise InvalidRequest("Duplicate parameter: 'image'. Send several pictures as 'image[]'")
    seen = {name: _files(form, name) for name in ("image", "image[]", "mask")}
    if set(names) - set(seen):
        raise InvalidRequest("files are expected as image, image[] and mask only")
    notes = {upload.name: f"<file {len(upload.data)} bytes>" for upload in form.files}
    request = replace(_request(route, fields), skeleton=requests.skeleton(fields | notes))
    request = _with(request, [*seen["image"], *seen["image[]"]], [mask for mask, _ in seen["mask"]])
    if route is Route.VARIATIONS:
        _check_variation(request)
    return request


async def form_of(content_type: str, body: bytes) -> Form:
    """Take a multipart body apart. Raises InvalidRequest."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    headers = Headers({"content-type": content_type})
    try:
        form = await MemoryParser(headers, stream(), max_files=32, max_fields=100).parse()
    except (MultiPartException, KeyError) as exc:
        raise InvalidRequest("the multipart form cannot be read") from exc
    fields: dict[str, str] = {}
    files: list[FormFile] = []
    for name, value in form.multi_items():
        if isinstance(value, str):
            fields[name] = value
        else:
            mime, filename = value.content_type or "", value.filename or ""
            files.append(FormFile(name, mime, value.file.read(), filename))
            value.file.close()
    return Form(fields, tuple(files))


# What both kinds of body hold
# ----------------------------
# Any: JSON from outside, narrowed field by field; in forms all values are text.


def _request(route: Route, data: dict[str, Any]) -> DrawingRequest:
    size = _text(data, "size")
    pixels = requests.pixels(size) if size else None
    named = None if pixels or size in (None, "auto") else size
    # xAI writes its resolutions with a small k.
    named = named or (_text(data, "resolution") or "").replace("k", "K") or "1K"
    response_format = _text(data, "response_format")
    if response_format not in (None, "url", "b64_json"):
        raise InvalidRequest("response_format must be url or b64_json")
    return DrawingRequest(
        route=route,
        model=data["model"],
        prompt=data.get("prompt", ""),
        skeleton="",
        aspect_ratio=requests.ratio(_text(data, "aspect_ratio")),
        size=size,
        image_size=requests.named_size(named),
        pixels=pixels,
        count=_number(data, "n", 1, MOST) or 1,
        stream=_stream(data),
        link=None if response_format is None else response_format == "url",
        format=_format(data),
        partials=_number(data, "partial_images", 0, 3) or 0,
        priced="input_references" in data or route is Route.IMAGES,
        fields=requests.scalars(data, *_KNOWN),
    )


def _text(data: dict[str, Any], name: str) -> str | None:
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidRequest(f"{name} must be a string")
    return value


def _number(data: dict[str, Any], name: str, low: int, high: int) -> int | None:
    value = data.get(name)
    if value is None:
        return None
    if isinstance(value, str) and value.isdecimal() and len(value) < MOST:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidRequest(f"{name} must be a whole number from {low} to {high}")
    return value


def _stream(data: dict[str, Any]) -> bool:
    if data.get("stream") in ("true", "false"):
        return bool(data["stream"] == "true")
    return requests.boolean(data, "stream")


def _format(data: dict[str, Any]) -> Format | None:
    value = _text(data, "output_format")
    if value is None:
        return None
    try:
        return Format(value)
    except ValueError as exc:
        raise InvalidRequest("output_format must be png, jpeg or webp") from exc


def _with(
    request: DrawingRequest, seen: Sequence[DecodedInput], masks: Sequence[inputs.Input]
) -> DrawingRequest:
    if not seen and request.route in (Route.EDITS, Route.VARIATIONS):
        raise InvalidRequest("image is required")
    if len(masks) > 1:
        raise InvalidRequest("one mask at most")
    return replace(
        request,
        inputs=tuple(picture for picture, _ in seen),
        thumbnails=tuple(thumbnail for _, thumbnail in seen),
        mask=masks[0] if masks else None,
    )


# Where the pictures are
# ----------------------


def _strings(value: Any) -> list[str]:  # noqa: ANN401 - JSON from outside
    """Read Seedream's `image`: one URL or a list of them."""
    urls = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls):
        raise InvalidRequest("image must be a URL or a list of URLs")
    return urls


def _references(value: Any) -> list[str]:  # noqa: ANN401 - JSON from outside
    """Read OpenRouter's `input_references`: parts as in a chat message."""
    urls: list[str] = []
    for part in [] if value is None else value if isinstance(value, list) else [value]:
        match part:
            case {"type": "image_url", "image_url": {"url": str(url)}}:
                urls.append(url)
            case _:
                raise InvalidRequest("input_references must be a list of image_url parts")
    return urls


def _to_edit(data: dict[str, Any]) -> list[str]:
    """Read xAI's `image` or `images`: objects with a `url`."""
    if "image" in data and "images" in data:
        raise InvalidRequest("send image or images, not both")
    return [*_objects("image", data.get("image")), *_objects("images", data.get("images"))]


def _objects(name: str, value: Any) -> list[str]:  # noqa: ANN401 - JSON from outside
    listed = [] if value is None else value if name == "images" else [value]
    if not isinstance(listed, list):
        raise InvalidRequest(f"{name} must be a list")
    urls: list[str] = []
    for item in listed:
        match item:
            case {"url": str(url)}:
                urls.append(url)
            case _:
                raise InvalidRequest(f"{name} must be given as an object with a url")
    return urls


def _files(form: Form, name: str) -> list[DecodedInput]:
    found = [upload for upload in form.files if upload.name == name]
    if len(found) > inputs.MAX_INPUTS:
        raise InvalidRequest(f"too many images, max allowed is {inputs.MAX_INPUTS}")
    return [inputs.from_file(name, upload.mime, upload.data) for upload in found]


def _check_variation(request: DrawingRequest) -> None:
    picture = request.inputs[0]
    if len(request.inputs) > 1 or request.mask is not None or request.prompt:
        raise InvalidRequest("a variation takes one image, no mask and no prompt")
    if picture.mime != "image/png" or picture.size >= _VARIATION_BYTES:
        raise InvalidRequest("Uploaded image must be a PNG and less than 4 MB.")
    if picture.width != picture.height:
        raise InvalidRequest("Uploaded image must be square.")
