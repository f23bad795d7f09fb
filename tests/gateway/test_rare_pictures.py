"""Pictures that are the whole body, and pictures in formats that nobody shows."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from bot.catalogue.profiles import Profile
from bot.domain import Drawn, OutcomeKind, Undrawn
from bot.gateway.client import GatewayClient
from bot.gateway.request import ImageRequest
from bot.media.store import MediaStore
from tests.gateway.pictures import base64, picture
from tests.support.media import file_of
from tests.support.wire import Server, chunked, reply


async def ask(gateway: GatewayClient, profile: Profile) -> Drawn | Undrawn:
    return (await gateway.generate(ImageRequest("A cat", profile))).outcome


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "AVIF"])
async def test_a_body_may_be_the_picture_itself(
    kind: str, server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    data = picture(kind, side=64)
    for play in (reply(data), reply(data, piece=7), chunked(data, 100)):
        server.plan(play)
        outcome = await ask(gateway, profile)
        assert isinstance(outcome, Drawn)
        assert [file_of(media, one.sha256).read_bytes() for one in outcome.pictures] == [data]


@pytest.mark.parametrize(
    ("play", "kind"),
    [
        (reply(picture()[:600], short=900), OutcomeKind.CUT_OFF),
        (reply(picture()[:600]), OutcomeKind.BROKEN),
        (reply(picture(), 500), OutcomeKind.GATEWAY_ERROR),
    ],
)
async def test_a_picture_as_a_body_is_not_believed_blindly(
    play: object, kind: OutcomeKind, server: Server, gateway: GatewayClient, profile: Profile
) -> None:
    server.plan(play)  # type: ignore[arg-type]
    outcome = await ask(gateway, profile)
    assert isinstance(outcome, Undrawn)
    assert outcome.kind is kind


@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
@pytest.mark.parametrize("place", ["body", "b64_json", "url", "bare"])
async def test_what_nobody_shows_becomes_a_png(
    kind: str,
    place: str,
    server: Server,
    gateway: GatewayClient,
    profile: Profile,
    media: MediaStore,
) -> None:
    data = picture(kind)
    bodies = {
        "body": data,
        "bare": json.dumps({"data": [{"b64_json": base64(data)}]}).encode(),
        "b64_json": json.dumps({"data": [{"b64_json": f"data:;base64,{base64(data)}"}]}).encode(),
        "url": json.dumps({"data": [{"url": f"{server.origin}/a"}]}).encode(),
    }
    server.plan(reply(data), "/a")
    server.plan(reply(bodies[place]))
    outcome = await ask(gateway, profile)
    assert isinstance(outcome, Drawn)
    (drawn,) = outcome.pictures
    assert drawn.mime == "image/png"
    shown = file_of(media, drawn.sha256).read_bytes()
    assert drawn.size == len(shown)
    with Image.open(BytesIO(shown)) as made, Image.open(BytesIO(data)) as original:
        assert made.format == "PNG"
        assert made.tobytes() == original.convert("RGB").tobytes()


async def test_half_a_bitmap_is_damaged(
    server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    server.plan(reply(json.dumps({"data": [{"b64_json": base64(picture("BMP")[:700])}]}).encode()))
    outcome = await ask(gateway, profile)
    assert isinstance(outcome, Undrawn)
    assert outcome.kind is OutcomeKind.BROKEN
    assert not [path for path in media.root.rglob("*") if path.is_file()]


def vast(kind: str) -> bytes:
    """Write a picture of 40 megapixels, which compression makes small, or a head says."""
    file = BytesIO()
    if kind == "TIFF":
        Image.new("L", (8_000, 5_000)).save(file, kind, compression="tiff_deflate")
        return file.getvalue()
    data = bytearray(picture("BMP"))
    data[18:26] = (8_000).to_bytes(4, "little") + (5_000).to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
async def test_a_vast_one_is_too_large_and_costs_no_picture_beside_it(
    kind: str, server: Server, gateway: GatewayClient, profile: Profile, media: MediaStore
) -> None:
    alone = [{"b64_json": base64(vast(kind))}]
    server.plan(reply(json.dumps({"data": alone}).encode()))
    outcome = await ask(gateway, profile)
    assert isinstance(outcome, Undrawn)
    assert outcome.kind is OutcomeKind.TOO_LARGE
    server.plan(reply(json.dumps({"data": [*alone, {"b64_json": base64(picture())}]}).encode()))
    outcome = await ask(gateway, profile)
    assert isinstance(outcome, Drawn)
    assert (len(outcome.pictures), outcome.missing) == (1, 1)
    assert len([path for path in media.root.rglob("*") if path.is_file()]) == 1


LOADED = """
import asyncio, sys
from pathlib import Path
from bot.media.decoding import DecodingProcesses
from bot.media.inputs import Inputs
from bot.media.store import MediaStore

async def main() -> None:
    media = MediaStore.open(sys.argv[1])
    inputs = Inputs(media, DecodingProcesses(media.scratch))
    stored = await media.put(Path(sys.argv[2]).read_bytes())
    made = await inputs.as_png(stored, max_pixels=99_999)
    await inputs.processes.close()
    print(made.mime, made.width, "PIL" in sys.modules)

asyncio.run(main())
"""


@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
async def test_the_bot_itself_decodes_none_of_them(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(picture(kind))
    arguments = ("-c", LOADED, str(tmp_path / "media"), str(tmp_path / "a"))
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=PIPE)
    said, _ = await process.communicate()
    assert said == b"image/png 20 False\n"
