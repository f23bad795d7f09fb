"""Inline messages in conversations: the storage channel, and what stands through the bot in a chat."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from sandbox.telegram import Person, Place, Room
from tests.support.conversation import Conversation, escaped, shown

DRAWN = "[photo] {} {{Draw one, too}}"
STORED = "[photo]"


def storage(chat: Conversation) -> Room:
    """Found the channel in which pictures for inline messages are stored."""
    return chat.telegram.channel("Storage", [chat.telegram.person("Owner")])


async def draws(person: Person, place: Place, prompt: str) -> dict[str, Any]:
    """Type a prompt after the bot's name, choose to draw it, and give the message."""
    query_id, offer = await person.inline(prompt)
    assert offer.results[0]["id"] == "draw"
    return person.choose(place, query_id, "draw")


def inline_lines(chat: Conversation, place: Place) -> list[str]:
    """List the inline messages of a chat, a line each."""
    posts = chat.telegram.world.chats[place if isinstance(place, int) else place.id].posts
    return [shown(post.message) for post in posts.values() if post.inline_id]


async def sees_inline(chat: Conversation, place: Place, *expected: str) -> None:
    """Wait until exactly these inline messages stand in a chat."""

    def stands() -> bool:
        lines = inline_lines(chat, place)
        return len(lines) == len(expected) and all(map(fnmatchcase, lines, escaped(expected)))

    try:
        await chat.telegram.until(stands)
    except TimeoutError:
        raise AssertionError(f"expected {expected}\nbut see {inline_lines(chat, place)}") from None
