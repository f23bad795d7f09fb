"""The gateway as a server: takes requests, remembers the calls, answers as scripted."""

from __future__ import annotations

import asyncio
import hmac
import itertools
from collections import OrderedDict, deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sandbox.gateway import asks, bodies, failures, noise, pictures
from bot.sandbox.gateway.asks import BadAsk
from bot.sandbox.gateway.calls import LONGEST_WAIT, Call, CallState, Gate
from bot.sandbox.gateway.line import Gone, Line
from bot.sandbox.gateway.replies import Reply, Shape, UnknownWord, by_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import Receive, Scope, Send

    from bot.sandbox.gateway.asks import Ask
    from bot.sandbox.gateway.failures import Body
    from bot.sandbox.gateway.pictures import Picture

    Value = TypeVar("Value")

MAX_BODY = 256 * 1024 * 1024
MAX_CALLS = 5_000
MAX_PUBLISHED = 128
MODELS = (
    "gemini-2.5-flash-image",
    "gemini-2.5-flash-image-preview",
    "gemini-3-pro-image",
    "gemini-3-pro-image-preview",
    "gemini-3.1-flash-image",
)


class Gateway:
    """An OpenAI-compatible gateway that draws locally; `app` is the ASGI application.

    `default` answers what no script does; `sandbox:` words in a prompt change it. Used from one
    event loop.
    """

    def __init__(self, api_key: str) -> None:
        self.default = Reply()
        self.app = Starlette(
            routes=[
                Route("/v1/chat/completions", _Completions(self), methods=["POST"]),
                Route("/v1/models", self._models),
                Route("/pictures/{name}", self._picture),
            ]
        )
        self._api_key = api_key
        self._calls: deque[Call] = deque(maxlen=MAX_CALLS)
        self._numbers = itertools.count(1)
        self._script: deque[Reply] = deque()
        self._published: OrderedDict[str, Picture] = OrderedDict()
        self._gate: Gate | None = None
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        return f"Gateway(calls={len(self._calls)})"

    @property
    def calls(self) -> list[Call]:
        """The last calls with a good key and a body that was understood, oldest first."""
        return list(self._calls)

    def script(self, *replies: Reply, times: int = 1) -> None:
        """Answer the next calls with these replies, the row of them `times` times."""
        self._script.extend(replies * times)

    def hold(self) -> Gate:
        """Hold the calls that come from now on, before they are answered."""
        self._gate = Gate()
        return self._gate

    async def until(self, check: Callable[[], Value], timeout: float = 10) -> Value:  # noqa: ASYNC109 - a wait that says what it waited for
        """Wait until `check` gives something true, looking whenever a call gets on.

        Raises TimeoutError, naming the calls, after `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                while not (value := check()):
                    await self._changed.wait()
        except TimeoutError as exc:
            seen = [f"{call.number} {call.state} {call.prompt[:40]!r}" for call in self._calls]
            raise TimeoutError(f"the gateway's calls so far: {seen}") from exc
        return value

    def authorized(self, request: Request) -> bool:
        """Say whether the request bears the key."""
        given = request.headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {self._api_key}".encode())

    def begin(self, ask: Ask) -> Call:
        """Remember a call."""
        call = Call(
            number=next(self._numbers),
            at=datetime.now(UTC),
            model=ask.model,
            prompt=ask.prompt,
            system=ask.system,
            modalities=ask.modalities,
            aspect_ratio=ask.aspect_ratio,
            inputs=ask.inputs,
            skeleton=ask.skeleton,
        )
        self._calls.append(call)
        self.note()
        return call

    def note(self) -> None:
        """Wake those who wait for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    def choose(self, ask: Ask) -> Reply:
        """Give the reply to a call: the script's next, or the default as the prompt's words say."""
        if self._script:
            return self._script.popleft()
        try:
            return by_words(ask.prompt, self.default)
        except UnknownWord as unknown:
            return Reply(pictures=0, text=str(unknown))

    async def answer(self, ask: Ask, call: Call, base_url: str) -> tuple[Reply, Body]:
        """Wait as long as the call is to wait, then draw and write the answer."""
        reply = self.choose(ask)
        await self._held()
        await asyncio.sleep(LONGEST_WAIT if reply.hang else reply.delay)
        drawn = await self._drawn(ask, call, reply)
        names = [f"{call.number}-{index}" for index in range(len(drawn))]
        if reply.shape in {Shape.URL, Shape.URL_BARE}:
            self._publish(zip(names, drawn, strict=True))
        context = bodies.Context(
            call=call.number,
            model=ask.model,
            prompt_tokens=len(ask.prompt) // 4 + 258 * len(ask.inputs) + 1,
            urls=tuple(f"{base_url}/pictures/{name}" for name in names),
        )
        return reply, bodies.completion(reply, drawn, context)

    async def _held(self) -> None:
        gate = self._gate
        if gate is None or gate.released:
            return
        gate.waiting += 1
        self.note()
        try:
            await gate.wait()
        finally:
            gate.waiting -= 1

    async def _drawn(self, ask: Ask, call: Call, reply: Reply) -> list[Picture]:
        if reply.failure is not None or reply.body is not None:
            return []
        if reply.noise:
            names = [f"{call.number}-{index}" for index in range(reply.pictures)]
            return [await asyncio.to_thread(noise.noisy, reply.noise, name) for name in names]
        drawn = [
            await asyncio.to_thread(pictures.draw, ask, call.number, index, reply.format)
            for index in range(reply.pictures)
        ]
        call.pictures = tuple(picture.sha256 for picture in drawn)
        return drawn

    def _publish(self, named: Iterable[tuple[str, Picture]]) -> None:
        self._published.update(named)
        while len(self._published) > MAX_PUBLISHED:
            self._published.popitem(last=False)

    async def _picture(self, request: Request) -> Response:
        picture = self._published.get(request.path_params["name"])
        if picture is None:
            return Response(status_code=404)
        return Response(picture.data(), media_type=picture.mime)

    async def _models(self, request: Request) -> Response:
        if not self.authorized(request):
            return _plain(failures.error(401, "无效的令牌", ""))
        listed = [
            {"id": name, "object": "model", "created": 1_760_000_000, "owned_by": "sandbox"}
            for name in MODELS
        ]
        return JSONResponse({"object": "list", "data": listed})


