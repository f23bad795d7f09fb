"""Bodies: the JSON of chat completions, with the pictures where each shape has them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.sandbox.gateway.failures import Body, failure
from bot.sandbox.gateway.replies import Reply, Shape, UsageForm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot.sandbox.gateway.pictures import Picture

IMAGE_TOKENS = 1290
_DOLLARS = 0.039

# Any: JSON as it goes out; its shapes differ on purpose.
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """What a completion says about its call: its number, the model, the prompt's length in tokens.

    `urls` are where the pictures can be fetched.
    """

    call: int
    model: str
    prompt_tokens: int
    urls: tuple[str, ...] = ()


def completion(reply: Reply, pictures: Sequence[Picture], context: Context) -> Body:
    """Build the body of a chat completion; `reply.body` or a failure stands instead of it."""
    if reply.body is not None:
        body = Body((reply.body,), reply.status, reply.content_type, reply.headers)
    elif reply.failure is not None:
        body = failure(reply.failure, context.call, context.model, reply.retry_after)
    else:
        whole = json.dumps(_completion(reply, pictures, context), ensure_ascii=False)
        request_id = ("X-Oneapi-Request-Id", f"sandbox-{context.call}")
        body = Body(_filled(whole, pictures), headers=(request_id, *reply.headers))
    return _spoilt(body, reply)


def _completion(reply: Reply, pictures: Sequence[Picture], context: Context) -> Json:
    text = reply.text if reply.text is not None else _USUAL_TEXT.get(reply.shape, "Here it is")
    message: Json = {"role": "assistant", "content": text}
    if pictures:
        message |= _SHAPES[reply.shape](text, pictures, context)
    if reply.refusal is not None:
        message["refusal"] = reply.refusal
    choice: Json = {"index": 0, "message": message, "finish_reason": reply.finish_reason}
    if reply.native_finish_reason is not None:
        choice["native_finish_reason"] = reply.native_finish_reason
    whole: Json = {
        "id": f"chatcmpl-sandbox-{context.call}",
        "object": "chat.completion",
        "created": 1_760_000_000 + context.call,
        "model": context.model,
        "choices": [choice],
    }
    return whole | _usage(reply.usage, len(pictures), len(text.split()), context)


def _usage(form: UsageForm, pictures: int, words: int, context: Context) -> Json:
    came, image = context.prompt_tokens, IMAGE_TOKENS * pictures
    left = image + words
    full: Json = {
        "prompt_tokens": came,
        "completion_tokens": left,
        "total_tokens": came + left,
        "completion_tokens_details": {
            "image_tokens": image,
            "text_tokens": words,
            "reasoning_tokens": 0,
        },
    }
    zero = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    images = {"input_tokens": came, "output_tokens": left, "total_tokens": came + left}
    forms: Mapping[UsageForm, Json] = {
        UsageForm.FULL: {"usage": full},
        UsageForm.COST: {"usage": full | {"cost": round(_DOLLARS * pictures, 6)}},
        UsageForm.ABSENT: {},
        UsageForm.NULL: {"usage": None},
        UsageForm.NULLS: {"usage": dict.fromkeys(full)},
        UsageForm.ZERO: {"usage": zero},
        UsageForm.IMAGES: {"usage": images},
    }
    return forms[form]


# Pictures in the shapes
# ----------------------
# Base64 stands in the JSON as a mark and is put in place when the JSON is written: the base64
# alphabet needs no escaping.

_MARK = "\u27e6picture {}\u27e7"


def _b64(index: int) -> str:
    return _MARK.format(index)


def _data_url(index: int, picture: Picture) -> str:
    return f"data:{picture.mime};base64,{_b64(index)}"


def _filled(whole: str, pictures: Sequence[Picture]) -> tuple[bytes, ...]:
    """Put the pictures' base64 in the place of their marks."""
    pieces: list[bytes] = []
    for index, picture in enumerate(pictures):
        before, mark, whole = whole.partition(_b64(index))
        pieces.append(before.encode())
        if mark:
            pieces.extend(picture.base64)
    return (*pieces, whole.encode())


def _markdown(text: str, pictures: Sequence[Picture], _: Context) -> Json:
    links = [f"![image]({_data_url(n, picture)})" for n, picture in enumerate(pictures)]
    return {"content": "\n".join([text, *links] if text else links)}


def _links(text: str, _: Sequence[Picture], context: Context) -> Json:
    links = [f"![image]({url})\n[download]({url}?dl=1)" for url in context.urls]
    return {"content": "\n".join([text, *links] if text else links)}


