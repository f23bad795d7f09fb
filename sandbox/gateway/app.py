"""The gateway as a server: its routes over what it remembers."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Route as Path

from sandbox.gateway import account_api, audio
from sandbox.gateway.drawing_route import DrawingRoute
from sandbox.gateway.requests import Route
from sandbox.gateway.state import GatewayState


class Gateway(GatewayState):
    """An OpenAI-compatible gateway that draws locally; `app` is the ASGI application."""

    def __init__(self, api_key: str) -> None:
        super().__init__(api_key)
        drawing = [
            Path(f"/v1/{route}", DrawingRoute(self, route), methods=["POST"]) for route in Route
        ]
        pictures = Path("/pictures/{name}", self.hosted.serve)
        self.app = Starlette(
            routes=[*drawing, *account_api.paths(self), audio.path(self), pictures]
        )

    def __repr__(self) -> str:
        return f"Gateway(calls={len(self.calls)})"
