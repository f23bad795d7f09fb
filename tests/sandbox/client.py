"""A person with a key to the gateway: asks in every way, and looks at what comes."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import dataclass
from typing import Any

import httpx
from PIL import Image

from sandbox.gateway import Gateway

KEY = "sandbox-key"
BASE64 = re.compile(r"[A-Za-z0-9+/]{200,}={0,2}")


@dataclass
class Client:
    """Asks for pictures; `url` is the gateway's, with `/v1`."""

    http: httpx.AsyncClient
    gateway: Gateway
    url: str

    async def post(self, content: object, **more: object) -> httpx.Response:
        messages = [{"role": "user", "content": content}]
        body = {"model": "gemini-2.5-flash-image", "messages": messages, **more}
        return await self.http.post("chat/completions", json=body)

    async def message(self, content: object, **more: object) -> dict[str, Any]:
        answer = await self.post(content, **more)
        assert answer.status_code == 200
        choice: dict[str, Any] = answer.json()["choices"][0]
        message: dict[str, Any] = choice["message"]
        return message

    async def chunks(self, content: object, **more: object) -> list[dict[str, Any]]:
        """Give the chunks of a streamed completion that are JSON."""
        answer = await self.post(content, stream=True, **more)
        assert answer.headers["content-type"].startswith("text/event-stream")
        return [json.loads(data) for data in events(answer.text) if data != "[DONE]"]

    async def generate(self, prompt: str, /, **more: object) -> httpx.Response:
        body = {"model": "any-model", "prompt": prompt, **more}
        return await self.http.post("images/generations", json=body)

    async def edit(self, prompt: str, /, *files: tuple[str, bytes], **more: str) -> httpx.Response:
        uploads = [(name, (f"{name}.png", data, "image/png")) for name, data in files]
        data = {"model": "any-model", "prompt": prompt, **more}
        return await self.http.post("images/edits", data=data, files=uploads)


def events(text: str) -> list[str]:
    """Give the data of the events of a stream, as the standard reads them."""
    text = text.replace("\r\n", "\n")
    assert text.endswith("\n\n"), "the last event is not ended"
    found = [
        "\n".join(line[6:] for line in block.split("\n") if line.startswith("data: "))
        for block in text.split("\n\n")
    ]
    return [data for data in found if data]


def spoken(chunks: list[dict[str, Any]]) -> str:
    """Put the content of all chunks together."""
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


def png(width: int = 60, height: int = 40, colour: str = "red", mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (width, height), colour).save(file, "PNG")
    return file.getvalue()


def data_url(data: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def part(data: bytes, mime: str = "image/png") -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": data_url(data, mime)}}


def pictures(answer: httpx.Response) -> list[bytes]:
    return [base64.b64decode(found) for found in BASE64.findall(answer.text)]


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image
