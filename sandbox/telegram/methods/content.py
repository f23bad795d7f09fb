"""The content of a message: checked text, captions, keyboards and media."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from sandbox.telegram.chats import Forces
from sandbox.telegram.errors import bad_request
from sandbox.telegram.files import PHOTO_BYTES, render, thumbnail
from sandbox.telegram.request import UPLOAD_BYTES, Arguments
from sandbox.telegram.schema import Json, Upload
from sandbox.telegram.text import Formatted, trimmed, units, with_found
from sandbox.telegram.world import World

TEXT_UNITS = 4096
CAPTION_UNITS = 1024
_DATA_BYTES = 64
_ACTIONS = {
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
}


def text_content(source: Mapping[str, object]) -> Json:
    """Read `text`; 1 to 4096 UTF-16 units after entities."""
    formatted = _formatted(source, "text", "entities")
    if not formatted.text:
        raise bad_request("message text is empty")
    if units(formatted.text) > TEXT_UNITS:
        raise bad_request("message is too long")
    content: Json = {"text": formatted.text}
    if formatted.entities:
        content["entities"] = list(formatted.entities)
    if "link_preview_options" in source:
        content["link_preview_options"] = source["link_preview_options"]
    return content


def caption_content(source: Mapping[str, object]) -> Json:
    """Read `caption` and what belongs to it; up to 1024 UTF-16 units after entities."""
    formatted = _formatted(source, "caption", "caption_entities")
    if units(formatted.text) > CAPTION_UNITS:
        raise bad_request("message caption is too long")
    content: Json = {}
    if formatted.text:
        content["caption"] = formatted.text
    if formatted.entities:
        content["caption_entities"] = list(formatted.entities)
    if source.get("show_caption_above_media"):
        content["show_caption_above_media"] = True
    if source.get("has_spoiler"):
        content["has_media_spoiler"] = True
    return content


def keyboard(arguments: Arguments) -> Json:
    """Read `reply_markup`; only an inline keyboard becomes part of the message."""
    markup = arguments.get("reply_markup") or {}
    rows = [row for row in markup.get("inline_keyboard", ()) if row]
    for button in (button for row in rows for button in row):
        _check_button(button)
    return {"reply_markup": {"inline_keyboard": rows}} if rows else {}


def forces(arguments: Arguments) -> Forces | None:
    """Tell whose apps `reply_markup` makes begin a reply."""
    markup = arguments.get("reply_markup") or {}
    if not markup.get("force_reply"):
        return None
    return "named" if markup.get("selective") else "all"


async def photo_content(world: World, arguments: Arguments, value: object) -> Json:
    """Read a photo: an upload is made into sizes off the event loop, a file id is sent again."""
    upload = arguments.upload(value)
    if upload is None:
        return world.files.again(_file_id(value), "photo")
    if not upload.data:
        raise bad_request("file must be non-empty")
    if len(upload.data) > PHOTO_BYTES:
        raise bad_request(
            f"file of size {len(upload.data)} bytes is too big for a photo; "
            f"the maximum size is {PHOTO_BYTES} bytes",
        )
    recompress = world.options.recompress
    return world.files.keep_photo(
        await asyncio.to_thread(render, upload.data, recompress=recompress),
    )


async def document_content(world: World, arguments: Arguments, value: object) -> Json:
    """Read a document: bytes stay as they are."""
    upload = arguments.upload(value)
    if upload is None:
        return world.files.again(_file_id(value), "document")
    if not upload.data:
        raise bad_request("file must be non-empty")
    if len(upload.data) > UPLOAD_BYTES:
        raise bad_request("file is too big")
    return await keep_document(world, upload)


async def keep_document(world: World, upload: Upload) -> Json:
    """Keep a document, with a thumbnail where it is a picture."""
    small = None
    if world.options.recompress and upload.mime.startswith("image/"):
        small = await asyncio.to_thread(thumbnail, upload.data, upload.mime)
    return world.files.keep_document(upload.data, upload.name, upload.mime, small)


async def media_content(world: World, arguments: Arguments, media: Json) -> Json:
    match media["type"]:
        case "photo":
            content = await photo_content(world, arguments, media["media"])
        case "document":
            if "thumbnail" in media:
                arguments.upload(media["thumbnail"])
            content = await document_content(world, arguments, media["media"])
        case other:
            raise bad_request(f"the sandbox has no media of type {other}")
    return content | caption_content(media)


def _formatted(source: Mapping[str, object], name: str, entities: str) -> Formatted:
    if source.get("parse_mode"):
        raise bad_request("the sandbox reads no parse_mode")
    text, given = str(source.get(name, "")), source.get(entities)
    formatted = Formatted(text, tuple(given) if isinstance(given, list) else ())
    return with_found(trimmed(formatted))


def _check_button(button: Json) -> None:
    if len(_ACTIONS & button.keys()) != 1:
        raise bad_request(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        )
    data = button.get("callback_data")
    if data is not None and not 1 <= len(data.encode()) <= _DATA_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")
    if not button["text"].strip():
        raise bad_request("can't parse inline keyboard button: Text must be non-empty")


def _file_id(value: object) -> str:
    text = str(value)
    if text.startswith(("http://", "https://")):
        raise bad_request("failed to get HTTP URL content")  # nothing leaves this machine
    return text
