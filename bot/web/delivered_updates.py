"""Where Telegram brings updates: each is answered once it is committed, or is to come again."""

from __future__ import annotations

from http import HTTPStatus

import orjson
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.tg.told import OncePerPeriod
from bot.tg.webhook import Webhook

log = structlog.get_logger(__name__)

LONGEST = 1 << 20  # bytes; the longest message makes a tenth
TOLD_SECONDS = 60.0  # of each refusal the log tells once in so many
HEADER = "X-Telegram-Bot-Api-Secret-Token"


def webhook_routes(webhook: Webhook) -> list[BaseRoute]:
    told = OncePerPeriod(period=TOLD_SECONDS)

    async def take(request: Request) -> Response:
        status = await _taken(request, webhook)
        if status is not HTTPStatus.OK and told.add(status):
            log.warning("not taken from the webhook", status=status.value, reason=status.phrase)
        again = {"Retry-After": "1"} if status is HTTPStatus.SERVICE_UNAVAILABLE else None
        return Response(status_code=status, headers=again)

    return [Route(webhook.path, take, methods=["POST"])]


async def _taken(request: Request, webhook: Webhook) -> HTTPStatus:
    if not webhook.is_from_telegram(request.headers.get(HEADER, "")):
        return HTTPStatus.FORBIDDEN
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > LONGEST:
                return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        taken = await webhook.take(orjson.loads(body))
    except (orjson.JSONDecodeError, ClientDisconnect):
        taken = None
    if taken is None:
        return HTTPStatus.BAD_REQUEST
    return HTTPStatus.OK if taken else HTTPStatus.SERVICE_UNAVAILABLE
