"""A browser on the sandbox's chat page: starts Chromium, and acts and looks as a person does."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator, Sequence
from typing import Self

import pytest
from playwright.async_api import Browser, FilePayload, Locator, Page, async_playwright, expect

from tests.support import waiting

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# The browser waits in wall time; what is looked for is found as soon as it is there.
PATIENCE = 2_000 * waiting.PATIENCE  # milliseconds
DESK = (1180, 860)
TELEPHONE = (390, 780)


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start Chromium; skip the test where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


class ChatPage:
    """The chat page in a tab: `page` is Playwright's; `faults` is what went wrong on it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda said: self._console(said.type, said.text))
        page.on("request", lambda request: self._request(request.url))

    def _console(self, kind: str, text: str) -> None:
        # Refusals of the sandbox are shown to the person; the browser reports them as well.
        if kind == "error" and "Failed to load resource" not in text:
            self.faults.append(text)

    def _request(self, url: str) -> None:
        if not url.startswith((self.url, "blob:", "data:")):
            self.faults.append(f"request to {url}")

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(
        cls, browser: Browser, url: str, *, size: tuple[int, int] = DESK, dark: bool = False
    ) -> AsyncIterator[Self]:
        """Open the page in a tab of its own; at the end nothing may have gone wrong on it."""
        page = await browser.new_page(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
        )
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        chat = cls(page, url)
        await page.goto(url)
        await expect(chat.by("status")).not_to_be_empty()  # a chat is open
        try:
            yield chat
        finally:
            await page.close()
        assert chat.faults == []

    def by(self, test_id: str) -> Locator:
        """Find an element by its test id."""
        return self.page.get_by_test_id(test_id)

    async def be(self, name: str) -> None:
        """Become another person."""
        await self.by(f"person-{name}").click()
        await expect(self.by(f"person-{name}")).to_have_attribute("aria-pressed", "true")

    async def go(self, kind: str, topic: str | None = None, *, called: str = "") -> None:
        """Open the first chat of a kind (private, group, channel, direct, away), or that called so.

        A forum's topic can be opened in it.
        """
        row = self.by(f"chat-{kind}").filter(has_text=called).first
        await row.click()
        await expect(row).to_have_attribute("aria-current", "true")
        if topic is not None:
            await self.by(f"topic-{topic}").click()

    async def attach(self, *files: FilePayload, as_file: bool = False) -> None:
        """Attach files to the message in the composer."""
        await self.by("file").set_input_files(files)
        if as_file:
            await self.by("as-file").check(force=True)

    async def say(self, text: str = "") -> None:
        """Write a text and send the message with all that is attached."""
        await self.by("text").fill(text)
        await self.by("text").press("Enter")
        await expect(self.by("composer")).not_to_have_attribute("aria-busy", "true")
        await expect(self.by("text")).to_have_value("")

    async def reply_to(self, message: Locator) -> None:
        """Begin a reply to a message."""
        await message.hover()
        await message.get_by_test_id("reply").click()
        await expect(self.by("answering")).to_be_visible()

    def messages(self, *, of_bot: bool | None = None) -> Locator:
        """Find the messages of the open chat: all, or those of the bot or of people only."""
        whose = "" if of_bot is None else f'[data-bot="{"yes" if of_bot else "no"}"]'
        return self.page.locator(f'[data-testid="message"]{whose}')

    async def press(self, label: str) -> None:
        """Press the newest button with that label."""
        await self.by("key").filter(has_text=label).last.click()

    async def see_picture(self, message: Locator, count: int = 1) -> None:
        """Wait until a message shows pictures, loaded."""
        photos = message.get_by_test_id("photo").locator("img")
        await expect(photos).to_have_count(count)
        for index in range(count):
            loaded = "image => image.complete && image.naturalWidth > 0"
            await expect(photos.nth(index)).to_be_visible()
            element = await photos.nth(index).element_handle()
            assert element is not None
            await self.page.wait_for_function(loaded, arg=element)


def payload(name: str, data: bytes, mime: str = "image/png") -> FilePayload:
    """Make a file to attach."""
    return {"name": name, "mimeType": mime, "buffer": data}


async def drop(chat: ChatPage, files: Sequence[tuple[str, bytes, str]], *, event: str) -> None:
    """Let files fall on the chat (`drop`) or paste them into the text (`paste`)."""
    await chat.page.evaluate(
        """([files, event]) => {
            const data = new DataTransfer();
            for (const [name, bytes, type] of files) {
                data.items.add(new File([new Uint8Array(bytes)], name, { type }));
            }
            if (event === "paste") {
                const target = document.querySelector('[data-testid="text"]');
                target.dispatchEvent(new ClipboardEvent("paste", {
                    clipboardData: data, bubbles: true, cancelable: true,
                }));
                return;
            }
            const pane = document.querySelector(".pane");
            for (const name of ["dragenter", "dragover", "drop"]) {
                pane.dispatchEvent(new DragEvent(name, {
                    dataTransfer: data, bubbles: true, cancelable: true,
                }));
            }
        }""",
        [[[name, list(data), mime] for name, data, mime in files], event],
    )