def _bare_urls(_text: str, _: Sequence[Picture], context: Context) -> Json:
    return {"content": "\n".join(context.urls)}


def _one_hub(_text: str, pictures: Sequence[Picture], _: Context) -> Json:
    return {
        "content": "\n".join("![one-hub-gemini-image](image upload err)" for _ in pictures),
        "image": [{"data": _b64(n)} for n in range(len(pictures))],
    }


def _images(text: str, pictures: Sequence[Picture], _: Context) -> Json:
    # LiteLLM gives every picture the index 0.
    return {
        "content": text or None,
        "images": [
            {"type": "image_url", "index": 0, "image_url": {"url": _data_url(n, picture)}}
            for n, picture in enumerate(pictures)
        ],
    }


def _images_string(text: str, pictures: Sequence[Picture], _: Context) -> Json:
    return {
        "content": text or None,
        "images": [
            {"type": "image_url", "index": 0, "image_url": _data_url(n, picture)}
            for n, picture in enumerate(pictures)
        ],
    }


def _parts(part: Callable[[int, Picture], Json]) -> Callable[..., Json]:
    def shape(text: str, pictures: Sequence[Picture], _: Context) -> Json:
        said = [{"type": "text", "text": text}] if text else []
        return {"content": [*said, *(part(n, picture) for n, picture in enumerate(pictures))]}

    return shape


def _multi(key: str, inline: str, mime: str) -> Callable[..., Json]:
    def shape(text: str, pictures: Sequence[Picture], _: Context) -> Json:
        # AiHubMix's MIME type may be just "png"; its text parts hold an empty picture.
        parts: list[Json] = [
            {"text": "", inline: {"data": _b64(n), mime: picture.mime.removeprefix("image/")}}
            for n, picture in enumerate(pictures)
        ]
        return {"content": text, key: [*parts, {"text": text, inline: {}}]}

    return shape


def _legacy(text: str, pictures: Sequence[Picture], _: Context) -> Json:
    url = _data_url(0, pictures[0])
    return {"content": text, "image": {"url": url, "mime_type": pictures[0].mime}}


_USUAL_TEXT = {Shape.IMAGES: "", Shape.IMAGES_STRING: "", Shape.URL: "done"}

_SHAPES: Mapping[Shape, Callable[..., Json]] = {
    Shape.MARKDOWN: _markdown,
    Shape.URL: _links,
    Shape.URL_BARE: _bare_urls,
    Shape.ONE_HUB: _one_hub,
    Shape.IMAGES: _images,
    Shape.IMAGES_STRING: _images_string,
    Shape.PARTS: _parts(
        lambda n, picture: {"type": "image_url", "image_url": {"url": _data_url(n, picture)}}
    ),
    Shape.PARTS_INLINE: _parts(
        lambda n, picture: {"inline_data": {"mime_type": picture.mime, "data": _b64(n)}}
    ),
    Shape.PARTS_INLINE_CAMEL: _parts(
        lambda n, picture: {"inlineData": {"mimeType": picture.mime, "data": _b64(n)}}
    ),
    Shape.PARTS_IMAGE: _parts(lambda n, picture: {"type": "image", "image": _data_url(n, picture)}),
    Shape.PARTS_B64_JSON: _parts(lambda n, _: {"type": "image", "b64_json": _b64(n)}),
    Shape.PARTS_IMAGE_BASE64: _parts(lambda n, _: {"type": "image", "image_base64": _b64(n)}),
    Shape.PARTS_OUTPUT_IMAGE: _parts(
        lambda n, picture: {"type": "output_image", "image_url": _data_url(n, picture)}
    ),
    Shape.MULTI_CAMEL: _multi("multi_mod_content", "inlineData", "mimeType"),
    Shape.MULTI_SNAKE: _multi("multi_mod_content", "inline_data", "mime_type"),
    Shape.MULTI_MODAL: _multi("multi_modal_content", "inline_data", "mime_type"),
    Shape.LEGACY: _legacy,
}


def _spoilt(body: Body, reply: Reply) -> Body:
    """Add the blanks before the JSON, and end the body early, as the reply demands."""
    pieces = (reply.lead, *body.pieces) if reply.lead else body.pieces
    if reply.truncate is not None:
        whole = b"".join(pieces)
        pieces = (whole[: int(len(whole) * reply.truncate)],)
    return Body(pieces, body.status, body.content_type, body.headers)