class _Completions:
    """The route that draws; an ASGI application of its own, for it must see and cut connections."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if not self._gateway.authorized(request):
            refused = failures.error(401, "无效的令牌 (request id: sandbox-0)", "")
            await _plain(refused)(scope, receive, send)
            return
        try:
            ask = await asyncio.to_thread(asks.read, await _read(request))
        except BadAsk as bad:
            refused = failures.error(400, str(bad), "invalid_request_error")
            await _plain(refused)(scope, receive, send)
            return
        base_url = str(request.url).removesuffix("/v1/chat/completions")
        await self._converse(Line(receive, send), ask, base_url)

    async def _converse(self, line: Line, ask: Ask, base_url: str) -> None:
        call = self._gateway.begin(ask)
        try:
            async with line:
                reply, body = await line.unless_gone(self._gateway.answer(ask, call, base_url))
                call.status = body.status
                await line.tell(body, call, reply.cut)
                call.state = CallState.ANSWERED
        except Gone:
            pass
        finally:
            if call.state is CallState.OPEN:
                call.state = CallState.CUT
            self._gateway.note()


async def _read(request: Request) -> bytes:
    pieces: list[bytes] = []
    length = 0
    async for piece in request.stream():
        length += len(piece)
        if length > MAX_BODY:
            raise BadAsk("the request is too large")
        pieces.append(piece)
    return b"".join(pieces)


def _plain(body: Body) -> Response:
    return Response(
        b"".join(body.pieces), body.status, dict(body.headers), media_type=body.content_type
    )
