"""The provider account API: what the gateway says about its models and the key's money."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as Path

from sandbox.gateway import failures
from sandbox.gateway.body import Body
from sandbox.gateway.models import Model
from sandbox.gateway.requests import Route
from sandbox.gateway.shapes import Json
from sandbox.gateway.state import GatewayState

# In the words of new-api's list of models.
_ENDPOINT_TYPES = {
    Route.CHAT: "openai",
    Route.GENERATIONS: "image-generation",
    Route.EDITS: "image-edit",
}


def paths(gateway: GatewayState) -> list[Path]:
    """Give the routes that are read with GET; `/api/usage/token` is not under `/v1`."""

    def models() -> Json:
        return {"object": "list", "data": [_listed(model) for model in gateway.models]}

    account = gateway.account
    return [
        _path(gateway, "/v1/models", models, failures.error(401, failures.BAD_KEY, "")),
        *(
            _path(gateway, path, say, failures.account_error(401, failures.BAD_KEY))
            for path, say in (
                ("/api/usage/token", account.token_usage),
                ("/v1/dashboard/billing/subscription", account.subscription),
                ("/v1/dashboard/billing/usage", account.usage),
            )
        ),
    ]


def _path(gateway: GatewayState, path: str, say: Callable[[], Json], refused: Body) -> Path:
    async def page(request: Request) -> Response:
        if not gateway.authorized(request):
            return response(refused)
        instead = gateway.instead.get(path)
        return JSONResponse(say()) if instead is None else response(failures.scripted(instead))

    return Path(path, page)


def response(body: Body) -> Response:
    return Response(body.data(), body.status, dict(body.headers), media_type=body.content_type)


def _listed(model: Model) -> Json:
    types = [name for route, name in _ENDPOINT_TYPES.items() if route in model.routes]
    listed: Json = {
        "id": model.id,
        "object": "model",
        "created": 1_760_000_000,
        "owned_by": "sandbox",
        "supported_endpoint_types": types,
    }
    if model.shutdown_date is not None:
        listed["shutdown_date"] = model.shutdown_date
    return listed
