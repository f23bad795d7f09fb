"""A request for pictures, and the body that asks a model's route for them in its dialect."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bot.catalogue.profiles import InputDialect, Modalities, Profile, RatioDialect, Route

_MODALITIES = {
    Modalities.TEXT_IMAGE: ["text", "image"],
    Modalities.IMAGE_TEXT: ["image", "text"],
    Modalities.IMAGE: ["image"],
}
_SQUARE = "1:1"
_LIST_FIELD = {
    InputDialect.IMAGE: "image",
    InputDialect.IMAGE_OBJECTS: "images",
    InputDialect.REFERENCES: "input_references",
}
_SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


@dataclass(frozen=True, slots=True)
class InputImage:
    """An input picture that is ready to be sent: `size` in bytes, `sha256` its name in the store.

    `mime` is `image/png`, `image/jpeg` or `image/webp`: what gateways of every family take.
    """

    sha256: str
    mime: str
    size: int


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file that is sent as it is, where an InputImage by itself is sent as base64."""

    file: InputImage


Part = bytes | InputImage | RawFile


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """What to ask a model for; `mask` shows where in the first input to draw.

    A ratio, a size or a mask that the profile does not declare is not sent: the request may have
    been meant for another model. `insist` repeats the demand for a picture, after an answer of
    words alone.
    """

    prompt: str
    profile: Profile
    inputs: tuple[InputImage, ...] = ()
    aspect_ratio: str | None = None
    size: str | None = None
    mask: InputImage | None = None
    insist: bool = False

    @property
    def text(self) -> str:
        retry = self.profile.retry_sentence if self.insist else ""
        return " ".join(filter(None, (self.prompt, self.profile.image_sentence, retry)))

    @property
    def route(self) -> Route:
        """Where it is asked; ValueError if its model can do nothing of the kind."""
        route = self.profile.edit_route if self.inputs else self.profile.route
        if route is None:
            raise ValueError(f"{self.profile.id} has no route for {len(self.inputs)} pictures")
        return route


@dataclass(frozen=True, slots=True)
class Body:
    """A body in parts: bytes as they are, images as base64, or raw; `length` in bytes is exact.

    `route` is where it goes, `content_type` what it is.
    """

    parts: tuple[Part, ...]
    route: str = Route.CHAT
    content_type: str = "application/json"

    @property
    def length(self) -> int:
        return sum(map(_length, self.parts))

    @property
    def whole(self) -> bytes | None:
        """All of it, where no file belongs to it."""
        parts = [part for part in self.parts if isinstance(part, bytes)]
        return b"".join(parts) if len(parts) == len(self.parts) else None


def _length(part: Part) -> int:
    match part:
        case RawFile(file):
            return file.size
        case InputImage(size=size):
            return (size + 2) // 3 * 4
        case _:
            return len(part)


def make_boundary() -> str:
    """Make what no file can hold: nobody could guess it, and chance will not."""
    return f"picturebot-{secrets.token_hex(24)}"


def build_body(request: ImageRequest, boundary: Callable[[], str] = make_boundary) -> Body:
    """Build the body of a request; ValueError if the model can do nothing of the kind."""
    if request.route is Route.CHAT:
        return _chat_body(request)
    if request.inputs and request.profile.inputs is InputDialect.MULTIPART:
        return _form_body(request, boundary())
    return _images_body(request)


def multipart_body(
    route: str,
    fields: Mapping[str, str],
    files: Iterable[tuple[str, str, InputImage]],
    boundary: str,
) -> Body:
    """Build a form (multipart/form-data, RFC 7578); `files` are field, file name and file.

    `boundary` must be such that nothing in the form can hold it.
    """
    head = f"--{boundary}\r\nContent-Disposition: form-data; name="
    parts: list[Part] = [
        f'{head}"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()
    ]
    for field, filename, file in files:
        kind = f"Content-Type: {file.mime}\r\n\r\n"
        parts += [f'{head}"{field}"; filename="{filename}"\r\n{kind}'.encode(), RawFile(file)]
        parts += [b"\r\n"]
    parts += [f"--{boundary}--\r\n".encode()]
    return Body(tuple(parts), route, f"multipart/form-data; boundary={boundary}")


def size_parameters(request: ImageRequest) -> dict[str, object]:
    ratio, size = _ratio_and_size(request)
    config = _given(aspect_ratio=ratio, image_size=size)
    match request.profile.ratio_dialect:
        case RatioDialect.IMAGE_CONFIG if config:
            return {"image_config": config}
        case RatioDialect.EXTRA_BODY if config:
            # The new-api family wants this key literally, in snake case.
            return {"extra_body": {"google": {"image_config": config}}}
        case RatioDialect.PIXELS:
            return _given(size=_pixels(request.profile, ratio, size))
        case RatioDialect.RATIO:
            return _given(aspect_ratio=ratio, resolution=size)
        case RatioDialect.RATIO_LOWER:
            return _given(aspect_ratio=ratio, resolution=size and size.lower())
        case _:
            return {}


