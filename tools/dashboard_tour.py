"""The pictures of the dashboard in docs/operating.md: a part of `make tour`."""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Page

from sandbox.gateway import Reply
from tests.conftest import SMALL
from tests.support.browser import TELEPHONE, chromium
from tests.support.conversation import Conversation, started
from tests.support.pages import free_address, have_history, link

INTO = Path(__file__).parents[1] / "docs" / "tour"
DESK = (1100, 900)
OPERATOR = 1001  # the sandbox's first person
NO_MONEY = b'{"code": 402, "msg": "insufficient balance", "data": null}'


async def lived(chat: Conversation) -> None:
    """Let some pictures be drawn, and one not."""
    chat.gateway.default = SMALL
    await have_history(chat)
    for number, words in enumerate(("a red fox", "a paper boat", "a lighthouse"), 1):
        who = chat.bob if number % 2 else chat.alice
        await chat.row(who, f"{words} --model nano-banana-pro", "[photo]*")
    chat.gateway.default = Reply(body=NO_MONEY, status=402)
    await chat.row(chat.bob, "a harbour in the morning", "*")
    await chat.quiet()


async def tour(browser: Browser, into: Path) -> None:
    address = free_address()
    given = {"WEB_ADDRESS": address, "ADMIN_IDS": str(OPERATOR)}
    with tempfile.TemporaryDirectory(prefix="tour-") as folder:
        async with started(Path(folder), **given) as chat:
            await lived(chat)
            for name, size, dark in (("", DESK, False), ("-phone", TELEPHONE, True)):
                page = await browser.new_page(
                    viewport={"width": size[0], "height": size[1]},
                    color_scheme="dark" if dark else "light",
                    locale="en-GB",
                )
                await page.goto(await link(chat, chat.alice))
                await page.get_by_role("button", name="Log in").click()
                await shoot(page, into / f"dashboard{name}.png")
                if not name:
                    await page.goto(f"http://{address}/admin/jobs/1")
                    await shoot(page, into / "dashboard-job.png")
                await page.close()


async def shoot(page: Page, file: Path) -> None:
    shot = await page.screenshot(animations="disabled")
    with Image.open(io.BytesIO(shot)) as picture:
        file.parent.mkdir(parents=True, exist_ok=True)
        picture.convert("RGB").quantize(128).save(file, optimize=True)


async def main(into: Path = INTO) -> None:
    async with chromium() as browser:
        await tour(browser, into)


if __name__ == "__main__":
    sys.stdout.write("the dashboard\n")
    asyncio.run(main())
