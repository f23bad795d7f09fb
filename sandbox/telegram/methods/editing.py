"""Methods that change what stands: edits, deletions, reactions and answers to buttons."""

from __future__ import annotations

from sandbox.telegram.chats import Chat, Post
from sandbox.telegram.errors import bad_request
from sandbox.telegram.request import Arguments
from sandbox.telegram.schema import Json
from sandbox.telegram.text import units
from sandbox.telegram.world import Answer, World

from .content import caption_content, keyboard, media_content, text_content
from .target import open_chat, own_message

_ANSWER_UNITS = 200
_DELETED_AT_ONCE = range(1, 101)
_MEDIA = ("photo", "document")
_CAPTION = ("caption", "caption_entities", "show_caption_above_media", "has_media_spoiler")
_TEXT = ("text", "entities", "link_preview_options")
_EMOJI = set(
    "👍👎🔥🥰👏😁🤔🤯😱🤬😢🎉🤩🤮💩🙏👌🕊🤡🥱🥴😍🐳🌚🌭💯🤣⚡🍌🏆💔🤨😐🍓🍾💋🖕😈😴😭🤓👻👀🎃🙈😇😨🤝🤗🫡🎅🎄☃💅🤪🗿🆒💘🙉🦄😘💊🙊😎👾😡"
) | {"❤", "❤\N{VARIATION SELECTOR-16}"}


async def edit_message_text(world: World, arguments: Arguments) -> Json | bool:
    """Replace a text; without reply_markup the keyboard goes."""
    content = text_content(arguments.params) | keyboard(arguments)
    chat, post = own_message(world, arguments)
    if "text" not in post.message:
        raise bad_request("there is no text in the message to edit")
    return _revise(world, chat, post, content)


async def edit_message_caption(world: World, arguments: Arguments) -> Json | bool:
    """Replace a caption; without reply_markup the keyboard goes."""
    caption = caption_content(arguments.params) | keyboard(arguments)
    chat, post = own_message(world, arguments)
    media = _kept(post, _MEDIA)
    if not media:
        raise bad_request("there is no caption in the message to edit")
    return _revise(world, chat, post, media | caption)


async def edit_message_media(world: World, arguments: Arguments) -> Json | bool:
    """Put a photo or document into a message, a text message included."""
    markup = keyboard(arguments)
    chat, before = own_message(world, arguments)
    if before.inline_id and str(arguments["media"]["media"]).startswith("attach://"):
        raise bad_request("a file can't be uploaded into an inline message")
    if arguments["media"]["type"] == "photo" and chat.photos_forbidden:
        raise bad_request("not enough rights to send photos to the chat")
    content = await media_content(world, arguments, arguments["media"])
    chat, post = own_message(world, arguments)  # it may be gone by now
    return _revise(world, chat, post, content | markup)


async def edit_message_reply_markup(world: World, arguments: Arguments) -> Json | bool:
    markup = keyboard(arguments)
    chat, post = own_message(world, arguments)
    return _revise(world, chat, post, _kept(post, _TEXT + _MEDIA + _CAPTION) | markup)


async def delete_message(world: World, arguments: Arguments) -> bool:
    chat = open_chat(world, arguments)
    post = chat.posts.get(arguments["message_id"])
    if post is None:
        raise bad_request("message to delete not found")
    if not _may_delete(world, chat, post):
        raise bad_request("message can't be deleted")
    return world.erase(chat, arguments["message_id"])


async def delete_messages(world: World, arguments: Arguments) -> bool:
    """Delete up to 100 messages; missing ones are skipped."""
    chat = open_chat(world, arguments)
    if len(arguments["message_ids"]) not in _DELETED_AT_ONCE:
        raise bad_request("wrong number of message identifiers specified")
    for message_id in arguments["message_ids"]:
        post = chat.posts.get(message_id)
        if post is not None and _may_delete(world, chat, post):
            world.erase(chat, message_id)
    return True


async def set_message_reaction(world: World, arguments: Arguments) -> bool:
    """Set the bot's reaction, one at most."""
    chat = open_chat(world, arguments)
    if arguments["message_id"] not in chat.posts:
        raise bad_request("message to react not found")
    reactions: list[Json] = arguments.get("reaction", [])
    if len(reactions) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    if any(item["type"] == "emoji" and item["emoji"] not in _EMOJI for item in reactions):
        raise bad_request("REACTION_INVALID")
    chat.reactions[arguments["message_id"]] = reactions
    chat.version += 1
    world.changes.notify()
    return True


async def answer_callback_query(world: World, arguments: Arguments) -> bool:
    text = arguments.get("text")
    if text is not None and units(text) > _ANSWER_UNITS:
        raise bad_request("MESSAGE_TOO_LONG")
    alert = bool(arguments.get("show_alert", False))
    answer = Answer(text or None, alert, arguments.get("url"))
    world.answer(arguments["callback_query_id"], answer)
    return True


def _revise(world: World, chat: Chat, post: Post, content: Json) -> Json | bool:
    shown = (*_TEXT, *_MEDIA, *_CAPTION, "reply_markup")
    if _kept(post, shown) == content:
        raise bad_request(
            "message is not modified: specified new message content and reply markup are exactly "
            "the same as a current content and reply markup of the message",
        )
    revised = world.edit(chat, post, content, world.bot.id)
    return True if post.inline_id else revised


def _kept(post: Post, names: tuple[str, ...]) -> Json:
    return {name: post.message[name] for name in names if name in post.message}


def _may_delete(world: World, chat: Chat, post: Post) -> bool:
    own = post.author == world.bot.id
    return own or chat.type == "private" or chat.may_administer(world.bot.id)
