"""Commands, over the wire: each answers with words, in the language of whoever asks."""

from __future__ import annotations

import re
from typing import Any
from unicodedata import east_asian_width

import pytest

from bot.features.commands.handlers import MATTER
from bot.i18n.texts import LOCALES, Texts
from bot.tg.bot_profile import COMMANDS
from sandbox.gateway import Reply, UsageForm
from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation, image


async def test_each_command_answers(chat: Conversation) -> None:
    rows = (
        ("/start", "Hello! I make pictures from your words.*/help shows everything."),
        ("/start deep-link_42", "Hello! I make pictures from your words.*"),
        (
            "/help",
            "What I can do:*For example:*/imagine*/settings*buttons under a picture*@sandbox_bot*{More ▸}",
        ),
        ("/HELP@sandbox_bot", "What I can do:*"),
        ("/privacy", "What is stored here:*until they are deleted by hand.*sent to 127.0.0.1*"),
        ("/id", f"You: {chat.alice.id} This chat: {chat.alice.id} Topic: -"),
        ("/cancel", "There is nothing to cancel."),
        ("/settings", "Your settings  Model: Gemini 2.5 Flash Image Aspect ratio: automatic*"),
    )
    for said, answer in rows:
        (told,) = await chat.row(chat.alice, said, answer)
        assert told["reply_to_message"]["text"] == said
    assert chat.gateway.calls == []


async def test_chinese_is_answered_in_chinese(chat: Conversation) -> None:
    ming = chat.telegram.person("小明", language="zh-hans")
    rows = (
        ("/start", "你好*"),
        ("/help", "我能做什么*"),
        ("/privacy", "这里会保存*"),
        ("/id", f"*{ming.id}*"),
        ("/usage", "*今*0*"),
        ("/settings", "*Gemini 2.5 Flash Image*"),
        ("/nonsense", "我不认识这个命令*"),
        ("一只狐狸", "[photo]* {再来一张|变体|*原图文件|删除}"),
        ("sandbox:error=402", "*未计费。 {重试}"),
    )
    for said, answer in rows:
        await chat.row(ming, said, answer)
    with chat.gateway.hold():
        (status,) = await chat.row(ming, "两只狐狸", "正在绘制… {取消}")
    await chat.telegram.until(lambda: chat.lines(ming)[-1].endswith("|原图文件|删除}"))
    assert await chat.press(ming, status, "再来一张") == "正在重新绘制。"


async def test_everybody_is_answered_in_his_language(chat: Conversation) -> None:
    texts = Texts.load()
    for locale in LOCALES:
        person = chat.telegram.person(locale, language=locale.replace("_", "-").lower())
        (answered,) = await chat.row(person, "/cancel", "*")
        assert answered["text"] == texts(locale, "cancel.none")
        (drawn,) = await chat.row(person, "a red fox", "[photo]*")
        keys = [key["text"] for row in drawn["reply_markup"]["inline_keyboard"] for key in row]
        assert texts(locale, "button.again") in keys


async def test_usage_tells_people_of_pictures_and_what_is_left(start: Start) -> None:
    async with start(USER_IMAGES_PER_DAY="9", USER_IMAGES_PER_MONTH="50") as chat:
        none = "Today ? pictures: 0, left: 9 of 9 This month ? pictures: 0, left: 50 of 50"
        said = f"What you have used*{none} All time ? pictures: 0"
        await chat.row(chat.alice, "/usage", said)
        await chat.row(chat.alice, "a fox x2", PICTURE, PICTURE)
        await chat.quiet()
        left = "*Today ? pictures: 2, left: 7 of 9 This month ? pictures: 2, left: 48 of 50*"
        (told,) = await chat.row(chat.alice, "/usage", left)
        await chat.row(chat.bob, "/usage", said)  # each sees his own
        assert not {"tokens", "cost", "USD"} & set(re.findall(r"\w+", told["text"]))


async def test_operators_are_told_tokens_and_cost_too_and_nobody_beside_them(start: Start) -> None:
    async with start(ADMIN_IDS="1001") as chat:
        assert chat.alice.id == 1001
        chat.gateway.script(Reply(noise=1200, usage=UsageForm.COST))
        await chat.row(chat.alice, "a fox", PICTURE)
        await chat.quiet()
        # In: 4 characters are a token, and one more; out: 1290 for the picture, 3 words.
        tokens = len("a fox Output an image.") // 4 + 1 + 1290 + 3
        one = f"pictures: 1, tokens: {tokens}, cost: 0.0390 USD"
        said = f"*As this bot's operator*Today ? {one} This month ? {one} All time ? {one}"
        await chat.row(chat.alice, "/usage", said)
        group = chat.telegram.group("Friends", [chat.alice, chat.bob])
        await chat.row(chat.alice, "/usage", "*All time ? pictures: 1", chat=group)


