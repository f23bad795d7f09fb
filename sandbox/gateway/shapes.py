"""Shapes: where gateways put the pictures in a message of a chat completion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.gateway.pictures import Picture
from sandbox.gateway.placeholders import data_url, placeholder
from sandbox.gateway.replies import Shape

# Any: JSON as it goes out; its shapes differ on purpose.
Json = dict[str, Any]


def usual_text(shape: Shape) -> str:
    """Give the words that usually stand beside pictures of a shape."""
    return _USUAL_TEXT.get(shape, "Here it is")


def shaped(shape: Shape, text: str, pictures: Sequence[Picture], urls: Sequence[str]) -> Json:
    """Give what a message holds besides its role; `urls` are where the pictures can be fetched."""
    if not pictures:
        return {"content": text}
    return {"content": text} | _SHAPES[shape](text, pictures, urls)


def _markdown(text: str, pictures: Sequence[Picture], _: Sequence[str]) -> Json:
    links = [f"![image]({data_url(n, picture)})" for n, picture in enumerate(pictures)]
    return {"content": "\n".join([text, *links] if text else links)}


def _links(text: str, _: Sequence[Picture], urls: Sequence[str]) -> Json:
    links = [f"![image]({url})\n[download]({url}?dl=1)" for url in urls]
    return {"content": "\n".join([text, *links] if text else links)}


def _bare_urls(_text: str, _: Sequence[Picture], urls: Sequence[str]) -> Json:
    return {"content": "\n".join(urls)}


def _one_hub(_text: str, pictures: Sequence[Picture], _: Sequence[str]) -> Json:
    return {
        "content": "\n".join("![one-hub-gemini-image](image upload err)" for _ in pictures),
        "image": [{"data": placeholder(n)} for n in range(len(pictures))],
    }


def _images(text: str, pictures: Sequence[Picture], _: Sequence[str]) -> Json:
    # LiteLLM gives every picture the index 0.
    return {
        "content": text or None,
        "images": [
            {"type": "image_url", "index": 0, "image_url": {"url": data_url(n, picture)}}
            for n, picture in enumerate(pictures)
        ],
    }


def _images_string(text: str, pictures: Sequence[Picture], _: Sequence[str]) -> Json:
    return {
        "content": text or None,
        "images": [
            {"type": "image_url", "index": 0, "image_url": data_url(n, picture)}
            for n, picture in enumerate(pictures)
        ],
    }


def _parts(part: Callable[[int, Picture], Json]) -> Callable[..., Json]:
    def shape(text: str, pictures: Sequence[Picture], _: Sequence[str]) -> Json:
        said = [{"type": "text", "text": text}] if text else []
        return {"content": [*said, *(part(n, picture) for n, picture in enumerate(pictures))]}

    return shape


def _multi(key: str, inline: str, mime: str) -> Callable[..., Json]:
    def shape(text: str, pictures: Sequence[Picture], _: Sequence[str]) -> Json:
        # AiHubMix's MIME type may be just "png"; its text parts hold an empty picture.
        parts: list[Json] = [
            {
                "text": "",
                inline: {"data": placeholder(n), mime: picture.mime.removeprefix("image/")},
            }
            for n, picture in enumerate(pictures)
        ]
        return {"content": text, key: [*parts, {"text": text, inline: {}}]}

    return shape


def _legacy(text: str, pictures: Sequence[Picture], _: Sequence[str]) -> Json:
    url = data_url(0, pictures[0])
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
        lambda n, picture: {"type": "image_url", "image_url": {"url": data_url(n, picture)}}
    ),
    Shape.PARTS_INLINE: _parts(
        lambda n, picture: {"inline_data": {"mime_type": picture.mime, "data": placeholder(n)}}
    ),
    Shape.PARTS_INLINE_CAMEL: _parts(
        lambda n, picture: {"inlineData": {"mimeType": picture.mime, "data": placeholder(n)}}
    ),
    Shape.PARTS_IMAGE: _parts(lambda n, picture: {"type": "image", "image": data_url(n, picture)}),
    Shape.PARTS_B64_JSON: _parts(lambda n, _: {"type": "image", "b64_json": placeholder(n)}),
    Shape.PARTS_IMAGE_BASE64: _parts(
        lambda n, _: {"type": "image", "image_base64": placeholder(n)}
    ),
    Shape.PARTS_OUTPUT_IMAGE: _parts(
        lambda n, picture: {"type": "output_image", "image_url": data_url(n, picture)}
    ),
    Shape.MULTI_CAMEL: _multi("multi_mod_content", "inlineData", "mimeType"),
    Shape.MULTI_SNAKE: _multi("multi_mod_content", "inline_data", "mime_type"),
    Shape.MULTI_MODAL: _multi("multi_modal_content", "inline_data", "mime_type"),
    Shape.LEGACY: _legacy,
}
