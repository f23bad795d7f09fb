"""Members of a chat as the Bot API shows them."""

from __future__ import annotations

import time

from .chats import Chat, Standing, User
from .schema import Json

_RIGHTS = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
)
# What plain members may do, and whoever is muted may not.
PERMISSIONS = (
    "can_send_messages",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
    "can_react_to_messages",
    "can_edit_tag",
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
)


def member(user: User, standing: Standing, chat: Chat) -> Json:
    """Give the `ChatMember` object of a user."""
    form: Json = {"status": standing, "user": user.form()}
    match standing:
        case "creator":
            return form | {"is_anonymous": False}
        case "administrator":
            return form | _administrator(chat)
        case "restricted":
            return form | dict.fromkeys(PERMISSIONS, False) | {"is_member": True, "until_date": 0}
        case "kicked":
            return form | {"until_date": 0}
        case _:
            return form


def change(chat: Chat, actor: User, user: User, old: Standing, new: Standing) -> Json:
    """Give the `ChatMemberUpdated` object for a change of standing."""
    return {
        "chat": chat.form(),
        "from": actor.form(),
        "date": int(time.time()),
        "old_chat_member": member(user, old, chat),
        "new_chat_member": member(user, new, chat),
    }


def _administrator(chat: Chat) -> Json:
    rights = dict.fromkeys(_RIGHTS, True) | {"can_be_edited": False, "is_anonymous": False}
    if chat.type == "channel":
        return rights | {"can_post_messages": True, "can_edit_messages": True}
    return rights | {"can_pin_messages": True, "can_manage_topics": chat.is_forum}
