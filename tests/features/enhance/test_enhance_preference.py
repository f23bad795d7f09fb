"""Better prompts as a choice and as a flag: what is enhanced, in which chat, and what never is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from bot.domain import Scope
from sandbox.telegram import Place
from tests.conftest import Start
from tests.features.enhance.test_enhance import BETTER, ENHANCES, SHOWN
from tests.support.choice import choice
from tests.support.conversation import PICTURE, Conversation, image

ON = "Your settings*Better prompts: on*"


@pytest_asyncio.fixture
async def chat(start: Start, tmp_path: Path) -> AsyncIterator[Conversation]:
    """The whole bot, with a model that makes prompts better."""
    async with start(**choice(tmp_path), **ENHANCES) as conversation:
        yield conversation


async def choose(chat: Conversation, level: Scope, *, on: bool) -> None:
    """Have a level's choice stand in the database, as a button leaves it."""
    await chat.store.write(lambda tx: tx.preferences.choose(level, "enhance", value=on))
    await chat.restart(**choice(chat.folder), **ENHANCES)


def models(chat: Conversation) -> list[str]:
    """Name the models that were asked, in order."""
    return [call.model for call in chat.gateway.calls]


async def test_a_choice_has_each_prompt_shown_before_it_is_drawn(chat: Conversation) -> None:
    (menu,) = await chat.row(chat.alice, "/settings", "Your settings*Better prompts: off*")
    await chat.press(chat.alice, menu, "Better prompts")
    about = "*I suggest better words for each prompt*{✓ automatic (off)|on|off|Back}"
    await chat.sees(chat.alice, about)
    await chat.press(chat.alice, menu, "on")
    await chat.sees(chat.alice, ON)
    (shown,) = await chat.row(chat.alice, "a fox", SHOWN)
    assert await chat.jobs() == []
    assert models(chat) == ["gpt-4.1-mini"]
    await chat.press(chat.alice, shown, "Draw this")
    await chat.sees(chat.alice, ON, BETTER, PICTURE)
    assert len(await chat.quiet()) == 1
    await chat.row(chat.bob, "a fox", PICTURE)  # who has not chosen it


async def test_a_flag_beats_the_choice_and_is_never_drawn(chat: Conversation) -> None:
    (shown,) = await chat.row(chat.alice, "a fox --enhance", SHOWN)
    assert chat.last_call.prompt == "a fox"
    await chat.press(chat.alice, shown, "Draw my words")
    await chat.said_last(chat.alice, PICTURE)
    assert chat.last_call.prompt == "a fox"
    await choose(chat, Scope(chat.alice.id), on=True)
    await chat.row(chat.alice, "a fox --no-enhance", PICTURE)
    assert chat.last_call.prompt == "a fox"
    await chat.row(chat.alice, "a fox —enhance --no-enhance", PICTURE)
    assert chat.last_call.prompt == "a fox —enhance"


async def test_what_works_on_a_picture_is_drawn_as_it_is(chat: Conversation) -> None:
    await choose(chat, Scope(chat.alice.id), on=True)
    alice = chat.alice
    (drawn,) = await chat.row(alice, None, PICTURE, photo=image(), caption="blue")
    await chat.row(alice, "make it red", PICTURE, reply_to=drawn["message_id"])
    await chat.row(alice, None, "What shall I do with this picture?*", photo=image())
    await chat.row(alice, "make it green", PICTURE)  # the words that it waited for
    before = chat.lines(alice)
    await chat.press(alice, drawn, "Again")
    await chat.sees(alice, *before, PICTURE)
    assert ENHANCES["ENHANCE_MODEL"] not in models(chat)
    await chat.row(alice, "a fox", SHOWN)  # nothing waits any more


async def test_a_reply_to_words_is_a_prompt_like_any_other(chat: Conversation) -> None:
    await choose(chat, Scope(chat.alice.id), on=True)
    (told,) = await chat.row(chat.alice, "/help", "What I can do:*")
    await chat.press(chat.alice, told, "More ▸")
    await chat.sees(chat.alice, "*With --enhance in a prompt*--no-enhance*/enhance*{Back}")
    await chat.row(chat.alice, "a fox", SHOWN, reply_to=told["message_id"])


