"""Answers: what a reply makes of an ask: pictures drawn, and the body that holds them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sandbox.gateway import (
    chat_body,
    chat_stream,
    failures,
    image_body,
    models,
    noise,
    pictures,
)
from sandbox.gateway.asks import Route
from sandbox.gateway.context import Context
from sandbox.gateway.replies import Failure, Format, Shape, Wire

if TYPE_CHECKING:
    from sandbox.gateway.asks import Ask
    from sandbox.gateway.body import Body
    from sandbox.gateway.models import Model
    from sandbox.gateway.pictures import Picture
    from sandbox.gateway.replies import Reply

_IMAGE_TOKENS = 258
_URL_SHAPES = (Shape.URL, Shape.URL_BARE)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn for a call: the finished pictures and the drafts that a stream shows."""

    pictures: tuple[Picture, ...] = ()
    drafts: tuple[Picture, ...] = ()


def settled(reply: Reply, ask: Ask, model: Model) -> Reply:
    """Fill in what the reply leaves to the ask and to the model's habits."""
    if reply.pictures is None:
        reply = replace(reply, pictures=ask.count)
    if reply.format is None:
        reply = replace(reply, format=ask.format or Format.PNG)
    if reply.shape is None and ask.route is Route.CHAT:
        reply = replace(reply, shape=Shape.URL if model.links else Shape.MARKDOWN)
    return reply


def instead(reply: Reply, ask: Ask, model: Model, call: int) -> Body | None:
    """Give the body that stands instead of an answer, if there is one."""
    if reply.body is not None:
        return failures.scripted(reply)
    chat = ask.route is Route.CHAT
    if reply.failure is not None:
        return failures.failure(reply, reply.failure, call, ask.model, chat=chat)
    if (refused := models.refusal(ask, model)) is not None:
        return refused
    if reply.refuses and not chat:
        return failures.failure(reply, Failure.BLOCKED, call, ask.model, chat=False)
    return None


async def drawn(reply: Reply, ask: Ask, call: int) -> Drawn:
    """Draw the pictures of a settled reply, in threads."""
    count = reply.pictures or 0
    drafts = ask.partials if reply.partials is None else reply.partials
    drafts = drafts if count and streams(reply, ask) and ask.route is not Route.CHAT else 0
    made = [await _picture(reply, ask, call, n) for n in range(count + drafts)]
    return Drawn(tuple(made[:count]), tuple(made[count:]))


async def _picture(reply: Reply, ask: Ask, call: int, index: int) -> Picture:
    if reply.noise:
        return await asyncio.to_thread(noise.noisy, reply.noise, f"{call}-{index}")
    form = reply.format or Format.PNG
    return await asyncio.to_thread(pictures.draw, ask, call, index, form)


def links(reply: Reply, ask: Ask, model: Model) -> bool:
    """Say whether the pictures are given as URLs."""
    if ask.route is Route.CHAT:
        return reply.shape in _URL_SHAPES
    if streams(reply, ask) or model.base64_only:
        return False
    if reply.shape is not None:
        return reply.shape in _URL_SHAPES
    return model.links if ask.link is None else ask.link


def streams(reply: Reply, ask: Ask) -> bool:
    """Say whether the answer is a stream."""
    return ask.stream if reply.wire is Wire.ASKED else reply.wire is Wire.SSE


def body(reply: Reply, ask: Ask, model: Model, done: Drawn, context: Context) -> Body:
    """Build the body of a settled reply."""
    if ask.route is not Route.CHAT:
        if streams(reply, ask):
            return image_body.stream(reply, ask, done.drafts, done.pictures, context)
        return image_body.answer(reply, ask, model, done.pictures, context)
    if streams(reply, ask):
        usage = ask.include_usage
        return chat_stream.stream(reply, done.pictures, context, include_usage=usage)
    return chat_body.completion(reply, done.pictures, context)


def context(ask: Ask, call: int, urls: tuple[str, ...]) -> Context:
    """Say what an answer tells of its call."""
    text = len(ask.prompt) // 4 + 1
    return Context(call, ask.model, text, _IMAGE_TOKENS * len(ask.inputs), urls)
