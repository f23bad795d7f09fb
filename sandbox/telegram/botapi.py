"""The Bot API over HTTP: tokens, faults, methods, answers and downloads."""

from __future__ import annotations

import asyncio
import json
import logging
import time

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from .connection import Dropped, gone, until_gone
from .errors import ApiError, bad_request, forbidden
from .faults import (
    BadRequest,
    Flood,
    Forbidden,
    Hang,
    Refusal,
    ResetAfter,
    ResetBefore,
    ServerError,
    Strange,
    Unauthorized,
    When,
)
from .methods import METHODS
from .request import Arguments, read
from .schema import Json
from .world import MethodCall, World

log = logging.getLogger(__name__)

DOWNLOAD = "download"  # the name under which faults know file downloads


class BotApi:
    """Answers a bot; knows its token and shows it to nobody."""

    def __init__(self, world: World, token: str) -> None:
        self._world = world
        self._token = token

    def routes(self) -> list[Route]:
        return [
            Route("/file/bot{token}/{path:path}", self._download),
            Route("/bot{token}/{method}", self._method, methods=["GET", "POST"]),
        ]

    async def _method(self, request: Request) -> Response:
        if request.path_params["token"] != self._token:
            return _refusal(ApiError(401, "Unauthorized"))
        method = self._world.schema.method(request.path_params["method"])
        if method is None:
            return _refusal(ApiError(404, "Not Found"))
        try:
            arguments, complaints = await read(request, self._world.schema, method)
        except ApiError as refused:
            return self._answered(method, Arguments({}), refused)
        except ClientDisconnect:
            return Dropped()  # a client killed while it sent: nothing has happened
        return await self._faulty(request, method, arguments, complaints)

    async def _faulty(
        self, request: Request, method: str, arguments: Arguments, complaints: list[str]
    ) -> Response:
        """Let go wrong what was asked to, else process."""
        fault = self._world.faults.take(method)
        match fault:
            case ResetBefore():
                return Dropped()
            case ServerError(status, html):
                return Response(html, status, media_type="text/html")
            case Flood() | Forbidden() | BadRequest() | Unauthorized():
                return self._answered(method, arguments, _as_refusal(fault))
            case Hang(seconds, processed=False):
                await until_gone(request, asyncio.sleep(seconds), None)
                return Dropped()
        if not await self._through(method, "before"):
            return Dropped()
        response = await self._processed(request, method, arguments, complaints)
        if isinstance(fault, Strange):
            response = Response(fault.body, media_type="application/json")
        if isinstance(fault, Hang):
            await until_gone(request, asyncio.sleep(fault.seconds), None)
        passed = await self._through(method, "after")
        return response if passed and not isinstance(fault, ResetAfter) else Dropped()

    async def _through(self, method: str, when: When) -> bool:
        gate = self._world.faults.gate(method, when)
        if gate is None:
            return True
        # The call outlives its client: a killed bot's request is on its way already.
        return await gate.stand()

    async def _processed(
        self, request: Request, method: str, arguments: Arguments, complaints: list[str]
    ) -> Response:
        try:
            self._reject(method, complaints)
            if self._world.flood_control:
                self._world.flood_control.check(method, arguments)
            if method == "getUpdates":
                result = await self._poll(request, arguments)
            else:
                result = await METHODS[method](self._world, arguments)
        except ApiError as refused:
            return self._answered(method, arguments, refused)
        except Exception:
            # A bug of the sandbox must fail the test that meets it, not look like Telegram.
            log.exception("the sandbox failed in %s", method)
            self._world.violations.append(f"{method}: the sandbox failed, see its log")
            return self._answered(method, arguments, ApiError(500, "Internal Server Error"))
        self._check(method, arguments, result)
        return self._answered(method, arguments, result)

    async def _poll(self, request: Request, arguments: Arguments) -> object:
        """Poll for as long as the client listens: a killed one must not steal redeliveries."""
        poll = asyncio.ensure_future(METHODS["getUpdates"](self._world, arguments))
        leaving = asyncio.ensure_future(gone(request))
        try:
            await asyncio.wait({poll, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return poll.result() if poll.done() else []
        finally:
            poll.cancel()
            leaving.cancel()

    def _reject(self, method: str, complaints: list[str]) -> None:
        if complaints and self._world.options.validate:
            self._world.violations += complaints
            raise bad_request(f"the schema of Bot API 10.0 says: {complaints[0]}")
        if complaints:
            raise bad_request(complaints[0])
        if method not in METHODS:
            log.warning("the sandbox does not implement %s", method)
            raise ApiError(501, f"Not Implemented: the sandbox does not implement {method}")

    def _check(self, method: str, arguments: Arguments, result: object) -> None:
        if not self._world.options.validate:
            return
        if method != "getUpdates":  # each was looked at as it came, but for a test's own
            self._world.violations += self._world.schema.check_answer(method, result)
        self._world.violations += [
            f"{method}: nothing refers to the attached file {name!r}" for name in arguments.unused()
        ]

    def _answered(self, method: str, arguments: Arguments, result: object) -> Response:
        refused = result if isinstance(result, ApiError) else None
        status = 200 if refused is None else refused.code
        description = None if refused is None else refused.description
        if method != "getUpdates":  # polls would push everything else out
            call = MethodCall(method, arguments.shown(), time.time(), status, description)
            self._world.calls.append(call)
            self._world.changes.notify()
        return _json({"ok": True, "result": result}) if refused is None else _refusal(refused)

    async def _download(self, request: Request) -> Response:
        if request.path_params["token"] != self._token:
            return _refusal(ApiError(401, "Unauthorized"))
        fault = self._world.faults.take(DOWNLOAD)
        match fault:
            case Flood() | Forbidden() | BadRequest() | Unauthorized():
                return _refusal(_as_refusal(fault))
            case ServerError(status, html):
                return Response(html, status, media_type="text/html")
            case ResetBefore() | ResetAfter():
                return Dropped()
            case Hang(seconds):
                await until_gone(request, asyncio.sleep(seconds), None)
        return await self._handed_out(request.path_params["path"])

    async def _handed_out(self, path: str) -> Response:
        if not await self._through(DOWNLOAD, "before"):
            return Dropped()
        stored = self._world.files.at(path)
        if stored is None or self._world.local:
            return _refusal(ApiError(404, "Not Found"))
        if not await self._through(DOWNLOAD, "after"):
            return Dropped()
        return Response(stored.data, media_type="application/octet-stream")


def _as_refusal(fault: Refusal) -> ApiError:
    match fault:
        case Flood(retry_after):
            text = f"Too Many Requests: retry after {retry_after}"
            return ApiError(429, text, retry_after=retry_after)
        case Forbidden(text):
            return forbidden(text)
        case BadRequest(text):
            return bad_request(text)
        case Unauthorized():
            return ApiError(401, "Unauthorized")


def _refusal(refused: ApiError) -> Response:
    body: Json = {"ok": False, "error_code": refused.code, "description": refused.description}
    if refused.retry_after is not None:
        body["parameters"] = {"retry_after": refused.retry_after}
    if refused.migrate_to is not None:
        body["parameters"] = {"migrate_to_chat_id": refused.migrate_to}
    return _json(body, refused.code)


def _json(body: Json, status: int = 200) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, media_type="application/json")
