"""Routes that draw: read a request, wait as told, draw, and send the answer."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from sandbox.gateway import chat_request, failures, images_request
from sandbox.gateway.account_api import response
from sandbox.gateway.calls import CallState
from sandbox.gateway.client_connection import ClientConnection, ClientGone
from sandbox.gateway.images_request import MAX_BODY
from sandbox.gateway.inputs import InvalidRequest
from sandbox.gateway.requests import DrawingRequest, Route
from sandbox.gateway.state import GatewayState


class DrawingRoute:
    """A route that draws; an ASGI application of its own, for it must see and cut connections."""

    def __init__(self, gateway: GatewayState, route: Route) -> None:
        self._gateway = gateway
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        http_request = Request(scope, receive)
        if not self._gateway.authorized(http_request):
            refused = failures.unauthorized()
            await response(refused)(scope, receive, send)
            return
        try:
            request = await self._read(http_request)
        except InvalidRequest as bad:
            refused = failures.error(400, str(bad), "invalid_request_error")
            await response(refused)(scope, receive, send)
            return
        base_url = str(http_request.url).removesuffix(f"/v1/{self._route}")
        await self._converse(ClientConnection(receive, send), request, base_url)

    async def _read(self, http_request: Request) -> DrawingRequest:
        body = await _whole(http_request)
        if self._route is Route.CHAT:
            return await asyncio.to_thread(chat_request.read, body)
        kind = http_request.headers.get("content-type", "")
        if kind.startswith("multipart/form-data"):
            form = await images_request.form_of(kind, body)
            return await asyncio.to_thread(images_request.read_form, self._route, form)
        return await asyncio.to_thread(
            images_request.read_json, self._route, body, self._gateway.model
        )

    async def _converse(
        self, client: ClientConnection, request: DrawingRequest, base_url: str
    ) -> None:
        call = self._gateway.begin(request)
        try:
            async with client:
                reply, body = await client.unless_gone(
                    self._gateway.answer(request, call, base_url)
                )
                call.status = body.status
                await client.tell(body, call, reply.cut, self._gateway.stream_gate)
                call.state = CallState.ANSWERED
        except ClientGone:
            pass
        finally:
            if call.state is CallState.OPEN:
                call.state = CallState.CUT
            self._gateway.note()


async def _whole(http_request: Request) -> bytes:
    pieces: list[bytes] = []
    length = 0
    async for piece in http_request.stream():
        length += len(piece)
        if length > MAX_BODY:
            raise InvalidRequest("the request is too large")
        pieces.append(piece)
    return b"".join(pieces)
