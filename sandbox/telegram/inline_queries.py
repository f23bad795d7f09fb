"""Inline mode and guest mode: queries, what the bot offers, and the messages that come of it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from .chats import Chat, Post, User
from .errors import bad_request
from .schema import Json
from .text import cut

_KEPT = 10_000
QUERY_CHARS = 256
TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


@dataclass(frozen=True, slots=True)
class Offer:
    """The bot's answer to an inline query."""

    results: list[Json]
    next_offset: str = ""
    button: Json | None = None


class _Asked(NamedTuple):
    user: User
    query: str


class _Guest(NamedTuple):
    chat: Chat
    message: Json


class InlineQueries:
    """What was asked, and where the answers stand; `tell` queues an update for the bot."""

    def __init__(self, bot: User, tell: Callable[[str, Json], None]) -> None:
        self._bot = bot
        self._tell = tell
        self._ids = count(5_000_000_000_000_001)
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        self._offers: dict[str, Offer] = {}
        self._guests: OrderedDict[str, _Guest] = OrderedDict()
        self._places: dict[str, tuple[Chat, int]] = {}

    def ask(self, user: User, query: str, offset: str) -> str:
        """Let somebody type after the bot's name; tells the query's id."""
        if len(query) > QUERY_CHARS:
            raise ValueError(f"an inline query has at most {QUERY_CHARS} characters")
        query_id = str(next(self._ids))
        self._asked[query_id] = _Asked(user, query)
        if len(self._asked) > _KEPT:
            old, _ = self._asked.popitem(last=False)
            self._offers.pop(old, None)
        asked = {"id": query_id, "from": user.form(), "query": query, "offset": offset}
        self._tell("inline_query", asked | {"chat_type": "sender"})
        return query_id

    def answer(self, query_id: str, offer: Offer) -> None:
        """Answer a query, once; raises `ApiError`."""
        if query_id not in self._asked or query_id in self._offers:
            raise bad_request(TOO_OLD)
        self._offers[query_id] = offer

    def offer(self, query_id: str) -> Offer | None:
        """Give the bot's answer to a query, None while there is none."""
        return self._offers.get(query_id)

    def expire(self) -> None:
        """Let all queries grow too old to be answered."""
        self._asked.clear()
        self._guests.clear()

    def chosen(self, query_id: str, result_id: str) -> tuple[str, Json]:
        """Give the words of a query and one of the results offered for it."""
        for result in self._offers[query_id].results:
            if result["id"] == result_id:
                return self._asked[query_id].query, result
        raise LookupError(f"there is no result {result_id!r}")

    def new_message_id(self) -> str:
        """Give a fresh inline_message_id, as long as the real ones."""
        return f"AgAAA{next(self._ids):022d}"

    def stands(self, inline_id: str, chat: Chat, message_id: int) -> None:
        self._places[inline_id] = (chat, message_id)

    def at(self, inline_id: str) -> tuple[Chat, Post]:
        """Find an inline message; raises `ApiError`."""
        chat, message_id = self._places.get(inline_id, (None, 0))
        post = chat.posts.get(message_id) if chat else None
        if chat is None or post is None:
            raise bad_request("MESSAGE_ID_INVALID")
        return chat, post

    def overhear(self, chat: Chat, message: Json) -> None:
        """Hand the bot a message that names it in a group where it is no member."""
        if chat.type not in {"group", "supergroup"} or not _named(self._bot, message):
            return
        query_id = str(next(self._ids))
        self._guests[query_id] = _Guest(chat, message)
        if len(self._guests) > _KEPT:
            self._guests.popitem(last=False)
        self._tell("guest_message", message | {"guest_query_id": query_id})

    def guest(self, query_id: str) -> tuple[Chat, Json]:
        """Take the message that a guest query is about, once; raises `ApiError`."""
        if query_id not in self._guests:
            raise bad_request(TOO_OLD)
        return self._guests.pop(query_id)


def _named(bot: User, message: Json) -> bool:
    """Tell whether a message mentions the bot: a command or a reply is for bots that are there."""
    text = message.get("text") or message.get("caption") or ""
    entities = message.get("entities") or message.get("caption_entities") or ()
    mentions = (cut(text, entity) for entity in entities if entity["type"] == "mention")
    return f"@{bot.username}".lower() in (piece.lower() for piece in mentions)
