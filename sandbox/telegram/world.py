"""The world: one bot, its chats and all that happens in them."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from .changes import Changes
from .chats import (
    ANONYMOUS,
    CHANNEL_BOT,
    GENERAL_TOPIC,
    Chat,
    ChatType,
    Post,
    Standing,
    Topic,
    User,
)
from .errors import bad_request
from .faults import Faults
from .files import Files
from .flood_control import FloodControl
from .inline_queries import InlineQueries
from .privacy import may_see
from .schema import Json, bot_api
from .updates import Updates
from .webhook import Deliveries

_QUERIES = 10_000
_CALLS = 10_000
_CONTENT = {
    "text",
    "entities",
    "caption",
    "caption_entities",
    "photo",
    "document",
    "link_preview_options",
    "show_caption_above_media",
    "has_media_spoiler",
    "reply_markup",
}


@dataclass(frozen=True, slots=True)
class MethodCall:
    """A call of the bot, as it was answered; files are described, not kept."""

    method: str
    params: Json
    at: float
    status: int
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the bot says to the person who has pressed a button."""

    text: str | None = None
    show_alert: bool = False
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that is about to be sent."""

    author: User
    content: Json
    thread: int | None = None
    reply_to: int | None = None
    sender_chat: Chat | None = None
    extra: Json = field(default_factory=dict)
    inline_id: str | None = None


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """How a world behaves where the real one leaves a choice or would cost time."""

    validate: bool = True
    privacy: bool = True
    recompress: bool = True
    max_file_bytes: int = 512 * 1024 * 1024


class World:
    """The state; people and the bot change it, `changes` tells of each."""

    def __init__(self, bot: User, options: WorldOptions) -> None:
        self.bot = bot
        self.options = options
        self.schema = bot_api()
        self.changes = Changes()
        self.updates = Updates(self.changes)
        self.deliveries = Deliveries(self.updates)
        self.files = Files(options.max_file_bytes)
        self.faults = Faults(time.monotonic)
        self.flood_control: FloodControl | None = None  # tests would wait for it
        self.chats: dict[int, Chat] = {}
        self.usernames: dict[str, int] = {}
        self.persons: dict[int, User] = {}
        self.calls: deque[MethodCall] = deque(maxlen=_CALLS)
        self.violations: list[str] = []
        self.queries: OrderedDict[str, Answer | None] = OrderedDict()
        self.inline = InlineQueries(bot, self.tell)
        self.profile: Json = {}
        # Where a server that runs with --local keeps its files, and whether they are there.
        self.local: Path | None = None
        self.placed = True
        self._silent = False
        self._account_message_ids = count(1)  # private chats and basic groups share one counter
        self._chat_ids = count(1)
        self._person_ids = count(1001)
        self._album_ids = count(13_000_000_000_000_001)
        self._query_ids = count(4_000_000_000_000_001)

    def add_person(self, name: str, language: str | None, username: str | None) -> User:
        """Let a person register; his private chat with the bot exists from then on."""
        person_id = next(self._person_ids)
        user = User(person_id, name, username=username, language=language)
        self.persons[user.id] = user
        take = self._take_account_id
        chat = Chat(user.id, "private", name, take, username)
        self._settle(chat, [user])
        return user

    def add_chat(
        self, kind: ChatType, name: str, members: list[User], username: str | None
    ) -> Chat:
        """Found a group or channel; the first member owns it, a channel's others administer."""
        number = next(self._chat_ids)
        if kind == "group":
            chat = Chat(-4_000_000_000 - number, kind, name, self._take_account_id)
        else:
            own_ids = count(2)  # 1 was its creation, and is the General topic's id
            take = own_ids.__next__
            chat = Chat(-1_002_000_000_000 - number, kind, name, take, username)
        self._settle(chat, members)
        return chat

    def chat(self, reference: int | str) -> Chat:
        """Find a chat by id or `@username`; raises `ApiError`."""
        if isinstance(reference, str):
            reference = self.usernames.get(reference.removeprefix("@").lower(), 0)
        chat = self.chats.get(reference)
        if chat is None:
            raise bad_request("chat not found")
        return chat

    def new_album(self) -> str:
        return str(next(self._album_ids))

    def publish(self, chat: Chat, draft: Draft) -> Json:
        """Put a message into a chat and tell the bot if it may know."""
        message: Json = {"message_id": chat.take_id(), "date": int(time.time())}
        message |= {"chat": chat.form()} | _sender(chat, draft)
        message |= _place(chat, draft)
        message |= draft.content | draft.extra
        chat.keep(Post(message, draft.author.id, draft.inline_id))
        if "forum_topic_created" in draft.content:
            name = draft.content["forum_topic_created"]["name"]
            chat.topics[message["message_id"]] = Topic(message["message_id"], name)
        self._tell(chat, message, draft.author.id, edited=False)
        self.changes.notify()
        return message

    def edit(self, chat: Chat, post: Post, content: Json, author_id: int) -> Json:
        kept = {key: value for key, value in post.message.items() if key not in _CONTENT}
        message = kept | content | {"edit_date": int(time.time())}
        chat.keep(Post(message, post.author, post.inline_id))
        self._tell(chat, message, author_id, edited=True)
        self.changes.notify()
        return message

    def erase(self, chat: Chat, message_id: int) -> bool:
        """Delete a message; bots are not told. False when there is none."""
        gone = chat.forget(message_id)
        self.changes.notify()
        return gone

    def press(self, chat: Chat, message: Json, user: User, data: str) -> str:
        """Send the bot a callback query and give its id."""
        query_id = str(next(self._query_ids))
        self.queries[query_id] = None
        if len(self.queries) > _QUERIES:
            self.queries.popitem(last=False)
        query = {"id": query_id, "from": user.form(), "data": data}
        post = chat.posts.get(message["message_id"])
        if post is not None and post.inline_id is not None:
            query["inline_message_id"] = post.inline_id
        else:
            query["message"] = message
        self.tell("callback_query", query | {"chat_instance": str(abs(chat.id) * 7919)})
        return query_id

    def answer(self, query_id: str, answer: Answer) -> None:
        """Answer a callback query, once; raises `ApiError`."""
        if query_id not in self.queries or self.queries[query_id] is not None:
            raise bad_request(
                "query is too old and response timeout expired or query ID is invalid",
            )
        self.queries[query_id] = answer
        self.changes.notify()

    @contextmanager
    def without_updates(self) -> Iterator[None]:
        """Let things happen of which the bot hears nothing: they were before its time."""
        self._silent = True
        try:
            yield
        finally:
            self._silent = False

    def tell(self, kind: str, payload: Json) -> None:
        if self._silent:
            return
        update = self.updates.put(kind, payload)
        if update is not None and self.options.validate:
            self.violations += self.schema.check_update(update)

    def _tell(self, chat: Chat, message: Json, author_id: int, *, edited: bool) -> None:
        if author_id == self.bot.id:
            return
        if not chat.is_in(self.bot.id):
            if not edited:
                self.inline.overhear(chat, message)
            return
        if self.options.privacy and not may_see(self.bot, chat, message):
            return
        kind = "channel_post" if chat.type == "channel" else "message"
        self.tell(f"edited_{kind}" if edited else kind, message)

    def _take_account_id(self) -> int:
        return next(self._account_message_ids)

    def _settle(self, chat: Chat, members: list[User]) -> None:
        rest: Standing = "administrator" if chat.type == "channel" else "member"
        for index, user in enumerate(members):
            chat.join(user, "creator" if index == 0 and chat.type != "private" else rest)
        chat.join(self.bot, rest)
        self.chats[chat.id] = chat
        if chat.username:
            self.usernames[chat.username.lower()] = chat.id
        self.changes.notify()


