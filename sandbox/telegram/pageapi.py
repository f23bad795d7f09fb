"""The chat page's HTTP interface: people act through it and look at their chats."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import islice

from starlette.datastructures import FormData, UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .chats import GENERAL_TOPIC, Chat, Post
from .connection import Dropped, until_gone
from .errors import ApiError
from .files import render, sniff, thumbnail
from .person import Person, texted
from .room import Room, bot_role
from .schema import Json
from .world import World

Handler = Callable[["Request"], Awaitable[Response]]

_SHOWN = 200  # messages of a chat
_POLL = 20.0  # seconds
_PATIENCE = 10.0  # seconds for the bot to answer a press
_TICK = 1.0  # seconds; chat actions fade without any change of the world
_FILES = 10


class PageApi:
    """Routes under `/sandbox/api`; a mistake of the caller is answered 400 with `error`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        get = partial(_route, "GET")
        post = partial(_route, "POST")
        return [
            get("world", self._show_world),
            get("chat/{chat_id:int}", self._show_chat),
            get("chat/-{chat_id:int}", self._show_group),
            get("file/{file_id}", self._file),
            post("send", self._send),
            post("edit", self._edit),
            post("press", self._press),
            post("inline", self._inline),
            post("choose", self._choose),
            post("delete", self._delete),
            post("bot_role", self._bot_role),
            post("person", self._person),
        ]

    async def _show_world(self, _: Request) -> Response:
        bot = self._world.bot
        about = {"id": bot.id, "username": bot.username, "first_name": bot.first_name}
        persons = [
            {"id": user.id, "name": user.first_name, "language": user.language}
            for user in self._world.persons.values()
        ]
        chats = [
            _chat(chat, bot.id) for chat in self._world.chats.values() if chat.migrated_to is None
        ]
        return JSONResponse({"bot": about, "persons": persons, "chats": chats})

    async def _show_chat(self, request: Request) -> Response:
        return await self._shown(request, request.path_params["chat_id"])

    async def _show_group(self, request: Request) -> Response:
        return await self._shown(request, -request.path_params["chat_id"])

    async def _shown(self, request: Request, chat_id: int) -> Response:
        chat = self._world.chats[chat_id]
        since = request.query_params.get("since")
        if since is not None:
            await until_gone(request, self._change(chat, int(since)), _POLL)
        return JSONResponse(
            {
                "version": _version(chat),
                "messages": [self._message(post) for post in _last(chat)],
                "actions": chat.visible_actions(),
            },
        )

    async def _change(self, chat: Chat, since: int) -> None:
        while _version(chat) == since and not self._world.updates.closed:
            await self._world.changes.wait(_TICK)

    def _message(self, post: Post) -> Json:
        more = {"from_bot": post.author == self._world.bot.id, "forces": post.forces}
        return post.message | more

    async def _file(self, request: Request) -> Response:
        stored = self._world.files.find(request.path_params["file_id"])
        if stored is None:
            raise LookupError("there is no such file")
        # Nothing that a person has sent may run as a page of ours.
        headers = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}
        return Response(stored.data, media_type=sniff(stored.data), headers=headers)

    async def _send(self, request: Request) -> Response:
        async with request.form(max_files=_FILES) as form:
            person = self._who(form.get("person"))
            contents = await self._contents(person, form)
            messages = person.post(
                int(str(form["chat"])),
                contents,
                reply_to=_number(form.get("reply_to")),
                thread=_number(form.get("thread")),
                as_chat=_number(form.get("as_chat")),
            )
        return JSONResponse({"messages": messages})

    async def _contents(self, person: Person, form: FormData) -> list[Json]:
        text = str(form.get("text", ""))
        files = [file for file in form.getlist("files") if isinstance(file, UploadFile)]
        as_photo = str(form.get("as", "photo")) != "file"
        contents = [await self._kept(person, file, as_photo=as_photo) for file in files]
        if not contents:
            return [texted("text", text)]
        if text.strip():
            contents[0] |= texted("caption", text)
        return contents

    async def _kept(self, person: Person, file: UploadFile, *, as_photo: bool) -> Json:
        """Keep a file, the slow part of it off the event loop."""
        data = await file.read()
        recompress = self._world.options.recompress
        if (file.content_type or "").startswith("audio/"):
            return person.keep_voice(data)
        if as_photo:
            return person.keep_photo(await asyncio.to_thread(render, data, recompress=recompress))
        mime = file.content_type or sniff(data)
        small = await asyncio.to_thread(thumbnail, data, mime) if recompress else None
        return person.keep_file((file.filename or "file", data, mime), small)

    async def _edit(self, request: Request) -> Response:
        asked = await request.json()
        text = str(asked["text"]).strip()
        if not text:
            raise ValueError("a message needs words")
        message = self._who(asked["person"]).edit(
            int(asked["chat"]), int(asked["message_id"]), text
        )
        return JSONResponse({"message": message})

    async def _press(self, request: Request) -> Response:
        asked = await request.json()
        person = self._who(asked["person"])
        try:
            answer = await person.press(
                int(asked["chat"]), int(asked["message_id"]), str(asked["data"]), _PATIENCE
            )
        except TimeoutError:
            return JSONResponse({"error": "the bot has not answered"}, 504)
        return JSONResponse({"text": answer.text, "show_alert": answer.show_alert})

    async def _inline(self, request: Request) -> Response:
        asked = await request.json()
        person = self._who(asked["person"])
        query, offset = str(asked["query"]), str(asked.get("offset", ""))
        try:
            query_id, offer = await person.inline(query, offset, _PATIENCE)
        except TimeoutError:
            return JSONResponse({"error": "the bot has not answered"}, 504)
        return JSONResponse(
            {
                "query_id": query_id,
                "results": offer.results,
                "next_offset": offer.next_offset,
                "button": offer.button,
            }
        )

    async def _choose(self, request: Request) -> Response:
        asked = await request.json()
        message = self._who(asked["person"]).choose(
            int(asked["chat"]),
            str(asked["query_id"]),
            str(asked["result_id"]),
            thread=_number(asked.get("thread")),
        )
        return JSONResponse({"message": message})

    async def _delete(self, request: Request) -> Response:
        asked = await request.json()
        self._who(asked["person"]).delete(int(asked["chat"]), int(asked["message_id"]))
        return JSONResponse({})

    async def _bot_role(self, request: Request) -> Response:
        asked = await request.json()
        person, chat = self._who(asked["person"]), self._world.chats[int(asked["chat"])]
        if not chat.may_administer(person.id):
            raise PermissionError(f"{person.name} does not administer {chat.name}")
        room = Room(self._world, chat)
        room.set_bot_role(str(asked["bot_role"]))
        return JSONResponse({"bot_role": room.bot_role})

    async def _person(self, request: Request) -> Response:
        asked = await request.json()
        name = str(asked["name"]).strip()
        if not name:
            raise ValueError("a person needs a name")
        language = str(asked.get("language") or "en")
        user = self._world.add_person(name, language, None)
        for chat in self._world.chats.values():
            if chat.type in {"group", "supergroup"} and chat.migrated_to is None:
                chat.join(user)  # whoever opens the page takes part in its groups
        return JSONResponse({"id": user.id, "name": name, "language": language})

    def _who(self, person_id: object) -> Person:
        user = self._world.persons.get(int(str(person_id)))
        if user is None:
            raise LookupError("there is no such person")
        return Person(self._world, user)


