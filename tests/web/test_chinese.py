"""The dashboard in Chinese: every page is walked, and what stays in English is no word of the pages' own."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx

from bot.catalogue.load import load_catalogue
from bot.config import load_settings
from sandbox.gateway import Failure, Reply
from tests.conftest import Start
from tests.support.conversation import Conversation
from tests.support.pages import browser, have_history, token
from tests.web.test_dashboard import NO_MONEY, looking
from tests.web.test_probes import ended, probe
from tests.web.test_wording import chinese

LINK = re.compile(r'href="(/admin[^"#]*)"')
SHOWN = re.compile(r'(?:aria-label|placeholder|alt|title|data-label)="([^"]*)"')
# What is written as it is: other people's words, values of settings, the platform, figures of a day.
DATA = re.compile(
    r'<q lang="en">.*?</q>|data-label="值">[^<]*<|=[^#\n]*#|(?<=\n)picturebot .*|outcome:\w+'
    r"|(?<=>)picturebot \d.*"
)
# Names: of units, languages, routes, people of the sandbox; and of figures.
NAMES = {
    *("UTC", "USD", "PNG", "HTTP", "ms", "en", "English", "sqlite", "postgresql", "checkout"),
    *("chat", "completions", "request", "chatcmpl", "sandbox", "Alone", "python", "httpx"),
    *("Alice", "Bob", "spam", "fox", "red", "jobs", "pictures", "users", "cost", "unpriced"),
    *("main", "median", "insufficient", "balance"),
}


def pattern(path: str) -> str:
    """Tell pages apart by their kind, and not by whose they are."""
    return re.sub(r"=[^&]*", "=", re.sub(r"-?\d+", "N", path))


async def walked(client: httpx.AsyncClient) -> dict[str, str]:
    """Follow every link from the first page on, one of a kind; gives the pages by their paths."""
    pages: dict[str, str] = {}
    seen, to_see = {"/admin"}, ["/admin", "/admin/people/777", "/admin/jobs?user=x", "/admin/nope"]
    while to_see:
        path = to_see.pop()
        page = await client.get(path)
        pages[path] = page.text
        for found in LINK.findall(page.text):
            link = found.replace("&amp;", "&")
            if pattern(link) not in seen and not re.search(r"/static/|csv$|/pictures/", link):
                seen.add(pattern(link))
                to_see.append(link)
    return pages


def words(page: str, given: list[str]) -> Iterator[str]:
    """List the words that a page shows, but for what is given from elsewhere, as names are."""
    page = DATA.sub(" ", page)
    text = " ".join([*SHOWN.findall(page), re.sub(r"<[^>]*>", " ", page)])
    for one in given:
        text = text.replace(one, " ")
    yield from re.findall(r"[A-Za-z]{2,}", text)


def names() -> list[str]:
    """List what is written as it is: models and settings; the longest first."""
    models = [name for one in load_catalogue(None) for name in (one.id, one.label)]
    settings = [one.name for one in load_settings({}, env_file=None).effective()]
    return sorted([*models, *settings], key=len, reverse=True)


async def lived(chat: Conversation) -> None:
    """Have something on every page."""
    await have_history(chat)
    await chat.row(chat.bob, "a red fox", "[photo]*")
    await chat.quiet()
    for command in ("/ban 1002 spam", "/unban 1002", "/limit 1002 day=5", "/maintenance off"):
        await chat.row(chat.alice, command, "*")
    chat.gateway.script(Reply(body=NO_MONEY, status=402), Reply(failure=Failure.RATE_LIMITED))
    await chat.row(chat.bob, "a red fox", "*")
    await chat.quiet()


async def test_no_page_says_a_word_of_its_own_in_english(
    start: Start, alone: dict[str, str]
) -> None:
    async with looking(start, WEB_SHOW_CONTENT="true", **alone) as (chat, client):
        await lived(chat)
        await probe(client)
        await ended(client)
        csrf = token((await client.get("/admin")).text)
        await client.post("/admin/language", data={"csrf": csrf, "locale": "zh"})
        pages = await walked(client)
        for path in ("/admin/models/balance", "/admin/ledger"):
            pages[f"POST {path}"] = (await client.post(path, data={"csrf": csrf})).text
        async with browser(client.base_url.netloc.decode(), **{"accept-language": "zh"}) as nobody:
            pages["logged out"] = (await nobody.get("/admin")).text
        assert len(pages) > 15
        known = NAMES.union(*(re.findall("[A-Za-z]+", text) for text in chinese().values()))
        english = {path: set(words(page, names())) - known for path, page in pages.items()}
        assert {path: found for path, found in english.items() if found} == {}