async def test_usage_takes_the_price_table_where_the_gateway_is_silent(start: Start) -> None:
    async with start(ADMIN_IDS="1001") as chat:
        chat.gateway.script(Reply(noise=1200, usage=UsageForm.ABSENT))
        await chat.row(chat.alice, "a fox", PICTURE)
        await chat.quiet()
        await chat.row(chat.alice, "/usage", "*Today ? pictures: 1, tokens: 0, cost: 0.0390 USD*")


async def test_a_cost_that_nobody_knows_is_said_to_be_unknown(start: Start) -> None:
    model = "gemini-2.0-flash-preview-image-generation"
    async with start(DEFAULT_MODEL=model, ADMIN_IDS="1001") as chat:
        chat.gateway.script(Reply(noise=1200, usage=UsageForm.ABSENT))  # priced by the token
        await chat.row(chat.alice, "a fox", PICTURE)
        await chat.quiet()
        await chat.row(chat.alice, "/usage", "*Today ? pictures: 1, tokens: 0, cost: unknown*")


@pytest.mark.parametrize("locale", LOCALES)
async def test_help_fits_one_screen_and_has_the_rest_behind_a_button(
    chat: Conversation, locale: str
) -> None:
    texts = Texts.load()
    person = chat.telegram.person(locale, language=locale.replace("_", "-").lower())
    more, back = texts(locale, "button.more"), texts(locale, "settings.back")
    (told,) = await chat.row(person, "/help", f"*{{{more}}}")
    lines = told["text"].split("\n")
    # Of a phone: some forty letters a line, twice as wide where each is a word.
    assert sum(1 + width(line) // 42 for line in lines) <= 32
    commands = [name for name in MATTER if f"/{name} " in told["text"]]
    assert commands == list(MATTER)
    assert "@sandbox_bot" in told["text"]
    await chat.press(person, told, more)
    rest = (await chat.said_last(person, f"*{{{back}}}"))["text"]
    missing = [name for name in COMMANDS if f"/{name} " not in told["text"] + rest]
    assert missing == []
    await chat.press(person, told, back)
    await chat.sees(person, f"{shown_text(told)} {{{more}}}")


def width(line: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in line)


def shown_text(message: dict[str, Any]) -> str:
    return str(message["text"]).replace("\n", " ")


async def test_usage_in_a_group_is_the_askers_own(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    await chat.row(chat.alice, "/imagine a fox", PICTURE, chat=group)
    await chat.quiet()
    await chat.row(chat.bob, "/usage", "*Today ? pictures: 0*", chat=group)
    await chat.row(chat.alice, "/usage@sandbox_bot", "*Today ? pictures: 1*", chat=group)


async def test_commands_for_another_bot_are_left_alone(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    group.promote_bot()
    for name in ("start", "help", "usage", "settings", "cancel", "privacy", "id", "imagine"):
        chat.alice.send(group, f"/{name}@another_bot")
    await chat.quiet()
    assert chat.lines(group) == []


async def test_privacy_tells_how_long_pictures_are_kept(start: Start) -> None:
    async with start(MEDIA_RETENTION_DAYS="30") as chat:
        await chat.row(chat.alice, "/privacy", "*deleted 30 days after their last use.*")


async def test_an_edited_message_is_not_drawn_again(chat: Conversation) -> None:
    (message,) = chat.alice.send(text="a red fox")
    await chat.sees(chat.alice, PICTURE)
    chat.alice.edit(chat.alice, message["message_id"], "a blue fox")
    chat.alice.send(photo=image(), caption="blue")
    await chat.sees(chat.alice, PICTURE, PICTURE)
    assert len(chat.gateway.calls) == 2


async def test_a_command_under_an_album_of_what_is_no_picture_is_known(
    chat: Conversation,
) -> None:
    papers = [(f"{n}.pdf", b"%PDF-1.4", "application/pdf") for n in (1, 2)]
    chat.alice.send(documents=papers, caption="/id")
    await chat.quiet()
    await chat.telegram.until(lambda: len(chat.lines(chat.alice)) == 2)
    lines = chat.lines(chat.alice)
    assert any(str(chat.alice.id) in line for line in lines), lines
    assert not any("do not know this command" in line for line in lines), lines
