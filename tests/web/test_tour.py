"""A tour of the dashboard in a real browser: on a desk, on a phone, in the dark, without scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.conftest import Start
from tests.support.browser import DESK, PATIENCE, TELEPHONE, chromium
from tests.support.conversation import Conversation
from tests.support.pages import free_address, have_history, link

ALICE, BOB = 1001, 1002
MODES: dict[str, dict[str, Any]] = {
    "desk": {},
    "phone": {"viewport": {"width": TELEPHONE[0], "height": TELEPHONE[1]}, "has_touch": True},
    "dark": {"color_scheme": "dark"},
    "without scripts": {"java_script_enabled": False},
}


@asynccontextmanager
async def opened(browser: Browser, url: str, **how: Any) -> AsyncIterator[Page]:  # noqa: ANN401 - Playwright's
    """Open a tab; at the end nothing may have gone wrong, nor have been asked for elsewhere."""
    given = {"viewport": {"width": DESK[0], "height": DESK[1]}, "locale": "en-GB", **how}
    context = await browser.new_context(**given)
    page = await context.new_page()
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    faults: list[str] = []
    # Who is not let in is told so by the page; the browser reports it as well.
    page.on(
        "console", lambda said: None if "status of 40" in said.text else faults.append(said.text)
    )
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "request", lambda asked: None if asked.url.startswith(url) else faults.append(asked.url)
    )
    try:
        yield page
    finally:
        await context.close()
    assert faults == []


async def walk(page: Page, chat: Conversation, opening: str) -> None:
    """Log in, look at every page, ban somebody and take it back, and log out."""
    await page.goto(opening)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    await expect(page.locator("svg")).to_have_count(5)
    await see(page, "Jobs")
    await page.get_by_label("Outcome").select_option("drawn")
    await page.get_by_role("button", name="Filter").click()
    await page.get_by_role("link", name="1", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Job 1")
    await fits(page)
    await see(page, "Users and chats")
    await page.get_by_label("Name, @name or number").fill("bob")
    await page.get_by_role("button", name="Search").click()
    await page.get_by_role("link", name=str(BOB)).click()
    await page.get_by_label("Reason, which he is told").fill("too loud")
    await page.get_by_role("button", name="Ban", exact=True).click()
    await expect(page.get_by_role("status")).to_have_text("Done.")
    await expect(page.locator("dl")).to_contain_text("too loud")
    await fits(page)
    await page.get_by_role("button", name="Unban").click()
    await expect(page.locator("dl")).not_to_contain_text("too loud")
    for name in await page.locator("nav a").all_inner_texts():
        await see(page, name)
    await see(page, "Actions")
    await expect(page.locator("tbody tr").first).to_contain_text("ban lifted")
    await page.get_by_role("button", name="Log out").click()
    await expect(page.locator("main")).to_contain_text("Write /admin to the bot")
    assert chat.world.telegram.violations == []


async def see(page: Page, name: str) -> None:
    await page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(name)
    await fits(page)


async def fits(page: Page) -> None:
    """Nothing is wider than the window, and where one is is in sight; on a phone no table scrolls."""
    size = page.viewport_size
    assert size
    await expect(page.locator("nav [aria-current]")).to_be_in_viewport(ratio=1)
    if size["width"] == TELEPHONE[0]:
        for table in await page.locator(".table").all():
            assert await table.evaluate("one => one.scrollWidth <= one.clientWidth")
            for cell in await table.locator("td:visible").all():
                assert (
                    await cell.get_attribute("data-label") or await cell.locator("form, a").count()
                )
    for part in ("main > *", "footer"):
        for one in await page.locator(part).all():
            box = await one.bounding_box()
            assert box is None or (box["x"] >= 0 and box["x"] + box["width"] <= size["width"])


@pytest.mark.parametrize("mode", MODES)
async def test_the_dashboard_is_walked_through(start: Start, mode: str) -> None:
    address = free_address()
    async with chromium() as browser, start(WEB_ADDRESS=address, ADMIN_IDS=str(ALICE)) as chat:
        await have_history(chat)
        await chat.row(chat.bob, "a red fox", "[photo]*")
        await chat.quiet()
        opening = await link(chat, chat.alice)
        async with opened(browser, f"http://{address}", **MODES[mode]) as page:
            await walk(page, chat, opening)
            if mode == "dark":
                await page.goto(f"http://{address}/admin/login/x")
                colour = "getComputedStyle(document.body).backgroundColor"
                assert await page.evaluate(colour) == "rgb(18, 22, 28)"
