"""Hosted pictures: drawn pictures that can be fetched by their URL, the last of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from sandbox.gateway.pictures import Picture

MOST = 128


class HostedPictures:
    """Keeps pictures by name, the last 128, and serves them to anybody."""

    def __init__(self) -> None:
        self._pictures: OrderedDict[str, Picture] = OrderedDict()

    def put(self, names: Sequence[str], pictures: Sequence[Picture]) -> None:
        self._pictures.update(zip(names, pictures, strict=True))
        while len(self._pictures) > MOST:
            self._pictures.popitem(last=False)

    async def serve(self, request: Request) -> Response:
        """Answer `GET /pictures/{name}`."""
        picture = self._pictures.get(request.path_params["name"])
        if picture is None:
            return Response(status_code=404)
        return Response(picture.data(), media_type=picture.mime)
