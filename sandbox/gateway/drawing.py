"""Drawing routes: read a request, wait as told, draw, and tell the answer down the line."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.requests import Request

from sandbox.gateway import chat_ask, failures, image_ask
from sandbox.gateway.asks import Route
from sandbox.gateway.calls import CallState
from sandbox.gateway.image_ask import MAX_BODY
from sandbox.gateway.inputs import BadAsk
from sandbox.gateway.line import Gone, Line
from sandbox.gateway.panel import response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from sandbox.gateway.asks import Ask
    from sandbox.gateway.state import GatewayState


class Drawing:
    """A route that draws; an ASGI application of its own, for it must see and cut connections."""

    def __init__(self, gateway: GatewayState, route: Route) -> None:
        self._gateway = gateway
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        if not self._gateway.authorized(request):
            refused = failures.error(401, "无效的令牌 (request id: sandbox-0)", "")
            await response(refused)(scope, receive, send)
            return
        try:
            ask = await self._read(request)
        except BadAsk as bad:
            refused = failures.error(400, str(bad), "invalid_request_error")
            await response(refused)(scope, receive, send)
            return
        base_url = str(request.url).removesuffix(f"/v1/{self._route}")
        await self._converse(Line(receive, send), ask, base_url)

    async def _read(self, request: Request) -> Ask:
        body = await _whole(request)
        if self._route is Route.CHAT:
            return await asyncio.to_thread(chat_ask.read, body)
        kind = request.headers.get("content-type", "")
        if kind.startswith("multipart/form-data"):
            form = await image_ask.form_of(kind, body)
            return await asyncio.to_thread(image_ask.read_form, self._route, form)
        return await asyncio.to_thread(image_ask.read_json, self._route, body, self._gateway.model)

    async def _converse(self, line: Line, ask: Ask, base_url: str) -> None:
        call = self._gateway.begin(ask)
        try:
            async with line:
                reply, body = await line.unless_gone(self._gateway.answer(ask, call, base_url))
                call.status = body.status
                await line.tell(body, call, reply.cut, self._gateway.stream_gate)
                call.state = CallState.ANSWERED
        except Gone:
            pass
        finally:
            if call.state is CallState.OPEN:
                call.state = CallState.CUT
            self._gateway.note()


async def _whole(request: Request) -> bytes:
    pieces: list[bytes] = []
    length = 0
    async for piece in request.stream():
        length += len(piece)
        if length > MAX_BODY:
            raise BadAsk("the request is too large")
        pieces.append(piece)
    return b"".join(pieces)