async def test_a_group_and_a_topic_choose_for_their_members(chat: Conversation) -> None:
    forum = chat.telegram.group("Forum", [chat.alice, chat.bob], topics=("Art",))
    art = forum.topic("Art")
    await choose(chat, Scope(forum.id), on=True)
    (shown,) = await chat.row(chat.bob, "/imagine a fox", SHOWN, chat=forum, thread=art)
    assert shown["message_thread_id"] == art
    said = await chat.press(chat.alice, shown, "Draw this", forum)
    assert said == "Only the person who asked for this picture can press this."
    await chat.press(chat.bob, shown, "Draw my words", forum)
    await chat.sees(forum, "a fox", PICTURE)
    await choose(chat, Scope(forum.id, art), on=False)
    await chat.row(chat.bob, "/imagine a fox", PICTURE, chat=forum, thread=art)
    await chat.row(chat.bob, "/imagine a fox", SHOWN, chat=forum)
    await menu_says(chat, forum, art)


async def menu_says(chat: Conversation, forum: Place, art: int) -> None:
    """Look at the topic's page."""
    said = "Settings of this topic*Better prompts: off*"
    (menu,) = await chat.row(chat.alice, "/settings", said, chat=forum, thread=art)
    denied = await chat.press(chat.bob, menu, "Better prompts", forum)
    assert denied.startswith("Only the administrators of this group")


async def test_a_message_that_comes_again_is_not_read_by_a_newer_choice(
    chat: Conversation,
) -> None:
    alice = chat.alice
    await chat.row(alice, "a fox", PICTURE)
    await choose(chat, Scope(alice.id), on=True)
    chat.telegram.redeliver(1, fresh_ids=True)
    await chat.quiet()
    await chat.sees(alice, PICTURE)
    await chat.row(alice, "a dog", "How about this?*")
    await choose(chat, Scope(alice.id), on=False)
    chat.telegram.redeliver(1, fresh_ids=True)
    await chat.quiet()
    await chat.sees(alice, PICTURE, "How about this?*")


async def test_a_suggestion_can_be_dropped(chat: Conversation) -> None:
    (shown,) = await chat.row(chat.alice, "a fox --enhance", SHOWN)
    chat.alice.press_only(chat.alice, shown["message_id"], "Cancel")
    chat.alice.press_only(chat.alice, shown["message_id"], "Cancel")
    await chat.sees(chat.alice, "Cancelled.")
    message = shown["reply_to_message"]["message_id"]
    stale = "This button no longer works. Please send your request again."
    for verb in ("better", "words", "rewrite", "drop"):
        assert await chat.forge(chat.alice, shown, f"{verb}:{message}") == stale
    assert await chat.jobs() == []


async def test_without_a_model_there_is_nothing_to_choose(start: Start, tmp_path: Path) -> None:
    async with start(**choice(tmp_path)) as chat:
        (menu,) = await chat.row(chat.alice, "/settings", "Your settings*{*|Ready ping}")
        stale = "This button no longer works. Please send your request again."
        assert await chat.forge(chat.alice, menu, "set:enhance:1") == stale
        await chat.row(chat.alice, "a fox --enhance", "There is no model here*")
        await chat.row(chat.alice, "a fox --no-enhance", PICTURE)
        alice = Scope(chat.alice.id)
        await chat.store.write(lambda tx: tx.preferences.choose(alice, "enhance", value=True))
        await chat.restart(**choice(tmp_path))
        await chat.row(chat.alice, "a fox", PICTURE)
        (told,) = await chat.row(chat.alice, "/help", "What I can do:*")
        await chat.press(chat.alice, told, "More ▸")
        assert "enhance" not in (await chat.said_last(chat.alice, "*{Back}"))["text"]
