"""Privacy mode: which messages of a group a bot may see."""

from __future__ import annotations

from .chats import Chat, User
from .schema import Json
from .text import cut

_SERVICE = {
    "forum_topic_created",
    "group_chat_created",
    "left_chat_member",
    "migrate_from_chat_id",
    "migrate_to_chat_id",
    "new_chat_members",
}


def may_see(bot: User, chat: Chat, message: Json) -> bool:
    """Tell whether a message passes: commands, mentions, replies to the bot, service messages.

    https://core.telegram.org/bots/features#privacy-mode
    """
    if chat.type in {"private", "channel"} or chat.may_administer(bot.id):
        return True
    if _SERVICE & message.keys():
        return True
    if message.get("via_bot", {}).get("id") == bot.id:
        return True
    replied = message.get("reply_to_message", {}).get("from", {}).get("id")
    return replied == bot.id or _is_addressed(bot, message)


def _is_addressed(bot: User, message: Json) -> bool:
    text = message.get("text") or message.get("caption") or ""
    me = f"@{bot.username}".lower()
    for entity in message.get("entities") or message.get("caption_entities") or ():
        piece = cut(text, entity).lower()
        match entity["type"]:
            case "mention" if piece == me:
                return True
            case "text_mention" if entity["user"]["id"] == bot.id:
                return True
            case "bot_command" if piece.endswith(me):
                return True
            case "bot_command" if "@" not in piece and entity["offset"] == 0:
                return True
    return False
