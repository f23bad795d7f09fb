"""The bare floor: the smallest honest relay from Telegram to a gateway and back.

Long poll, one call, one upload; no framework, no database, no status message, no second try. What
it costs is what moving the bytes costs; everything above is ours. So it moves them as cheaply as
Python can: decoded while they come, sent without a copy.
"""

from __future__ import annotations

import asyncio
import binascii
import json
import os
import re
import sys
import time
from typing import Any, cast
from urllib.parse import urlsplit

import pybase64
import uvloop

# Anything: JSON of a server that we started ourselves, read where it stands.
Json = dict[str, Any]

IDLE = 20.0  # seconds; the servers keep what is idle for longer
PHOTO_BYTES = 10 * 1024 * 1024
GROUP = 4  # characters of base64 that are three bytes
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_MARK, _END = b";base64,", re.compile(rb'[)"]')


class Body:
    """The body of an answer: kept as it is."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def take(self, data: bytes) -> None:
        """Take what came."""
        self.pieces.append(data)


class Picture(Body):
    """The body of an answer: the picture in it is decoded as it comes, the rest is left out."""

    def __init__(self) -> None:
        super().__init__()
        self._rest: bytes = b""
        self._begun = self._ended = False

    def take(self, data: bytes) -> None:
        """Take what came."""
        data = self._rest + data if self._rest else data
        if not self._begun:
            at = data.find(_MARK)
            self._begun = at >= 0
            data = data[at + len(_MARK) :] if self._begun else data
        if self._begun and not self._ended:
            whole = len(data) - len(data) % GROUP
            self._decode(memoryview(data)[:whole])
            data = data[whole:]
        self._rest = b"" if self._ended else data

    def _decode(self, base64: memoryview) -> None:
        try:
            self.pieces.append(pybase64.b64decode(base64, validate=True))
        except binascii.Error:
            end = _END.search(base64)
            if end is None:
                raise
            self._ended = True
            self.pieces.append(pybase64.b64decode(base64[: end.start()], validate=True))


class Line(asyncio.Protocol):
    """A kept connection: one exchange at a time."""

    def __init__(self) -> None:
        self.closed, self.since = False, 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if not self.answered.done():
            self.answered.set_exception(exc or ConnectionResetError())

    def exchange(self, request: list[bytes], body: Body) -> asyncio.Future[None]:
        """Send a request; its answer is in the body when the future is done."""
        self._head, self._left, self._body = b"", -1, body
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.writelines(request)
        return self.answered

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            self._head, end, data = (self._head + data).partition(b"\r\n\r\n")
            if not end:
                return
            found = _LENGTH.search(self._head)
            self._left = int(found[1]) if found else 0
        self._left -= len(data)
        self._body.take(data)
        if not self._left:
            self.since = time.monotonic()
            if self._head.startswith(b"HTTP/1.1 200"):
                self.answered.set_result(None)
            else:
                self.answered.set_exception(RuntimeError(self._head.partition(b"\r\n")[0]))


class Http:
    """HTTP/1.1 to one host, over kept connections; only what the bench's servers speak."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.path = parts.path
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._idle: list[Line] = []

    async def post(self, path: str, head: str, body: list[bytes], answer: Body) -> list[bytes]:
        """Send a body and give the answer's; raises RuntimeError unless it is 200."""
        first = (
            f"POST {self.path}{path} HTTP/1.1\r\nhost: {self._host}\r\n{head}"
            f"content-length: {sum(map(len, body))}\r\n\r\n"
        )
        return await self._exchange([first.encode(), *body], answer)

    async def get(self, path: str) -> bytes:
        """Fetch a body."""
        head = f"GET {self.path}{path} HTTP/1.1\r\nhost: {self._host}\r\n\r\n"
        return b"".join(await self._exchange([head.encode()], Body()))

    async def _exchange(self, request: list[bytes], answer: Body) -> list[bytes]:
        line = await self._line()
        await line.exchange(request, answer)
        self._idle.append(line)
        return answer.pieces

    async def _line(self) -> Line:
        while self._idle:
            line = self._idle.pop()
            if time.monotonic() - line.since < IDLE and not line.closed:
                return line
            line.transport.close()
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(Line, self._host, self._port))[1]


async def relay(telegram: Http, files: Http, gateway: Http, key: str, message: Json) -> None:
    """Have one message drawn and send the picture."""
    words = json.dumps(message.get("text") or message.get("caption"))
    content = [f'[{{"type":"text","text":{words}}}'.encode()]
    for size in message.get("photo", ())[-1:]:
        found = json.loads(await telegram.get(f"/getFile?file_id={size['file_id']}"))
        photo = await files.get(f"/{found['result']['file_path']}")
        url = b',{"type":"image_url","image_url":{"url":"data:image/jpeg;base64,'
        content += [url, pybase64.b64encode(photo), b'"}}']
    before = b'{"model":"gemini-2.5-flash-image","messages":[{"role":"user","content":'
    picture = await gateway.post(
        "/chat/completions",
        f"authorization: Bearer {key}\r\ncontent-type: application/json\r\n",
        [before, *content, b"]}]}"],
        Picture(),
    )
    await upload(telegram, message["chat"]["id"], picture)


async def upload(telegram: Http, chat: int, picture: list[bytes]) -> None:
    """Send a picture, as a file where it is too large for a photo."""
    kind = "photo" if sum(map(len, picture)) <= PHOTO_BYTES else "document"
    fields = (
        f'--floor\r\ncontent-disposition: form-data; name="chat_id"\r\n\r\n{chat}\r\n'
        f'--floor\r\ncontent-disposition: form-data; name="{kind}"; filename="a.png"\r\n'
        "content-type: image/png\r\n\r\n"
    )
    await telegram.post(
        f"/send{kind.title()}",
        "content-type: multipart/form-data; boundary=floor\r\n",
        [fields.encode(), *picture, b"\r\n--floor--\r\n"],
        Body(),
    )


async def main(telegram_url: str, gateway_url: str, token: str, key: str) -> None:
    """Relay until the process is ended."""
    telegram, poll = Http(f"{telegram_url}/bot{token}"), Http(f"{telegram_url}/bot{token}")
    files, gateway = Http(f"{telegram_url}/file/bot{token}"), Http(gateway_url)
    offset = 0
    async with asyncio.TaskGroup() as group:
        while True:
            updates = json.loads(await poll.get(f"/getUpdates?timeout=50&offset={offset}"))
            for update in updates["result"]:
                offset = update["update_id"] + 1
                if "message" in update:
                    group.create_task(relay(telegram, files, gateway, key, update["message"]))


if __name__ == "__main__":
    token, key = os.environ["TELEGRAM_BOT_TOKEN"], os.environ["GATEWAY_API_KEY"]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sys.argv[1], sys.argv[2], token, key))
