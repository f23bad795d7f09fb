"""Answers of the images routes: JSON, and streams of drafts and finished pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sandbox.gateway import sse, usages
from sandbox.gateway.body import Body, Burst
from sandbox.gateway.context import Context
from sandbox.gateway.models import Model
from sandbox.gateway.pictures import Picture
from sandbox.gateway.placeholders import filled, placeholder
from sandbox.gateway.replies import Reply, UsageForm
from sandbox.gateway.requests import DrawingRequest, Route
from sandbox.gateway.shapes import Json


def answer(
    reply: Reply,
    request: DrawingRequest,
    model: Model,
    pictures: Sequence[Picture],
    context: Context,
) -> Body:
    """Build the JSON of an images route; `context.urls` stand instead of base64 where there are any."""
    usage = _usage_form(reply, request)
    data = [_item(reply, request, model, n, pictures, context) for n in range(len(pictures))]
    if not pictures and reply.text:
        # A fork of new-api wraps an answer of words alone like this.
        data = [{"b64_json": "", "revised_prompt": reply.text}]
    whole: Json = {"created": context.created, "data": data} | _echo(request, model, pictures)
    whole |= usages.images(usage, context, len(pictures))
    text = json.dumps(whole, ensure_ascii=False)
    pieces = filled(text, [picture.base64 for picture in pictures])
    return Body((pieces,), headers=(*context.headers, *reply.headers))


def _usage_form(reply: Reply, request: DrawingRequest) -> UsageForm:
    costs = request.priced and reply.usage is UsageForm.FULL
    return UsageForm.COST if costs else reply.usage


def _item(
    reply: Reply,
    request: DrawingRequest,
    model: Model,
    index: int,
    pictures: Sequence[Picture],
    context: Context,
) -> Json:
    item: Json = {"url": context.urls[index]} if context.urls else {"b64_json": placeholder(index)}
    if reply.text or model.revises:
        item["revised_prompt"] = reply.text or f"{request.prompt}, in warm evening light"
    if request.priced or reply.usage is UsageForm.COST:
        item["media_type"] = pictures[index].mime
    return item


def _echo(request: DrawingRequest, model: Model, pictures: Sequence[Picture]) -> Json:
    """Repeat the settings as OpenAI's own models do."""
    if not model.base64_only or not pictures:
        return {}
    return {
        "background": "opaque",
        "output_format": pictures[0].mime.removeprefix("image/"),
        "quality": _quality(request, "high"),
        "size": _size(request),
    }


def _quality(request: DrawingRequest, auto: str) -> str:
    quality = request.fields.get("quality", "auto")
    return auto if quality == "auto" else quality


def _size(request: DrawingRequest) -> str:
    return f"{request.pixels[0]}x{request.pixels[1]}" if request.pixels else "1024x1024"


def stream(
    reply: Reply,
    request: DrawingRequest,
    drafts: Sequence[Picture],
    pictures: Sequence[Picture],
    context: Context,
) -> Body:
    """Build the stream of an images route: drafts, each picture when it is done, the end."""
    opening = [_event(reply, request, draft, context, draft=n) for n, draft in enumerate(drafts)]
    rest = [_event(reply, request, picture, context) for picture in pictures]
    return sse.body(reply, opening, rest, lambda code: _error(reply, code), context)


def _event(
    reply: Reply,
    request: DrawingRequest,
    picture: Picture,
    context: Context,
    *,
    draft: int | None = None,
) -> Burst:
    action = "image_edit" if request.route is Route.EDITS else "image_generation"
    name = f"{action}.{'completed' if draft is None else 'partial_image'}"
    data: Json = {
        "type": name,
        "b64_json": placeholder(0),
        "created_at": context.created,
        "size": _size(request),
        "quality": _quality(request, "auto"),
        "background": "opaque",
        "output_format": picture.mime.removeprefix("image/"),
    }
    if draft is None:
        data |= usages.images(_usage_form(reply, request), context, 1)
    else:
        data["partial_image_index"] = draft
    return sse.event(reply, data, [picture.base64], name)


def _error(reply: Reply, code: int) -> Burst:
    said = {"code": code, "message": "Provider returned error", "type": "provider_error"}
    return sse.event(reply, {"type": "error", "error": said}, name="error")
