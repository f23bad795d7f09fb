"""Audio: voices are written down, which here means that they all say the same."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path

from sandbox.gateway import failures, images_request
from sandbox.gateway.account_api import response
from sandbox.gateway.calls import Voice
from sandbox.gateway.inputs import InvalidRequest
from sandbox.gateway.state import GatewayState

SENTENCE = "A red fox in the snow."
_ENDINGS = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm")


def path(gateway: GatewayState) -> Path:
    async def transcriptions(request: Request) -> Response:
        if not gateway.authorized(request):
            return response(failures.unauthorized())
        try:
            form = await images_request.form_of(
                request.headers.get("content-type", ""), await request.body()
            )
            voice = _voice(form)
        except InvalidRequest as bad:
            return response(failures.error(400, str(bad), "invalid_request_error"))
        gateway.voices.append(voice)
        gateway.note()
        await gateway.held()
        reply = gateway.hearing.popleft() if gateway.hearing else None
        if reply and (reply.failure or reply.body is not None):
            return response(failures.scripted(reply))
        await asyncio.sleep(reply.delay if reply else 0)
        said = SENTENCE if reply is None or reply.text is None else reply.text
        usage = {"type": "duration", "seconds": 3}
        return response(failures.document({"text": said, "usage": usage}))

    return Path("/v1/audio/transcriptions", transcriptions, methods=["POST"])


def _voice(form: images_request.Form) -> Voice:
    files = [upload for upload in form.files if upload.name == "file"]
    if not form.fields.get("model") or len(files) != 1:
        raise InvalidRequest("field model and one file are required")
    if form.fields.get("response_format", "json") != "json":
        raise InvalidRequest("response_format must be json")
    (file,) = files
    if not file.data or file.filename.rpartition(".")[2] not in _ENDINGS:
        raise InvalidRequest(f"Invalid file format. Supported formats: {', '.join(_ENDINGS)}")
    return Voice(form.fields["model"], file.filename, file.mime, len(file.data))
