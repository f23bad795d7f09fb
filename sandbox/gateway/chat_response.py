"""Chat completions: their JSON, with the pictures where the shape has them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sandbox.gateway import usages
from sandbox.gateway.body import Body
from sandbox.gateway.context import Context
from sandbox.gateway.pictures import Picture
from sandbox.gateway.placeholders import filled
from sandbox.gateway.replies import Reply, Shape
from sandbox.gateway.shapes import Json, shaped, usual_text


def completion(reply: Reply, pictures: Sequence[Picture], context: Context) -> Body:
    message = {"role": "assistant"} | said(reply, pictures, context)
    choice: Json = {"index": 0, "message": message} | ending(reply)
    answer: Json = {
        "id": f"chatcmpl-sandbox-{context.call}",
        "object": "chat.completion",
        "created": context.created,
        "model": context.model,
        "choices": [choice],
    }
    answer |= usages.chat(reply.usage, context, len(pictures), text_of(reply))
    text = json.dumps(answer, ensure_ascii=False)
    pieces = filled(text, [picture.base64 for picture in pictures])
    return Body((pieces,), headers=(*context.headers, *reply.headers))


def said(reply: Reply, pictures: Sequence[Picture], context: Context) -> Json:
    """Give what the model says: content, pictures where the shape has them, a refusal."""
    shape = reply.shape or Shape.MARKDOWN
    message = shaped(shape, text_of(reply), pictures, context.urls)
    return message if reply.refusal is None else message | {"refusal": reply.refusal}


def text_of(reply: Reply) -> str:
    return usual_text(reply.shape or Shape.MARKDOWN) if reply.text is None else reply.text


def ending(reply: Reply) -> Json:
    ended: Json = {"finish_reason": reply.finish_reason}
    if reply.native_finish_reason is not None:
        ended["native_finish_reason"] = reply.native_finish_reason
    return ended