def _route(verb: str, path: str, handler: Handler) -> Route:
    async def guarded(request: Request) -> Response:
        try:
            return await handler(request)
        except ClientDisconnect:
            return Dropped()
        except KeyError as error:
            return JSONResponse({"error": f"there is no {error.args[0]}"}, 400)
        except ApiError as error:
            return JSONResponse({"error": error.description}, 400)
        except (LookupError, PermissionError, TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return Route(f"/sandbox/api/{path}", guarded, methods=[verb])


def _chat(chat: Chat, bot_id: int) -> Json:
    topics = [{"id": topic.id, "name": topic.name} for topic in chat.topics.values()]
    general = [{"id": GENERAL_TOPIC, "name": "General"}] if chat.is_forum else []
    members = [user_id for user_id in chat.users if chat.is_in(user_id)]
    return {
        "id": chat.id,
        "type": chat.type,
        "title": chat.name,
        "direct": chat.is_direct,
        "bot_role": bot_role(chat, bot_id),
        "admins": [user_id for user_id in members if chat.may_administer(user_id)],
        "members": members,
        "topics": general + topics,
    }


def _last(chat: Chat) -> list[Post]:
    return list(islice(reversed(chat.posts.values()), _SHOWN))[::-1]


def _version(chat: Chat) -> int:
    # Actions fade by time alone: their number is part of what is seen.
    return chat.version * 16 + len(chat.visible_actions())


def _number(value: object) -> int | None:
    return int(str(value)) if value else None
