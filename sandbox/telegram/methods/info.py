"""Methods about the bot itself and the chats it is in."""

from __future__ import annotations

import json

from sandbox.telegram.errors import bad_request
from sandbox.telegram.members import change, member
from sandbox.telegram.request import Arguments
from sandbox.telegram.schema import Json
from sandbox.telegram.world import Draft, World

from .target import open_chat

_DESCRIPTION = 512
_SHORT_DESCRIPTION = 120
_COMMANDS = 100
_TOPIC_NAME = range(1, 129)


async def get_me(world: World, _: Arguments) -> Json:
    return world.bot.form() | {
        "can_join_groups": True,
        "can_read_all_group_messages": not world.options.privacy,
        "supports_inline_queries": True,
        "supports_guest_queries": True,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


async def get_chat(world: World, arguments: Arguments) -> Json:
    chat = open_chat(world, arguments)
    gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription")
    full: Json = {
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys((*gifts, "gifts_from_channels"), False),
    }
    if chat.type in {"group", "supergroup"}:
        photos = not chat.photos_forbidden
        full["permissions"] = {"can_send_messages": True, "can_send_photos": photos}
    return chat.form() | full


async def get_chat_member(world: World, arguments: Arguments) -> Json:
    chat = open_chat(world, arguments)
    user = chat.users.get(arguments["user_id"]) or world.persons.get(arguments["user_id"])
    if user is None:
        raise bad_request("user not found")
    return member(user, chat.standing(user.id), chat)


async def get_chat_administrators(world: World, arguments: Arguments) -> list[Json]:
    chat = open_chat(world, arguments)
    if chat.type == "private":
        raise bad_request("there are no administrators in the private chat")
    return [
        member(chat.users[user_id], standing, chat)
        for user_id, standing in chat.standings.items()
        if standing in {"creator", "administrator"}
    ]


async def leave_chat(world: World, arguments: Arguments) -> bool:
    chat = open_chat(world, arguments)
    if chat.type == "private":
        raise bad_request("chat member status can't be changed in private chats")
    old = chat.standing(world.bot.id)
    if chat.type != "channel":
        world.publish(chat, Draft(world.bot, {"left_chat_member": world.bot.form()}))
    chat.join(world.bot, "left")
    world.tell("my_chat_member", change(chat, world.bot, world.bot, old, "left"))
    return True


async def create_forum_topic(world: World, arguments: Arguments) -> Json:
    """Open a topic in a forum; the bot has to be an administrator."""
    chat = open_chat(world, arguments)
    if not chat.is_forum:
        raise bad_request("the chat is not a forum")
    if not chat.may_administer(world.bot.id):
        raise bad_request("not enough rights to create a topic")
    if len(arguments["name"]) not in _TOPIC_NAME:
        raise bad_request("TOPIC_TITLE_EMPTY")
    created = {"name": arguments["name"], "icon_color": 7_322_096}
    message = world.publish(chat, Draft(world.bot, {"forum_topic_created": created}))
    return chat.topics[message["message_id"]].form()


async def set_my_commands(world: World, arguments: Arguments) -> bool:
    commands: list[Json] = arguments["commands"]
    if len(commands) > _COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    if any(not _is_command(command["command"]) for command in commands):
        raise bad_request("BOT_COMMAND_INVALID")
    world.profile[_scope(arguments)] = commands
    return True


async def get_my_commands(world: World, arguments: Arguments) -> list[Json]:
    commands: list[Json] = world.profile.get(_scope(arguments), [])
    return commands


async def delete_my_commands(world: World, arguments: Arguments) -> bool:
    world.profile.pop(_scope(arguments), None)
    return True


async def set_my_description(world: World, arguments: Arguments) -> bool:
    text = arguments.get("description", "")
    if len(text) > _DESCRIPTION:
        raise bad_request("DESCRIPTION_TOO_LONG")
    world.profile[f"description {arguments.get('language_code', '')}"] = text
    return True


async def set_my_short_description(world: World, arguments: Arguments) -> bool:
    text = arguments.get("short_description", "")
    if len(text) > _SHORT_DESCRIPTION:
        raise bad_request("SHORT_DESCRIPTION_TOO_LONG")
    world.profile[f"short description {arguments.get('language_code', '')}"] = text
    return True


async def get_my_description(world: World, arguments: Arguments) -> Json:
    key = f"description {arguments.get('language_code', '')}"
    return {"description": world.profile.get(key, "")}


async def get_my_short_description(world: World, arguments: Arguments) -> Json:
    key = f"short description {arguments.get('language_code', '')}"
    return {"short_description": world.profile.get(key, "")}


def _scope(arguments: Arguments) -> str:
    scope = arguments.get("scope", {"type": "default"})
    return f"commands {json.dumps(scope, sort_keys=True)} {arguments.get('language_code', '')}"


def _is_command(name: str) -> bool:
    return name.isascii() and name.replace("_", "a").isalnum() and name == name.lower()
