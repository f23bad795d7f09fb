"""Models: which there are, what each takes on which route, and what it refuses."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.gateway import failures
from sandbox.gateway.body import Body
from sandbox.gateway.requests import DrawingRequest, Route

_DRAWING = frozenset({Route.GENERATIONS, Route.IMAGES})
_ALL = frozenset(Route)
_CHAT = frozenset({Route.CHAT})
_EDITING = _DRAWING | {Route.EDITS}
_GPT_SIZES = ("auto", "1024x1024", "1536x1024", "1024x1536")
# What OpenAI's models from gpt-image-2 on demand of a size.
_GRID = 16
_LONGEST = 3840
_WIDEST = 3


@dataclass(frozen=True, slots=True)
class Model:
    """A model, as one gateway offers it.

    `references` is how many pictures it sees on `images/generations`: what comes beyond is ignored
    without a word. `inputs` is how many `images/edits` takes, `most` how many pictures one call
    draws. `sizes` are the only ones it knows, empty for any; `grid` takes any whose sides are
    multiples of 16, at most 3840 and at most 3:1; `sized` is whether it takes `size` at all.
    `links` is its habit to give URLs; `base64_only` refuses to be asked for either form.
    `masks` demands of a mask what OpenAI demands. `revises` tells the prompt it drew.
    `shutdown_date` is when it ends, as OpenAI's list of models says.
    """

    id: str
    routes: frozenset[Route]
    references: int = 0
    inputs: int = 16
    most: int = 10
    sizes: tuple[str, ...] = ()
    grid: bool = False
    sized: bool = True
    links: bool = False
    base64_only: bool = False
    masks: bool = False
    revises: bool = False
    shutdown_date: str | None = None


def _gpt(name: str, *, ends: str | None = None) -> Model:
    """Make one of OpenAI's own; those that do not end take any size on the grid."""
    sizes = _GPT_SIZES if ends else ()
    return Model(
        name,
        _EDITING,
        sizes=sizes,
        grid=not sizes,
        base64_only=True,
        masks=True,
        shutdown_date=ends,
    )


# As the facts have them: which Gemini is served on the images routes differs without a rule.
MODELS = (
    Model("gemini-2.5-flash-image", _CHAT | _EDITING, most=1),
    Model("gemini-2.5-flash-image-preview", _CHAT, most=1),
    Model("gemini-2.0-flash-preview-image-generation", _CHAT),
    Model("gemini-3-pro-image", _CHAT),
    Model("gemini-3-pro-image-preview", _CHAT | _EDITING, most=1),
    Model("gemini-3.1-flash-image", _CHAT),
    Model("gemini-3.1-flash-lite-image", _CHAT),
    _gpt("gpt-image-1", ends="2026-10-23"),
    _gpt("gpt-image-1-mini", ends="2026-12-01"),
    _gpt("gpt-image-1.5", ends="2026-12-01"),
    *map(
        _gpt,
        (
            "gpt-image-2",
            "gpt-image-2.5",
            "gpt-image-2.5-flare",
            "gpt-image-2.5-sunburst",
            "gpt-image-2.6",
            "gpt-image-2.6-flare",
            "gpt-image-2.6-sunburst",
        ),
    ),
    Model(
        "dall-e-2",
        _EDITING | {Route.VARIATIONS},
        inputs=1,
        sizes=("256x256", "512x512", "1024x1024"),
        links=True,
        masks=True,
    ),
    Model(
        "dall-e-3",
        _DRAWING,
        most=1,
        sizes=("1024x1024", "1792x1024", "1024x1792"),
        links=True,
        revises=True,
    ),
    Model("imagen-4", _DRAWING, most=4),
    Model("imagen-4.0-generate-001", _DRAWING, most=4),
    Model("seedream-4.0", _DRAWING, references=10, links=True),
    Model("doubao-seedream-4-0-250828", _DRAWING, references=10, links=True),
    Model("grok-image", _EDITING, inputs=3, sized=False, links=True, revises=True),
    Model("grok-2-image", _DRAWING, sized=False, links=True, revises=True),
    Model("grok-imagine-image", _EDITING, inputs=3, sized=False, links=True),
    Model("qwen-image", _DRAWING, links=True),
    Model("qwen-image-edit", frozenset({Route.EDITS}), inputs=3, links=True),
    Model("flux", _DRAWING, links=True),
    Model("flux-kontext-pro", _EDITING, inputs=4, links=True),
    Model("stable-diffusion", _DRAWING, links=True),
    Model("ideogram", _DRAWING, links=True),
    Model("recraftv3", _DRAWING, links=True),
    Model("gpt-4o-image", _CHAT, links=True),
    Model("gpt-4-all", _CHAT, links=True),
)


def unknown(name: str) -> Model:
    """Give a model that nobody has heard of: it does everything, on every route."""
    return Model(name, _ALL, references=16)


def refusal(request: DrawingRequest, model: Model) -> Body | None:
    """Give the error with which the model's route answers what it cannot do, if it cannot."""
    if request.route not in model.routes:
        return _wrong_route(request, model)
    if request.count > model.most:
        return _invalid("n", f"Invalid 'n': integer above maximum value, {model.most} at most")
    if len(request.inputs) > model.inputs and request.route is Route.EDITS:
        return _invalid("image", f"Too many images: {model.inputs} at most")
    if request.route is Route.CHAT:
        return None
    return _wrong_size(request, model) or _wrong_form(request, model) or _wrong_mask(request, model)


def _wrong_route(request: DrawingRequest, model: Model) -> Body:
    if request.route is Route.CHAT:
        return failures.error(
            404,
            "This is not a chat model and thus not supported in the v1/chat/completions endpoint",
            None,
            "invalid_request_error",
        )
    if Route.CHAT in model.routes:
        # Word for word what the new-api family says, whatever model it is.
        return failures.error(
            500,
            "not supported model for image generation, only imagen models are supported",
            "convert_request_failed",
        )
    return _invalid("model", f"Invalid value: '{model.id}' is not supported by {request.route}")


def _wrong_size(request: DrawingRequest, model: Model) -> Body | None:
    if request.size is None:
        return None
    if not model.sized:
        return _invalid("size", "Argument not supported: size")
    if model.sizes and request.size not in model.sizes:
        supported = ", ".join(model.sizes)
        return _invalid(
            "size", f"Invalid value: '{request.size}'. Supported values are: {supported}"
        )
    if model.grid and not _on_grid(request):
        return _invalid("size", f"Invalid size '{request.size}'")
    return None


def _on_grid(request: DrawingRequest) -> bool:
    if request.pixels is None:
        return request.size == "auto"
    short, long = sorted(request.pixels)
    return short % _GRID == long % _GRID == 0 and long <= _LONGEST and long <= _WIDEST * short


def _wrong_form(request: DrawingRequest, model: Model) -> Body | None:
    if not model.base64_only or request.link is None:
        return None
    return failures.error(
        400,
        "Unknown parameter: 'response_format'.",
        "unknown_parameter",
        "invalid_request_error",
    )


def _wrong_mask(request: DrawingRequest, model: Model) -> Body | None:
    if request.mask is None or not model.masks:
        return None
    if not (request.mask.mime == "image/png" and request.mask.alpha):
        return _invalid("mask", "Invalid mask image format - mask image missing alpha channel")
    first = request.inputs[0]
    if (request.mask.width, request.mask.height) != (first.width, first.height):
        return _invalid("mask", "Invalid mask image format - mask size does not match image size")
    return None


def _invalid(field: str, message: str) -> Body:
    return failures.error(400, message, "invalid_value", "invalid_request_error", field)
