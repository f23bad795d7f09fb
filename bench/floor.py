"""The floor: the smallest honest relay from Telegram to a gateway and back.

Long poll, one call, one upload; no framework, no database, no status message, no second try. What
it costs is what moving the bytes costs; everything above is ours.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from urllib.parse import urlsplit

import pybase64
import uvloop

# Anything: JSON of a server that we started ourselves, read where it stands.
Json = dict  # type: ignore[type-arg]

PIECE = 1 << 20
IDLE = 20.0  # seconds; the servers keep what is idle for longer
PHOTO_BYTES = 10 * 1024 * 1024
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter, float]


class Http:
    """HTTP/1.1 to one host, over kept connections; only what the bench's servers speak."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.path = parts.path
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._idle: list[Line] = []

    async def post(self, path: str, head: str, *body: bytes) -> bytes:
        """Send a body and give the answer's; raises RuntimeError unless it is 200."""
        length = sum(map(len, body))
        return await self._exchange(
            f"POST {self.path}{path} HTTP/1.1\r\nhost: {self._host}\r\n{head}"
            f"content-length: {length}\r\n\r\n",
            *body,
        )

    async def get(self, path: str) -> bytes:
        """Fetch a body."""
        return await self._exchange(f"GET {self.path}{path} HTTP/1.1\r\nhost: {self._host}\r\n\r\n")

    async def _exchange(self, head: str, *body: bytes) -> bytes:
        reader, writer = await self._line()
        writer.write(head.encode())
        for piece in body:
            writer.write(piece)
        await writer.drain()
        answer = await reader.readuntil(b"\r\n\r\n")
        found = _LENGTH.search(answer)
        left = int(found[1]) if found else 0
        pieces: list[bytes] = []
        while left:
            pieces.append(await reader.read(min(left, PIECE)))
            left -= len(pieces[-1])
        self._idle.append((reader, writer, time.monotonic()))
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer.partition(b"\r\n")[0])
        return b"".join(pieces)

    async def _line(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer, since = self._idle.pop()
            if time.monotonic() - since < IDLE and not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port, limit=PIECE)


async def relay(telegram: Http, files: Http, gateway: Http, key: str, message: Json) -> None:
    """Have one message drawn and send the picture."""
    words = json.dumps(message.get("text") or message.get("caption"))
    content = [f'[{{"type":"text","text":{words}}}'.encode()]
    for size in message.get("photo", ())[-1:]:
        found = json.loads(await telegram.get(f"/getFile?file_id={size['file_id']}"))
        photo = await files.get(f"/{found['result']['file_path']}")
        url = b',{"type":"image_url","image_url":{"url":"data:image/png;base64,'
        content += [url, pybase64.b64encode(photo), b'"}}']
    answer = await gateway.post(
        "/chat/completions",
        f"authorization: Bearer {key}\r\ncontent-type: application/json\r\n",
        b'{"model":"gemini-2.5-flash-image","messages":[{"role":"user","content":',
        *content,
        b"]}]}",
    )
    start = answer.index(b";base64,") + 8
    end = answer.index(b'"', start)
    mark = answer.find(b")", start, end)
    base64 = memoryview(answer)[start : end if mark < 0 else mark]
    await upload(telegram, message["chat"]["id"], pybase64.b64decode(base64, validate=True))


async def upload(telegram: Http, chat: int, picture: bytes) -> None:
    """Send a picture, as a file where it is too large for a photo."""
    kind = "photo" if len(picture) <= PHOTO_BYTES else "document"
    await telegram.post(
        f"/send{kind.title()}",
        "content-type: multipart/form-data; boundary=floor\r\n",
        f'--floor\r\ncontent-disposition: form-data; name="chat_id"\r\n\r\n{chat}\r\n'
        f'--floor\r\ncontent-disposition: form-data; name="{kind}"; filename="a.png"\r\n'
        "content-type: image/png\r\n\r\n".encode(),
        picture,
        b"\r\n--floor--\r\n",
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
