"""Methods that send: messages, photos, documents, albums, drafts and actions."""

from __future__ import annotations

from sandbox.telegram.chats import Chat
from sandbox.telegram.errors import bad_request
from sandbox.telegram.request import Arguments
from sandbox.telegram.schema import Json
from sandbox.telegram.text import units
from sandbox.telegram.world import Draft, World

from .content import (
    TEXT_UNITS,
    caption_content,
    document_content,
    forces,
    keyboard,
    media_content,
    photo_content,
    text_content,
)
from .target import Target, open_chat, target

_ALBUM = range(2, 11)
_ACTIONS = {
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
}
_COPIED = ("text", "entities", "caption", "caption_entities", "photo", "document")


async def send_message(world: World, arguments: Arguments) -> Json:
    content = text_content(arguments.params)
    place = target(world, arguments)
    sent = _publish(world, place, content | keyboard(arguments))
    place.chat.posts[sent["message_id"]].forces = forces(arguments)
    return sent


async def send_photo(world: World, arguments: Arguments) -> Json:
    _allow_photos(target(world, arguments).chat)
    caption = caption_content(arguments.params) | keyboard(arguments)
    content = await photo_content(world, arguments, arguments["photo"])
    return _publish(world, target(world, arguments), content | caption)


async def send_document(world: World, arguments: Arguments) -> Json:
    target(world, arguments)
    caption = caption_content(arguments.params) | keyboard(arguments)
    arguments.upload(arguments.get("thumbnail"))
    content = await document_content(world, arguments, arguments["document"])
    return _publish(world, target(world, arguments), content | caption)


async def send_media_group(world: World, arguments: Arguments) -> list[Json]:
    """Send an album of 2 to 10 photos or documents."""
    media: list[Json] = arguments["media"]
    place = target(world, arguments)
    if len(media) not in _ALBUM:
        many = "few" if len(media) < _ALBUM.start else "much"
        raise bad_request(f"too {many} messages to send as an album")
    kinds: set[str] = {item["type"] for item in media}
    if len(kinds) > 1:
        raise bad_request("document can't be mixed with other media types")
    if "photo" in kinds:
        _allow_photos(place.chat)
    contents = [await media_content(world, arguments, item) for item in media]
    place = target(world, arguments)
    album = {"media_group_id": world.new_album()}
    return [_publish(world, place, content | album) for content in contents]


async def send_chat_action(world: World, arguments: Arguments) -> bool:
    place = target(world, arguments)
    if arguments["action"] not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    place.chat.act(arguments["action"], place.thread)
    world.changes.notify()
    return True


async def send_message_draft(world: World, arguments: Arguments) -> bool:
    """Show a text that is being written; private chats only."""
    chat = target(world, arguments).chat
    if chat.type != "private":
        raise bad_request("message drafts can be sent to private chats only")
    if arguments["draft_id"] == 0:
        raise bad_request("draft_id must be non-zero")
    if units(arguments.get("text", "")) > TEXT_UNITS:
        raise bad_request("message is too long")
    chat.drafts.append(arguments.shown())
    chat.version += 1
    world.changes.notify()
    return True


async def forward_message(world: World, arguments: Arguments) -> Json:
    """Forward a message, saying where it is from."""
    place = target(world, arguments)
    source = _source(world, arguments, "message to forward not found")
    origin = {"date": source["date"]} | _origin(source)
    return _publish(world, place, _content(source) | {"forward_origin": origin})


async def copy_message(world: World, arguments: Arguments) -> Json:
    """Send a message's content again as the bot's own."""
    place = target(world, arguments)
    content = _content(_source(world, arguments, "message to copy not found"))
    if "caption" in arguments.params and "text" not in content:
        content = {key: value for key, value in content.items() if "caption" not in key}
        content |= caption_content(arguments.params)
    message = _publish(world, place, content | keyboard(arguments))
    return {"message_id": message["message_id"]}


def _publish(world: World, place: Target, content: Json) -> Json:
    draft = Draft(world.bot, content, place.thread, place.reply_to, extra=place.direct)
    place.chat.rest()
    return world.publish(place.chat, draft)


def _allow_photos(chat: Chat) -> None:
    if chat.photos_forbidden:
        raise bad_request("not enough rights to send photos to the chat")


def _source(world: World, arguments: Arguments, missing: str) -> Json:
    chat = open_chat(world, arguments, "from_chat_id")
    post = chat.posts.get(arguments["message_id"])
    if post is None:
        raise bad_request(missing)
    content = _content(post.message)
    if not content:
        raise bad_request("message can't be forwarded")
    return post.message


def _content(message: Json) -> Json:
    return {key: message[key] for key in _COPIED if key in message}


def _origin(message: Json) -> Json:
    if message["chat"]["type"] == "channel":
        return {"type": "channel", "chat": message["chat"], "message_id": message["message_id"]}
    if "sender_chat" in message:
        return {"type": "chat", "sender_chat": message["sender_chat"]}
    return {"type": "user", "sender_user": message["from"]}