def _sender(chat: Chat, draft: Draft) -> Json:
    if chat.type == "channel":
        return {"sender_chat": chat.form()}
    if draft.sender_chat is None:
        return {"from": draft.author.form()}
    face = ANONYMOUS if draft.sender_chat is chat else CHANNEL_BOT
    return {"from": face.form(), "sender_chat": draft.sender_chat.form()}


def _place(chat: Chat, draft: Draft) -> Json:
    """Say which thread a message is in and what it replies to (one level deep)."""
    replied = chat.posts[draft.reply_to].message if draft.reply_to in chat.posts else None
    thread = draft.thread
    if thread is None and replied is not None:
        thread = replied.get("message_thread_id")
    if not chat.is_forum:
        # A supergroup numbers its reply threads too, without saying is_topic_message.
        root = thread or (replied or {}).get("message_id")
        place = {"message_thread_id": root} if replied and chat.type == "supergroup" else {}
        return place | _quoted(replied)
    if thread in {None, GENERAL_TOPIC}:
        return _quoted(replied)
    if replied is None and thread in chat.posts:
        replied = chat.posts[thread].message  # clients reply to the topic's first message
    return {"message_thread_id": thread, "is_topic_message": True} | _quoted(replied)


def _quoted(replied: Json | None) -> Json:
    if replied is None:
        return {}
    inner = {key: value for key, value in replied.items() if key != "reply_to_message"}
    return {"reply_to_message": inner}
