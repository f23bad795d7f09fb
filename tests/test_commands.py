"""Commands: whom what they write is for, which version they are, and who operates the sandbox."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import httpx

from bot.features.admin.version import program_version
from tests.support.command import ended, running
from tests.support.pages import browser, log_in, picked, token
from tests.support.waiting import patient


async def test_what_a_command_writes_is_for_its_user_alone(tmp_path: Path) -> None:
    place = tmp_path / "new" / "bot.db"
    assert (await ended(tmp_path, "migrate", DATABASE_URL=str(place))).code == 0
    assert place.exists()
    for path in (place.parent, *place.parent.iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path


async def test_in_the_sandbox_alice_operates_the_bot_and_the_others_do_not(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    async with running(tmp_path, "run", SANDBOX_PORT="0", WEB_ADDRESS=address) as bot:
        page = (await bot.says(r"Open (\S+) in a browser"))[1]
        await bot.says("ready")
        async with httpx.AsyncClient(base_url=page, trust_env=False) as client:
            alice, bob = [await answered(client, person, "/admin") for person in (1001, 1002)]
        assert address not in bob
        async with browser(address) as client:
            await log_in(client, picked(alice, rf"(http://{address}/admin/login/[\w-]+)"))
            settings = (await client.get("/admin/settings")).text
            form = {"csrf": token(settings)}
            diagnostics = (await client.post("/admin/diagnostics", data=form)).text
            balance = (await client.post("/admin/models/balance", data=form)).text
        assert await bot.end() == 0
    of_the_sandbox = re.findall(r">([A-Z_]+)</td>.*>the sandbox</td>", settings)
    assert {"TELEGRAM_BOT_TOKEN", "ADMIN_IDS", "GATEWAY_URL", "MEDIA_TEMP_DIR"} < {*of_the_sandbox}
    assert "WEB_ADDRESS" not in of_the_sandbox
    assert "the token is that of @" in diagnostics
    assert "main answers and accepts the key" in diagnostics
    assert "not set" not in diagnostics
    assert "USD left" in balance


async def answered(client: httpx.AsyncClient, person: int, text: str) -> str:
    """Send a text from a person's private chat with the bot, and give its first answer."""
    sent = {"person": person, "chat": person, "text": text}
    assert (await client.post("/sandbox/api/send", data=sent)).is_success
    async with patient():
        while True:
            shown = (await client.get(f"/sandbox/api/chat/{person}")).json()
            if found := [one for one in shown["messages"] if one["from_bot"]]:
                return str(found[0])
            await asyncio.sleep(0.05)


async def test_the_version_is_told_in_one_line_also_where_settings_are_wrong(
    tmp_path: Path,
) -> None:
    end = await ended(tmp_path, "--version", MAX_COUNT="many")
    assert (end.code, end.stdout, end.stderr) == (0, f"picturebot {program_version()}\n", "")
