"""What Telegram shows of the bot itself, over the wire: set once, and again where it changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from telegram import (
    Bot,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeChat,
    BotCommandScopeDefault,
)

from bot.i18n.texts import LOCALES, Texts
from bot.jobs.messages import PublishedProfile
from bot.tg import bot_profile
from bot.tg.client import open_bot
from sandbox.telegram.faults import BadRequest, Flood
from sandbox.telegram.world import MethodCall
from tests.support.conversation import TOKEN, Conversation

TEXTS = Texts.load()


@asynccontextmanager
async def opened(chat: Conversation) -> AsyncIterator[Bot]:
    """A bot of our own; the one that ran has ended, and with it its publishing."""
    await chat.end()
    bot = open_bot(TOKEN, chat.world.telegram_url, 0)
    async with bot:
        yield bot


async def publish(chat: Conversation, *operators: int, texts: Texts = TEXTS) -> list[MethodCall]:
    async with opened(chat) as bot:
        before = len(chat.telegram.calls)
        await bot_profile.publish(bot, texts, PublishedProfile(chat.store), operators, pause=0)
    changing = ("setMy", "deleteMy")
    return [one for one in list(chat.telegram.calls)[before:] if one.method.startswith(changing)]


async def test_every_language_has_its_menu_and_descriptions(chat: Conversation) -> None:
    await publish(chat)
    async with opened(chat) as bot:
        for locale in LOCALES:
            if locale == "zh_Hant":
                continue
            code = None if locale == "en" else locale[:2]
            for scope, names in (
                (BotCommandScopeDefault(), bot_profile.COMMANDS),
                (BotCommandScopeAllGroupChats(), bot_profile.GROUPS),
            ):
                commands = await bot.get_my_commands(scope, code)
                assert [(one.command, one.description) for one in commands] == [
                    (name, TEXTS(locale, f"command.{name}")) for name in names
                ]
            told = await bot.get_my_description(code)
            assert told.description == TEXTS(locale, "about.long")
            short = await bot.get_my_short_description(code)
            assert short.short_description == TEXTS(locale, "about.short")


async def test_what_stands_already_is_not_set_again(chat: Conversation) -> None:
    await publish(chat)
    assert await publish(chat) == []
    before = len(chat.telegram.calls)
    await chat.begin()
    await chat.row(chat.alice, "/id", "You:*")
    await chat.end()
    said = [call.method for call in list(chat.telegram.calls)[before:]]
    assert not any(method.startswith("setMy") for method in said)


async def test_what_changed_is_set_again_and_nothing_else(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(chat)
    monkeypatch.setattr(bot_profile, "GROUPS", ("imagine", "help"))
    changed = await publish(chat)
    scopes = {call.params["scope"]["type"] for call in changed}
    assert scopes == {"all_group_chats", "all_chat_administrators"}
    assert len(changed) == 2 * (len(LOCALES) - 1)
    monkeypatch.setattr(bot_profile, "GROUPS", ("imagine",))
    monkeypatch.undo()
    assert len(await publish(chat)) == len(changed)  # and back again


async def test_groups_are_not_offered_what_works_in_private_only(chat: Conversation) -> None:
    await publish(chat)
    async with opened(chat) as bot:
        for scope in (BotCommandScopeDefault(), BotCommandScopeAllGroupChats()):
            names = {one.command for one in await bot.get_my_commands(scope)}
            assert ("forget" in names) == (scope.type == "default")


async def test_administrators_and_operators_see_theirs(chat: Conversation) -> None:
    await publish(chat, chat.alice.id, 99)  # 99 never wrote to the bot
    async with opened(chat) as bot:
        for scope, name, key in (
            (BotCommandScopeAllChatAdministrators(), "settings", "command.settings.group"),
            (BotCommandScopeChat(chat.alice.id), "queue", "command.queue.operator"),
        ):
            told = {one.command: one.description for one in await bot.get_my_commands(scope, "de")}
            assert told[name] == TEXTS("de", key) != TEXTS("de", f"command.{name}")
            assert told["help"] == TEXTS("de", "command.help")


async def test_who_operates_the_bot_no_longer_loses_his_menu(chat: Conversation) -> None:
    await publish(chat, chat.alice.id, chat.bob.id)
    changed = await publish(chat, chat.bob.id)
    assert {(one.method, one.params["scope"]["chat_id"]) for one in changed} == {
        ("deleteMyCommands", chat.alice.id)
    }
    assert len(changed) == len(LOCALES) - 1
    async with opened(chat) as bot:
        assert await bot.get_my_commands(BotCommandScopeChat(chat.alice.id), "de") == ()
        assert await bot.get_my_commands(BotCommandScopeChat(chat.bob.id), "de")
    assert await publish(chat, chat.bob.id) == []
    assert len(await publish(chat, chat.alice.id, chat.bob.id)) == len(changed)


async def test_a_flood_is_waited_for_and_a_refusal_is_tried_at_the_next_start(
    chat: Conversation,
) -> None:
    async with opened(chat) as bot:
        await bot_profile.publish(bot, TEXTS, PublishedProfile(chat.store), pause=0)
        chat.telegram.fault("setMyDescription", Flood(1))
        chat.telegram.fault("setMyDescription", BadRequest("no"))
        for language in ("", "de"):
            await PublishedProfile(chat.store).set(f"{bot.id} description {language}", "old")
        assert await bot_profile.publish(bot, TEXTS, PublishedProfile(chat.store), pause=0) == 1
        assert await bot_profile.publish(bot, TEXTS, PublishedProfile(chat.store), pause=0) == 1


def test_commands_that_only_some_bots_have_are_in_every_menu_of_theirs() -> None:
    for item in bot_profile.items(TEXTS, more=("start",)):
        if isinstance(item, bot_profile.Commands):
            assert item.lines[-1][0] == "start"


def test_no_menu_names_a_command_twice() -> None:
    for item in bot_profile.items(TEXTS, operators=[1]):
        if isinstance(item, bot_profile.Commands):
            names = [name for name, _ in item.lines]
            assert len(set(names)) == len(names)


def test_descriptions_keep_telegrams_limits() -> None:
    # https://core.telegram.org/bots/api#setmydescription
    for locale in LOCALES:
        assert len(TEXTS(locale, "about.short")) <= 120
        assert len(TEXTS(locale, "about.long")) <= 512
    for item in bot_profile.items(TEXTS):
        assert all(0 < len(text) <= 512 for text in item.lines if isinstance(text, str))


def test_no_menu_has_a_command_twice() -> None:
    for names in (bot_profile.COMMANDS, bot_profile.GROUPS, bot_profile.OPERATE):
        assert len(set(names)) == len(names)
