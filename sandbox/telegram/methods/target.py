"""The target of a call: the chat and place it may write to, or the real server's refusal."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.telegram.chats import GENERAL_TOPIC, Chat, Post, direct_topic
from sandbox.telegram.errors import ApiError, bad_request, forbidden
from sandbox.telegram.request import Arguments
from sandbox.telegram.schema import Json
from sandbox.telegram.world import World


@dataclass(frozen=True, slots=True)
class Target:
    """Where a new message goes."""

    chat: Chat
    thread: int | None
    reply_to: int | None
    direct: Json = field(default_factory=dict)


def open_chat(world: World, arguments: Arguments, name: str = "chat_id") -> Chat:
    """Find a chat in which the bot takes part; raises `ApiError`."""
    chat = world.chat(arguments[name])
    if chat.migrated_to is not None:
        text = "Bad Request: group chat was upgraded to a supergroup chat"
        raise ApiError(400, text, migrate_to=chat.migrated_to)
    standing = chat.standing(world.bot.id)
    if standing not in {"left", "kicked"}:
        return chat
    if chat.type == "private":
        raise forbidden("bot was blocked by the user")
    kind = {"group": "group", "supergroup": "supergroup", "channel": "channel"}[chat.type]
    if standing == "kicked":
        raise forbidden(f"bot was kicked from the {kind} chat")
    raise forbidden(f"bot is not a member of the {kind} chat")


def target(world: World, arguments: Arguments) -> Target:
    """Find where a send goes: chat, topic and the message it replies to."""
    chat = open_chat(world, arguments)
    if chat.standing(world.bot.id) == "restricted":
        raise bad_request("not enough rights to send text messages to the chat")
    thread = arguments.get("message_thread_id")
    if thread is not None and (thread == GENERAL_TOPIC or thread not in chat.topics):
        raise bad_request("message thread not found")
    if thread is not None and chat.topics[thread].closed and not chat.may_administer(world.bot.id):
        raise bad_request("TOPIC_CLOSED")
    return Target(chat, thread, _reply(chat, arguments), _direct(chat, arguments))


def own_message(world: World, arguments: Arguments) -> tuple[Chat, Post]:
    """Find the bot's own message that a call edits."""
    if "inline_message_id" in arguments.params:
        return world.inline.at(arguments["inline_message_id"])
    if "chat_id" not in arguments.params:
        raise bad_request("message identifier is not specified")
    chat = open_chat(world, arguments)
    post = chat.posts.get(arguments.get("message_id", 0))
    if post is None:
        raise bad_request("message to edit not found")
    if post.author != world.bot.id:
        raise bad_request("message can't be edited")
    return chat, post


def _direct(chat: Chat, arguments: Arguments) -> Json:
    """Find a topic of a channel's direct messages; each is that of the user whose id it has."""
    number = arguments.get("direct_messages_topic_id")
    if not chat.is_direct:
        if number is not None:
            raise bad_request("can't use direct messages topic in the chat")
        return {}
    if number not in chat.users:
        raise bad_request("direct messages topic must be specified")
    return direct_topic(chat.users[number])


def _reply(chat: Chat, arguments: Arguments) -> int | None:
    wanted = arguments.get("reply_parameters")
    if wanted is None:
        return None
    message_id: int = wanted["message_id"]
    if wanted.get("chat_id", chat.id) == chat.id and message_id in chat.posts:
        return message_id
    if wanted.get("allow_sending_without_reply"):
        return None
    raise bad_request("message to be replied not found")
