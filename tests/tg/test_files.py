"""Files that people sent, over the wire: what Telegram does not hand out, and one's own server's disk."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from structlog.testing import capture_logs

from bot.tg import files
from sandbox.telegram import BadRequest, Fault, Flood, ResetBefore, ServerError
from tests.conftest import Start
from tests.support.conversation import PICTURE, TOKEN, Conversation, image

UNAVAILABLE = BadRequest("wrong file_id or the file is temporarily unavailable")
NOT_FETCHED = "Telegram did not hand out this picture. Please try again.* {Try again}"
NOT_READABLE = "This bot's own Telegram server has your file, but*Nothing was charged. {Try again}"
GONE = "This picture is no longer there.*"


async def edit(chat: Conversation, *expected: str) -> list[dict[str, Any]]:
    return await chat.row(chat.alice, None, *expected, photo=image(), caption="make it blue")


@pytest.mark.parametrize("method", ["getFile", "download"])
@pytest.mark.parametrize(
    "fault", [UNAVAILABLE, ServerError(500), ServerError(503), Flood(1), ResetBefore()]
)
async def test_what_is_not_handed_out_for_a_moment_is_asked_for_again(
    chat: Conversation, method: str, fault: Fault
) -> None:
    chat.telegram.fault(method, fault)
    await edit(chat, PICTURE)
    assert len(chat.last_call.inputs) == 1


async def test_what_is_not_handed_out_at_all_may_be_tried_again(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "TRIES", 0)
    chat.telegram.fault("getFile", UNAVAILABLE)
    (told,) = await edit(chat, NOT_FETCHED)
    await chat.press(chat.alice, told, "Try again")
    await chat.said_last(chat.alice, PICTURE)


async def test_what_is_gone_is_not_asked_for_again(chat: Conversation) -> None:
    chat.telegram.fault("getFile", BadRequest("invalid file_id"))
    await edit(chat, GONE)
    assert sum(call.method == "getFile" for call in chat.telegram.calls) == 1


async def test_a_file_is_read_where_ones_own_server_says(
    chat: Conversation, tmp_path: Path
) -> None:
    chat.telegram.world.local = tmp_path / "server" / TOKEN
    await edit(chat, PICTURE)
    assert len(chat.last_call.inputs) == 1


@pytest.mark.parametrize("seen", ["", TOKEN, "server", "photos"])
async def test_a_setting_says_where_the_bot_sees_the_servers_folder(
    start: Start, tmp_path: Path, seen: str
) -> None:
    """What is mounted may be any part of the server's folder."""
    server, there = tmp_path / "elsewhere" / "server" / TOKEN, tmp_path / "seen"
    there.mkdir()
    async with start(TELEGRAM_FILES_DIR=str(there)) as chat:
        chat.telegram.world.local = server
        (sent,) = chat.alice.send(photo=image())
        await chat.sees(chat.alice, "What shall I do with this picture?*")
        for size in sent["photo"]:
            stored = chat.telegram.world.files.find(size["file_id"])
            assert stored
            whole = f"server/{TOKEN}/{stored.path}"
            place = there / whole[whole.index(seen) :] if seen else there / Path(whole).name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(stored.data)
        chat.telegram.world.local = Path("/nowhere/server") / TOKEN
        chat.telegram.world.placed = False
        await chat.row(chat.alice, "make it blue", PICTURE)
        assert len(chat.last_call.inputs) == 1


async def test_ones_own_server_hands_out_more_than_20_mb(start: Start, tmp_path: Path) -> None:
    data = BytesIO()
    Image.new("RGB", (2700, 2700)).save(data, "PNG", compress_level=0)
    assert len(data.getvalue()) > 20 * 1024 * 1024
    async with start(MAX_INPUT_BYTES=str(30 * 1024 * 1024)) as chat:
        chat.telegram.world.local = tmp_path / "server"
        file = ("large.png", data.getvalue(), "image/png")
        await chat.row(chat.alice, None, PICTURE, document=file, caption="make it blue")


@pytest.mark.parametrize("why", ["missing", "forbidden", "a folder"])
async def test_what_cannot_be_read_on_ones_own_server_names_the_cause(
    chat: Conversation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    chat.telegram.world.local = folder = tmp_path / TOKEN
    chat.telegram.world.placed = False
    (sent,) = chat.alice.send(photo=image())
    await chat.sees(chat.alice, "What shall I do with this picture?*")
    stored = chat.telegram.world.files.find(sent["photo"][-1]["file_id"])
    assert stored
    if why != "missing":
        (folder / stored.path).mkdir(parents=True)
    if why == "forbidden":
        monkeypatch.setattr(Path, "is_file", _forbidden)
    with capture_logs() as logs:
        (told,) = await chat.row(chat.alice, "make it blue", NOT_READABLE)
    (line,) = [line for line in logs if line["event"] == "a file cannot be read"]
    assert "TELEGRAM_FILES_DIR" in line["mend"]
    assert line["file"] == stored.path
    assert TOKEN not in str(logs)
    monkeypatch.undo()
    chat.telegram.world.local = tmp_path / "mended"
    chat.telegram.world.placed = True
    await chat.press(chat.alice, told, "Try again")
    await chat.said_last(chat.alice, PICTURE)


def _forbidden(_: Path) -> bool:
    raise PermissionError
