"""The bench's Telegram: private chats, long polling, messages and pictures, as much as is needed."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any
from urllib.parse import parse_qsl

from bench.http import Request
from bench.meter import Meter
from bench.noise import bytes_of, photo_of, side

# Anything: JSON of the Bot API, as it is described there.
Json = dict[str, Any]

ME = {"id": 110201543, "is_bot": True, "first_name": "Bench", "username": "bench_bot"}
RIGHTS = {"can_join_groups": True, "can_read_all_group_messages": False}
MOST_UPDATES = 100
FRONT = 64 * 1024  # of a form; a file comes last in it
_PNG = b"\r\n\r\n\x89PNG"
_FIELD = re.compile(rb'name="(\w+)"\r\n(?:[^\r\n]+\r\n)*\r\n([^\r]*)')
_NAME = re.compile(rb"Comment\0(prompt-\d+-\d+);")
_UPLOADS = frozenset({"sendPhoto", "sendDocument", "editMessageMedia"})


@dataclass(eq=False)
class Telegram:
    """Chats by the ids of those who write in them; pictures are of `size` bytes.

    `pictures` holds the messages of the bot's that are pictures, by chat.
    """

    meter: Meter
    token: str
    size: int
    pictures: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    _chats: dict[str, int] = field(default_factory=dict)  # by the prompt that was said there
    _messages: dict[int, Json] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _updates: list[tuple[int, str, Json]] = field(default_factory=list)
    _update_ids: count[int] = field(default_factory=lambda: count(1000))
    _poll: tuple[Request, asyncio.TimerHandle] | None = None

    def say(
        self, person: int, prompt: str, *, photo: bool = False, group: int | None = None
    ) -> None:
        """Write a prompt to the bot, under a photo if there is to be one, or to it in a group."""
        chat = person if group is None else group
        self._chats[prompt] = chat
        message = self._message(chat, _user(person))
        if photo:
            message |= {"photo": self._sizes(f"photo-of-{prompt}"), "caption": prompt}
        elif group is not None:
            named = f"@{ME['username']}"
            message["text"] = f"{named} {prompt}"
            message["entities"] = [{"type": "mention", "offset": 0, "length": len(named)}]
        else:
            message["text"] = prompt
        self._messages[message["message_id"]] = message
        number = next(self._update_ids)
        self._updates.append((number, prompt, {"update_id": number, "message": message}))
        if self._poll:
            asyncio.get_running_loop().call_soon(self._hand_out)

    def forget(self, but: int) -> None:
        """Forget the oldest messages and prompts, but so many: nobody asks for them any more."""
        everything: list[dict[Any, Any]] = [self._messages, self._chats, self.pictures]
        for kept in everything:
            for key in list(islice(kept, max(0, len(kept) - but))):
                del kept[key]

    @property
    def unconfirmed(self) -> int:
        """How many updates the bot has not confirmed, at its last poll."""
        return len(self._updates)

    def __call__(self, request: Request) -> None:
        _, _, method = request.path.partition(f"/bot{self.token}/")
        if request.path.startswith(f"/file/bot{self.token}/"):
            self._give_file(request)
        elif method == "getUpdates":
            self._hold(request, _fields(request)[0])
        else:
            self._answer(request, method)

    def _answer(self, request: Request, method: str) -> None:
        self.meter.methods[method] += 1
        fields, file_at = _fields(request)
        result: Json | bool
        if method in _UPLOADS:
            result = self._take_picture(request, method, fields, file_at)
        else:
            self.meter.last_call_at = time.perf_counter()
            result = self._small(method, fields)
        request.reply(json.dumps({"ok": True, "result": result}).encode())

    def _small(self, method: str, fields: Json) -> Json | bool:
        known: dict[str, Callable[[Json], Json]] = {
            "getMe": lambda _: ME | RIGHTS,
            "getChatMember": lambda _: {"status": "member", "user": ME},
            "getFile": _file,
            "sendMessage": self._sent,
            "editMessageText": lambda fields: self._marked(
                self._edited(fields) | {"text": fields["text"]}, fields
            ),
            "editMessageReplyMarkup": lambda fields: self._marked(self._edited(fields), fields),
        }
        return known[method](fields) if method in known else True

    def _sent(self, fields: Json) -> Json:
        message = self._message(int(fields["chat_id"]), ME) | {"text": fields["text"]}
        answered = json.loads(fields.get("reply_parameters", "{}")).get("message_id")
        if answered in self._messages:
            message["reply_to_message"] = self._messages[answered]
        return self._marked(message, fields)

    def _take_picture(self, request: Request, method: str, fields: Json, file_at: int) -> Json:
        chat, kind = int(fields["chat_id"]), "photo" if method == "sendPhoto" else "document"
        if method == "editMessageMedia":
            kind = json.loads(fields["media"])["type"]
            message = self._edited(fields)
            message.pop("text", None)
        else:
            message = self._message(chat, ME)
        self.pictures[chat].add(message["message_id"])
        name = self._weigh(request, chat, file_at)
        sizes = self._sizes(name)
        message[kind] = sizes if kind == "photo" else sizes[-1] | {"file_name": "a.png"}
        return self._marked(message, fields)

    def _weigh(self, request: Request, chat: int, file_at: int) -> str:
        """Compare a picture with what was drawn, bit by bit; tells the prompt that it was drawn for."""
        found = _NAME.search(request.body[file_at : file_at + 200])
        name = found[1].decode() if found else ""
        times = self.meter.by_prompt.get(name)
        if found is None or times is None:
            self.meter.stray += 1
            return ""
        start, rest = bytes_of(self.size, name)
        middle = file_at + len(start)
        right = (
            request.body[file_at:middle] == start
            and request.body[middle : middle + len(rest)] == rest
            and chat == self._chats[name]
        )
        times.right, times.wrong = times.right + right, times.wrong + (not right)
        times.uploaded = request.arrived
        times.delivered.set()
        return name

    def _give_file(self, request: Request) -> None:
        name = request.path.rpartition("/")[2]
        request.reply(*photo_of(self.size, name))

    def _hold(self, request: Request, fields: Json) -> None:
        self.meter.polled.set()
        self._drop_poll()
        offset = int(fields.get("offset", 0))
        self._updates = [update for update in self._updates if update[0] >= offset]
        if self._updates or not int(fields.get("timeout", 0)):
            self._send_updates(request)
            return
        loop = asyncio.get_running_loop()
        timer = loop.call_later(int(fields["timeout"]), self._hand_out)
        self._poll = request, timer

    def _hand_out(self) -> None:
        if self._poll:
            request = self._poll[0]
            self._drop_poll()
            self._send_updates(request)

    def _drop_poll(self) -> None:
        if self._poll:
            self._poll[1].cancel()
            self._poll = None

    def _send_updates(self, request: Request) -> None:
        now = self._updates[:MOST_UPDATES]
        request.reply(json.dumps({"ok": True, "result": [update for _, _, update in now]}).encode())
        at = time.perf_counter()
        for _, prompt, _ in now:
            if times := self.meter.by_prompt.get(prompt):
                times.handed_out = times.handed_out or at

    def _message(self, chat: int, author: Json) -> Json:
        private, group = {"first_name": f"P{chat}"}, {"title": f"G{chat}"}
        kind = {"type": "private", **private} if chat > 0 else {"type": "supergroup", **group}
        number = next(self._numbers)
        return {
            "message_id": number,
            "date": int(time.time()),
            "chat": {"id": chat} | kind,
            "from": author,
        }

    def _edited(self, fields: Json) -> Json:
        message = self._messages.get(int(fields["message_id"]), {})
        return message | {"edit_date": int(time.time())}

    def _marked(self, message: Json, fields: Json) -> Json:
        if "reply_markup" in fields:
            message["reply_markup"] = json.loads(fields["reply_markup"])
        self._messages[message["message_id"]] = message
        return message

    def _sizes(self, name: str) -> list[Json]:
        """List a photo in three sizes, as Telegram does; the largest is the one that was sent."""
        made = [(320, f"s-{name}", 20_000), (800, f"m-{name}", 90_000)]
        sizes = [*made, (side(self.size), name, self.size)]
        return [
            {
                "file_id": file_id,
                "file_unique_id": f"u{file_id}",
                "width": width,
                "height": width,
                "file_size": size,
            }
            for width, file_id, size in sizes
        ]


def _user(person: int) -> Json:
    return {"id": person, "is_bot": False, "first_name": f"P{person}", "language_code": "en"}


def _file(fields: Json) -> Json:
    name = fields["file_id"]
    return {"file_id": name, "file_unique_id": f"u{name}", "file_path": name}


def _fields(request: Request) -> tuple[Json, int]:
    """Read a request's fields, and where in its body a file begins: at its end, if there is none."""
    if request.query:
        return dict(parse_qsl(request.query)), len(request.body)
    if b"multipart/form-data" not in request.head:
        return dict(parse_qsl(bytes(request.body).decode())), len(request.body)
    front = bytes(request.body[:FRONT])
    file_at = front.find(_PNG)
    fields = {name.decode(): text.decode() for name, text in _FIELD.findall(front[:file_at])}
    return fields, file_at + len(_PNG) - 4 if file_at >= 0 else len(request.body)
