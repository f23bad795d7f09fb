"""The language that somebody chose in /settings is spoken to him wherever he is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.domain import Scope
from bot.i18n.texts import Texts
from sandbox.gateway import Reply
from sandbox.telegram import Room
from tests.conftest import Start
from tests.features.inline.test_inline import stored, titles
from tests.support.conversation import Conversation
from tests.support.inline import draws, inline_lines, sees_inline

TEXTS = Texts.load()


def german(key: str, **args: object) -> str:
    """Write a text as a line of the chat that begins so."""
    return " ".join(TEXTS("de", key, **args).split())[:60] + "*"


@asynccontextmanager
async def speaking(start: Start, **changes: str) -> AsyncIterator[tuple[Conversation, Room]]:
    """Let Alice, whose Telegram speaks English, choose German for herself."""
    async with stored(start, **changes) as (chat, channel, away):
        own = Scope(chat.alice.id)
        await chat.store.write(lambda tx: tx.preferences.choose(own, "language", "de"))
        await chat.restart(STORAGE_CHAT_ID=str(channel.id), **changes)
        yield chat, away


async def test_commands_about_ones_own_data_speak_it(start: Start) -> None:
    async with speaking(start) as (chat, _):
        await chat.row(chat.alice, "/terms", german("terms", terms=TEXTS("de", "terms.none")))
        await chat.row(chat.alice, "/privacy", german("privacy", kept="", host=""))
        chat.alice.send(text="/export")
        await chat.said_last(chat.alice, "[file my-data.zip]*")
        await chat.row(chat.alice, "/export", german("export.wait"))
        (question,) = await chat.row(chat.alice, "/forget", german("forget.ask"))
        erase = TEXTS("de", "button.erase")
        await chat.press(chat.alice, question, erase)
        # The choice itself is erased by then.
        await chat.said_last(chat.alice, german("forget.done"))
        await chat.row(chat.alice, "/id", "You: *")


async def test_inline_mode_speaks_it(start: Start) -> None:
    async with speaking(start, USER_IMAGES_PER_DAY="1") as (chat, away):
        _, offer = await chat.alice.inline("ein Fuchs")
        assert titles(offer) == [f"article: {TEXTS('de', 'inline.draw', prompt='ein Fuchs')}"]
        _, offer = await chat.alice.inline("")
        assert offer.button
        assert offer.button["text"] == TEXTS("de", "inline.door")
        with chat.gateway.hold() as gate:
            await draws(chat.alice, away, "ein Fuchs")
            await chat.gateway.until(lambda: gate.waiting)
            cancel = TEXTS("de", "button.cancel")
            drawing = TEXTS("de", "inline.drawing", prompt="ein Fuchs")
            assert inline_lines(chat, away) == [f"{drawing} {{{cancel}}}"]
        another = TEXTS("de", "inline.another")
        await sees_inline(chat, away, f"[photo] ein Fuchs {{{another}}}")
        await draws(chat.alice, away, "noch ein Fuchs")
        await chat.telegram.until(lambda: "Limit" in inline_lines(chat, away)[-1])


async def test_presses_under_inline_messages_are_answered_in_it(start: Start) -> None:
    async with speaking(start) as (chat, away):
        chat.gateway.script(Reply(pictures=0, text="Nein."), times=2)
        await draws(chat.alice, away, "ein Fuchs")
        retry = TEXTS("de", "button.retry")
        await sees_inline(chat, away, f"*{{{retry}}}")
        (message,) = chat.from_bot(away) or [p.message for p in away.chat.posts.values()]
        assert await chat.press(chat.bob, message, retry, away) == TEXTS("en", "press.not_yours")
        assert await chat.press(chat.alice, message, retry, away) == TEXTS("de", "press.accepted")


async def test_guests_are_answered_in_it(start: Start) -> None:
    words = "@sandbox_bot ein Fuchs"
    async with speaking(start, USER_IMAGES_PER_DAY="1") as (chat, away):
        chat.alice.send(away, words)
        another = TEXTS("de", "inline.another")
        await sees_inline(chat, away, f"[photo] ein Fuchs {{{another}}}")
        chat.alice.send(away, words)
        await chat.telegram.until(lambda: "Limit" in inline_lines(chat, away)[-1])


async def test_commands_that_make_pictures_speak_it(start: Start) -> None:
    async with speaking(start) as (chat, _):
        await chat.row(chat.alice, "/presets", german("idea.list"))
        await chat.row(chat.alice, "/enhance", german("enhance.off"))


async def test_help_in_a_group_says_first_how_it_is_asked_there(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice])
    chat.alice.send(group, text="/help")
    (told,) = await chat.sees(group, "In groups: /imagine*What I can do:*")
    await chat.alice.press(
        group, told["message_id"], told["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
    )
    await chat.sees(group, "• Send several photos*")
