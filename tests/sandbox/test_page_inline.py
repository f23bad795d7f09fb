"""Inline and guest mode on the chat page, in a real browser."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import expect

from sandbox.server import Sandbox
from tests.sandbox.test_page import TOKEN, Painter, browser, chat, world
from tests.support.browser import ChatPage

__all__ = ["browser", "chat", "world"]  # fixtures

pytestmark = pytest.mark.asyncio(loop_scope="module")

BUTTONS = {"inline_keyboard": [[{"text": "One, too", "switch_inline_query_current_chat": "fox"}]]}


class Guest(Painter):
    """A bot that offers two results for each query, and edits what was chosen of them."""

    async def handle(self, update: dict[str, Any]) -> None:
        if query := update.get("inline_query"):
            await self.call(
                "answerInlineQuery",
                inline_query_id=query["id"],
                results=[article("draw", f"Draw: {query['query']}")] if query["query"] else [],
                button={"text": "Open the bot", "start_parameter": "inline"},
            )
        elif chosen := update.get("chosen_inline_result"):
            await self.call(
                "editMessageText",
                inline_message_id=chosen["inline_message_id"],
                text=f"Drawn: {chosen['query']}",
                reply_markup=BUTTONS,
            )
        elif guest := update.get("guest_message"):
            await self.call(
                "answerGuestQuery",
                guest_query_id=guest["guest_query_id"],
                result=article("guest", "As your guest"),
            )
        else:
            await super().handle(update)


def article(name: str, words: str) -> dict[str, Any]:
    return {
        "type": "article",
        "id": name,
        "title": words,
        "input_message_content": {"message_text": words},
        "reply_markup": {"inline_keyboard": [[{"text": "Cancel", "callback_data": "x"}]]},
    }


@pytest_asyncio.fixture(loop_scope="module")
async def guest(world: Sandbox) -> AsyncIterator[Guest]:
    url = f"{world.telegram_url}/bot{TOKEN}/"
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        bot = Guest(http)
        running = asyncio.create_task(bot.run())
        yield bot
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_what_is_offered_is_chosen_and_changes(guest: Guest, chat: ChatPage) -> None:
    await chat.go("away")
    await chat.by("text").fill("@sandbox_bot a fox")
    await chat.by("offer").filter(has_text="Draw: a fox").click()
    await expect(chat.messages()).to_contain_text("Drawn: a fox")
    await expect(chat.messages()).to_contain_text("via @sandbox_bot")
    await expect(chat.by("inline")).to_be_hidden()
    await chat.page.get_by_role("button", name="One, too").click()
    await expect(chat.by("text")).to_have_value("@sandbox_bot fox")
    await chat.by("offer").filter(has_text="Draw: fox").wait_for()
    assert guest.seen == []


async def test_a_guest_is_answered_where_the_bot_is_no_member(guest: Guest, chat: ChatPage) -> None:
    await chat.go("away")
    await chat.say("nothing for bots")
    await chat.say("what do you say, @sandbox_bot?")
    await expect(chat.messages(of_bot=True)).to_contain_text("As your guest")
    assert guest.seen == []


async def test_the_door_leads_to_the_bot(world: Sandbox, guest: Guest, chat: ChatPage) -> None:
    await chat.go("away")
    await chat.by("text").fill("@sandbox_bot ")
    await chat.page.get_by_role("button", name="Open the bot").click()
    await expect(chat.messages()).to_contain_text("/start inline")
    await world.telegram.until(lambda: guest.seen)
    assert guest.seen[0]["text"] == "/start inline"