def size_instruction(request: ImageRequest) -> str:
    """Tell ratio and size in a system message's words; empty in all other dialects."""
    if request.profile.ratio_dialect is not RatioDialect.SYSTEM_MESSAGE:
        return ""
    ratio, size = _ratio_and_size(request)
    fields = _given(aspect_ratio=ratio, image_size=size)
    return "\n".join(f"{name}={value}" for name, value in fields.items())


def _ratio_and_size(request: ImageRequest) -> tuple[str | None, str | None]:
    ratio, size, profile = request.aspect_ratio, request.size, request.profile
    return (
        ratio if ratio in profile.aspect_ratios else None,
        size if size in profile.sizes else None,
    )


def _given(**fields: str | None) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value}


def _pixels(profile: Profile, ratio: str | None, size: str | None) -> str | None:
    """Find the ratio's pixels at that size; a size without a ratio is a square."""
    if not ratio and not size:
        return None
    base = dict(profile.pixels).get(ratio or _SQUARE)
    if not base or not size:
        return base
    factor = _side(size) / _side(profile.base_size)
    width, height = (round(int(side) * factor) for side in base.split("x"))
    return f"{width}x{height}"


def _side(size: str) -> int:
    return int(size[:-1]) * 1024 if size.endswith("K") else int(size)


def _chat_body(request: ImageRequest) -> Body:
    profile = request.profile
    fields: dict[str, object] = {"model": profile.name, "stream": profile.stream}
    if profile.stream:  # else no usage comes with a stream
        fields["stream_options"] = {"include_usage": True}
    if modalities := _MODALITIES.get(profile.modalities):
        fields["modalities"] = modalities
    content: object = request.text  # alone it goes as a string, which every gateway takes
    if request.inputs:
        images = [_wrapped(image, InputDialect.REFERENCES) for image in request.inputs]
        content = [{"type": "text", "text": request.text}, *images]
    messages = [{"role": "user", "content": content}]
    if words := size_instruction(request):
        messages.insert(0, {"role": "system", "content": words})
    fields |= size_parameters(request) | dict(profile.extra) | {"messages": messages}
    return Body(_json_parts(fields), Route.CHAT)


def _images_body(request: ImageRequest) -> Body:
    profile, dialect = request.profile, request.profile.inputs
    fields = _image_fields(request)
    images = [_wrapped(image, dialect) for image in request.inputs]
    if len(images) == 1 and dialect is not InputDialect.REFERENCES:
        fields["image"] = images[0]
    elif images:
        fields[_LIST_FIELD[dialect]] = images
    if images and request.mask and profile.mask and dialect is not InputDialect.REFERENCES:
        fields["mask"] = _wrapped(request.mask, dialect)
    return Body(_json_parts(fields), request.route)


def _image_fields(request: ImageRequest) -> dict[str, object]:
    profile = request.profile
    fields: dict[str, object] = {"model": profile.name, "n": 1}
    if request.route is not Route.VARIATIONS:  # a variation has no prompt
        fields["prompt"] = request.text
    if profile.stream:
        fields["stream"] = True
    return fields | size_parameters(request) | dict(profile.extra)


def _wrapped(image: InputImage, dialect: InputDialect) -> object:
    match dialect:
        case InputDialect.IMAGE_OBJECTS:
            return {"url": image}
        case InputDialect.REFERENCES:
            return {"type": "image_url", "image_url": {"url": image}}
        case _:
            return image


def _json_parts(fields: Mapping[str, object]) -> tuple[Part, ...]:
    """Write JSON in which images, wherever they stand, become data URLs."""
    images: list[InputImage] = []
    mark = make_boundary()

    def data_url(image: InputImage) -> str:
        images.append(image)
        return f"data:{image.mime};base64,{mark}"

    first, *rest = json.dumps(fields, default=data_url).encode().split(mark.encode())
    pairs = zip(images, rest, strict=True)
    return (first, *(part for pair in pairs for part in pair))


def _form_body(request: ImageRequest, boundary: str) -> Body:
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in _image_fields(request).items()
    }
    field = "image" if len(request.inputs) == 1 else "image[]"
    files = [(field, _filename("image", image), image) for image in request.inputs]
    if request.mask and request.profile.mask:
        files += [("mask", _filename("mask", request.mask), request.mask)]
    return multipart_body(request.route, texts, files, boundary)


def _filename(name: str, image: InputImage) -> str:
    return f"{name}.{_SUFFIXES.get(image.mime, 'bin')}"
