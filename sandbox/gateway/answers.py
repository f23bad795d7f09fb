"""Answers: what a reply makes of a request: pictures drawn, and the body that holds them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from sandbox.gateway import (
    chat_response,
    chat_stream,
    failures,
    images_response,
    models,
    noise,
    pictures,
)
from sandbox.gateway.body import Body
from sandbox.gateway.context import Context
from sandbox.gateway.models import Model
from sandbox.gateway.pictures import Picture
from sandbox.gateway.replies import Failure, Format, Reply, Shape, Wire
from sandbox.gateway.requests import DrawingRequest, Route

_IMAGE_TOKENS = 258
_URL_SHAPES = (Shape.URL, Shape.URL_BARE)


@dataclass(frozen=True, slots=True)
class DrawnPictures:
    """What was drawn for a call: the finished pictures and the drafts that a stream shows."""

    pictures: tuple[Picture, ...] = ()
    drafts: tuple[Picture, ...] = ()


def resolve(reply: Reply, request: DrawingRequest, model: Model) -> Reply:
    """Fill in what the reply leaves to the request and to the model's habits."""
    if reply.pictures is None:
        reply = replace(reply, pictures=request.count)
    if reply.format is None:
        reply = replace(reply, format=request.format or Format.PNG)
    if reply.shape is None and request.route is Route.CHAT:
        reply = replace(reply, shape=Shape.URL if model.links else Shape.MARKDOWN)
    return reply


def replacement(reply: Reply, request: DrawingRequest, model: Model, call: int) -> Body | None:
    """Give the body that stands instead of an answer, if there is one."""
    if reply.body is not None:
        return failures.scripted(reply)
    chat = request.route is Route.CHAT
    if reply.failure is not None:
        return failures.failure(reply, reply.failure, call, request.model, chat=chat)
    if (refused := models.refusal(request, model)) is not None:
        return refused
    if reply.refuses and not chat:
        return failures.failure(reply, Failure.BLOCKED, call, request.model, chat=False)
    return None


async def draw(reply: Reply, request: DrawingRequest, call: int) -> DrawnPictures:
    """Draw the pictures of a resolved reply, in threads."""
    count = reply.pictures or 0
    drafts = request.partials if reply.partials is None else reply.partials
    drafts = drafts if count and streams(reply, request) and request.route is not Route.CHAT else 0
    made = [await _picture(reply, request, call, n) for n in range(count + drafts)]
    return DrawnPictures(tuple(made[:count]), tuple(made[count:]))


async def _picture(reply: Reply, request: DrawingRequest, call: int, index: int) -> Picture:
    if reply.noise:
        return await asyncio.to_thread(noise.noisy, reply.noise, f"{call}-{index}")
    form = reply.format or Format.PNG
    return await asyncio.to_thread(pictures.draw, request, call, index, form)


def links(reply: Reply, request: DrawingRequest, model: Model) -> bool:
    if request.route is Route.CHAT:
        return reply.shape in _URL_SHAPES
    if streams(reply, request) or model.base64_only:
        return False
    if reply.shape is not None:
        return reply.shape in _URL_SHAPES
    return model.links if request.link is None else request.link


def streams(reply: Reply, request: DrawingRequest) -> bool:
    return request.stream if reply.wire is Wire.ASKED else reply.wire is Wire.SSE


def body(
    reply: Reply, request: DrawingRequest, model: Model, done: DrawnPictures, context: Context
) -> Body:
    if request.route is not Route.CHAT:
        if streams(reply, request):
            return images_response.stream(reply, request, done.drafts, done.pictures, context)
        return images_response.answer(reply, request, model, done.pictures, context)
    if streams(reply, request):
        usage = request.include_usage
        return chat_stream.stream(reply, done.pictures, context, include_usage=usage)
    return chat_response.completion(reply, done.pictures, context)


def context(request: DrawingRequest, call: int, urls: tuple[str, ...]) -> Context:
    text = len(request.prompt) // 4 + 1
    return Context(call, request.model, text, _IMAGE_TOKENS * len(request.inputs), urls)
