"""A transcript: a chat as a person would retell it."""

from __future__ import annotations

from .chats import Chat
from .schema import Json

_SHOWN = 200  # characters of a text, and messages of a chat


def transcript(chat: Chat) -> str:
    """Retell a chat, a line for each message."""
    head = f"--- {chat.name} ({chat.type} {chat.id})"
    recent = list(chat.posts.values())[-_SHOWN:]
    lines = [_line(post.message) for post in recent]
    actions = chat.visible_actions()
    return "\n".join([head, *lines, *(f"({action})" for action in actions)])


def _line(message: Json) -> str:
    parts = [f"#{message['message_id']} {_who(message)}:", *_what(message)]
    if "reply_to_message" in message:
        parts.append(f"(reply to #{message['reply_to_message']['message_id']})")
    if "edit_date" in message:
        parts.append("(edited)")
    for row in message.get("reply_markup", {}).get("inline_keyboard", ()):
        parts += [f"[{button['text']}]" for button in row]
    return " ".join(parts)


def _who(message: Json) -> str:
    sender = message.get("sender_chat") or message.get("from") or {}
    return str(sender.get("title") or sender.get("first_name") or "?")


def _what(message: Json) -> list[str]:
    parts: list[str] = []
    if "photo" in message:
        largest = message["photo"][-1]
        parts.append(f"<photo {largest['width']}x{largest['height']}>")
    if "document" in message:
        document = message["document"]
        parts.append(f"<file {document.get('file_name')} {document.get('file_size')} bytes>")
    text = message.get("text") or message.get("caption")
    if text:
        parts.append(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
    return parts or [f"<{', '.join(sorted(message.keys() - _FRAME))}>"]


_FRAME = {"message_id", "date", "chat", "from", "sender_chat", "reply_to_message"}
