"""A person: writes to the bot, presses its buttons, blocks it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from sandbox.waiting import PATIENCE, patient

from .chats import GENERAL_TOPIC, Chat, Place, Standing, User, direct_topic, id_of
from .files import Size, render, thumbnail
from .inline_queries import Offer
from .members import change
from .methods.inline import result_content
from .schema import Json
from .text import Formatted, with_found
from .world import Answer, Draft, World

TEXT_CHARS = 4096  # what a client sends as one message
_ALBUM = 10
_CAPTIONED = ("photo", "document", "voice", "audio", "video", "animation")

NamedFile = tuple[str, bytes, str]  # name, bytes, content type


class Person:
    """One person with an account; his `id` is also the id of his chat with the bot."""

    def __init__(self, world: World, user: User) -> None:
        self._world = world
        self.user = user
        self.id = user.id
        self.name = user.first_name

    def __repr__(self) -> str:
        return f"Person({self.name!r}, {self.id})"

    def send(
        self,
        chat: Place | None = None,
        text: str | None = None,
        *,
        photo: bytes | None = None,
        document: NamedFile | None = None,
        voice: bytes | None = None,
        album: Sequence[bytes] = (),
        documents: Sequence[NamedFile] = (),
        caption: str | None = None,
        caption_on: int = 0,
        reply_to: int | None = None,
        thread: int | None = None,
        entities: Sequence[Json] | None = None,
        as_chat: Place | None = None,
    ) -> list[Json]:
        """Send a text, a photo, a file or an album; without a chat, to the bot in private.

        `album` are photos, `documents` an album of files; the caption goes on one item of them.
        `as_chat` hides the person behind a chat: the group itself (an anonymous administrator)
        or one of his channels. Pictures are made into sizes on the spot: code that runs in an
        event loop with large ones prepares them first and uses `post`.
        """
        recompress = self._world.options.recompress
        pictures = [*([] if photo is None else [photo]), *album]
        files = [*([] if document is None else [document]), *documents]
        contents = [self.keep_photo(render(item, recompress=recompress)) for item in pictures]
        for file in files:
            small = thumbnail(file[1], file[2]) if recompress else None
            contents.append(self.keep_file(file, small))
        if voice is not None:
            contents.append(self.keep_voice(voice))
        if text is not None:
            contents.append(texted("text", text, entities))
        if caption is not None:
            contents[caption_on] |= texted("caption", caption, entities)
        where = self.id if chat is None else chat
        return self.post(where, contents, reply_to=reply_to, thread=thread, as_chat=as_chat)

    def post(
        self,
        chat: Place,
        contents: list[Json],
        *,
        reply_to: int | None = None,
        thread: int | None = None,
        as_chat: Place | None = None,
    ) -> list[Json]:
        """Send prepared contents; more than one is an album.

        Raises `LookupError` for a place that does not exist and `PermissionError` where this
        person may not write.
        """
        room = self._room(chat, thread, reply_to)
        if not contents:
            raise ValueError("there is nothing to send")
        if len(contents) > _ALBUM:
            raise ValueError(f"an album has at most {_ALBUM} items")
        extra: Json = {"media_group_id": self._world.new_album()} if len(contents) > 1 else {}
        if room.is_direct:
            extra |= self._direct(room, reply_to)
        behind = None if as_chat is None else self._world.chats[id_of(as_chat)]
        where = None if thread == GENERAL_TOPIC else thread
        return [
            self._world.publish(room, Draft(self.user, content, where, reply_to, behind, extra))
            for content in contents
        ]

    def write(self, text: str, chat: Place | None = None, **how: Any) -> list[Json]:  # noqa: ANN401 - as `send` takes it
        """Send a text of any length as clients do: what is too long in several messages."""
        parts = []
        while text:
            part = text[:TEXT_CHARS]
            cut = max(part.rfind(" "), part.rfind("\n")) if len(text) > TEXT_CHARS else -1
            part = part[:cut] if cut > TEXT_CHARS // 2 else part
            parts.append(part.strip())
            text = text[len(part) :]
        return [message for part in parts for message in self.send(chat, part, **how)]

    def forward(
        self, photos: Sequence[bytes], chat: Place | None = None, comment: str | None = None
    ) -> list[Json]:
        """Forward photos of somebody else; a comment comes first, as a message of its own."""
        said = [] if comment is None else self.send(chat, comment)
        recompress = self._world.options.recompress
        origin = {"type": "hidden_user", "sender_user_name": "Somebody", "date": 1_700_000_000}
        contents = [
            self.keep_photo(render(photo, recompress=recompress)) | {"forward_origin": origin}
            for photo in photos
        ]
        return [*said, *self.post(self.id if chat is None else chat, contents)]

    def forward_text(self, text: str, chat: Place | None = None) -> list[Json]:
        """Forward what somebody else wrote."""
        origin = {"type": "hidden_user", "sender_user_name": "Somebody", "date": 1_700_000_000}
        content = texted("text", text) | {"forward_origin": origin}
        return self.post(self.id if chat is None else chat, [content])

    def keep_photo(self, sizes: list[Size]) -> Json:
        """Keep a photo made by `render`."""
        return self._world.files.keep_photo(sizes)

    def keep_file(self, file: NamedFile, small: Size | None) -> Json:
        """Keep a file as it is, with the thumbnail that `thumbnail` has made."""
        name, data, mime = file
        return self._world.files.keep_document(data, name, mime, small)

    def keep_voice(self, data: bytes, seconds: int = 3) -> Json:
        """Keep a voice message of so many seconds."""
        return self._world.files.keep_voice(data, seconds)

    def edit(
        self, chat: Place, message_id: int, text: str, *, entities: Sequence[Json] | None = None
    ) -> Json:
        room = self._world.chats[id_of(chat)]
        post = room.posts[message_id]
        if post.author != self.id:
            raise PermissionError(f"{self.name} did not write message {message_id}")
        content = {key: post.message[key] for key in _CAPTIONED if key in post.message}
        kind = "caption" if content else "text"
        return self._world.edit(room, post, content | texted(kind, text, entities), self.id)

    def delete(self, chat: Place, message_id: int) -> None:
        """Delete a message for everybody; the bot is not told."""
        room = self._world.chats[id_of(chat)]
        post = room.posts[message_id]
        if post.author != self.id and room.type != "private" and not room.may_administer(self.id):
            raise PermissionError(f"{self.name} may not delete message {message_id}")
        self._world.erase(room, message_id)

    def block(self) -> None:
        self._let("kicked")

    def unblock(self) -> None:
        self._let("member")

    async def press(
        self,
        chat: Place,
        message_id: int,
        button: str,
        timeout: float = PATIENCE,  # noqa: ASYNC109 - a test's row names its patience
    ) -> Answer:
        """Press a button, by its label or its data, and wait for the bot's answer.

        Raises `LookupError` when there is no such button, `TimeoutError` without an answer.
        """
        query_id = self.press_only(chat, message_id, button)
        try:
            async with patient(timeout):
                while (answer := self._world.queries.get(query_id)) is None:
                    await self._world.changes.wait(None)
                    await asyncio.sleep(0)
        except TimeoutError as exc:
            raise TimeoutError(f"the bot has not answered the press of {button!r}") from exc
        return answer

    def press_only(self, chat: Place, message_id: int, button: str, *, forged: bool = False) -> str:
        """Press a button without waiting and give the query's id.

        `forged` sends data that no button has, as a changed client can.
        """
        room = self._world.chats[id_of(chat)]
        message = room.posts[message_id].message
        data = button if forged else _data(message, button)
        return self._world.press(room, message, self.user, data)

    def ask_inline(self, query: str, offset: str = "") -> str:
        """Type something after the bot's name, in whatever chat, and give the query's id."""
        return self._world.inline.ask(self.user, query, offset)

    async def inline(
        self,
        query: str,
        offset: str = "",
        timeout: float = PATIENCE,  # noqa: ASYNC109 - a test's row names its patience
    ) -> tuple[str, Offer]:
        """Type something after the bot's name and wait for what the bot offers.

        Gives the query's id, too. Raises `TimeoutError` without an answer.
        """
        query_id = self.ask_inline(query, offset)
        try:
            async with patient(timeout):
                while (offer := self._world.inline.offer(query_id)) is None:
                    await self._world.changes.wait(None)
                    await asyncio.sleep(0)
        except TimeoutError as exc:
            raise TimeoutError(f"the bot has not answered the inline query {query!r}") from exc
        return query_id, offer

    def choose(
        self,
        chat: Place,
        query_id: str,
        result_id: str,
        *,
        thread: int | None = None,
        feedback: bool = True,
    ) -> Json:
        """Send one of the results; `feedback` is BotFather's /setinlinefeedback."""
        room = self._room(chat, thread, None)
        world = self._world
        query, result = world.inline.chosen(query_id, result_id)
        content = result_content(world, result)
        # Only a message with a keyboard can be named by the bot later.
        inline_id = world.inline.new_message_id() if "reply_markup" in content else None
        where = None if thread == GENERAL_TOPIC else thread
        extra = {"via_bot": world.bot.form()}
        draft = Draft(self.user, content, where, extra=extra, inline_id=inline_id)
        message = world.publish(room, draft)
        chosen = {"result_id": result_id, "from": self.user.form(), "query": query}
        if inline_id is not None:
            world.inline.stands(inline_id, room, message["message_id"])
            chosen["inline_message_id"] = inline_id
        if feedback:
            world.tell("chosen_inline_result", chosen)
        return message

    def _room(self, chat: Place, thread: int | None, reply_to: int | None) -> Chat:
        room = self._world.chats.get(id_of(chat))
        if room is None:
            raise LookupError("there is no such chat")
        if not room.is_in(self.id):
            raise PermissionError(f"{self.name} is not a member of {room.name}")
        if room.type == "channel" and not room.may_administer(self.id):
            raise PermissionError(f"{self.name} may not post in {room.name}")
        if room.migrated_to is not None:
            raise PermissionError(f"{room.name} has become a supergroup")
        if reply_to is not None and reply_to not in room.posts:
            raise LookupError(f"there is no message {reply_to} to reply to")
        if thread not in {None, GENERAL_TOPIC, *room.topics}:
            raise LookupError(f"there is no topic {thread}")
        return room

    def _direct(self, room: Chat, reply_to: int | None) -> Json:
        """Name the topic that is written into: one's own, and an administrator replies into it."""
        replied = room.posts[reply_to].message if reply_to in room.posts else {}
        there = replied.get("direct_messages_topic")
        return {"direct_messages_topic": there} if there else direct_topic(self.user)

    def _let(self, new: Standing) -> None:
        chat = self._world.chats[self.id]
        old = chat.standing(self._world.bot.id)
        chat.join(self._world.bot, new)
        self._world.tell("my_chat_member", change(chat, self.user, self._world.bot, old, new))


def texted(kind: str, text: str, entities: Sequence[Json] | None = None) -> Json:
    """Make a text or caption as a client does; raises `ValueError` for more than one message."""
    if not text.strip():
        raise ValueError("an empty text cannot be sent")
    if len(text) > TEXT_CHARS:
        raise ValueError(f"a text has at most {TEXT_CHARS} characters")
    formatted = with_found(Formatted(text, tuple(entities or ())))
    name = "entities" if kind == "text" else "caption_entities"
    return {kind: text} | ({name: list(formatted.entities)} if formatted.entities else {})


def _data(message: Json, button: str) -> str:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    keys = [key for row in rows for key in row]
    for key in keys:
        if button in {key["text"], key.get("callback_data")} and "callback_data" in key:
            data: str = key["callback_data"]
            return data
    labels = [key["text"] for key in keys]
    raise LookupError(f"message {message['message_id']} has no button {button!r}, only {labels}")
