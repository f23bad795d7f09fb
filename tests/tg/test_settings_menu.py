"""The settings, over the wire: a walk through the menu, and what it is good for."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from tests.conversation import PICTURE

if TYPE_CHECKING:
    from tests.conversation import Conversation

TOP = "{Model|Aspect ratio}"
MODELS = (
    "{{{0}Gemini 2.5 Flash Image|{1}Gemini 3.1 Flash Image|{2}Gemini 3 Pro Image"
    "|{3}Gemini 2.0 Flash (preview)|Back}}"
)
RATIOS = "1:1|2:3|3:2|3:4|4:3|4:5|5:4|9:16|16:9|21:9"


def title(model: str, ratio: str = "automatic") -> str:
    return f"Your settings  Model: {model} Aspect ratio: {ratio}"


async def test_a_walk_through_the_menu(chat: Conversation) -> None:
    flash, pro = "Gemini 2.5 Flash Image", "Gemini 3 Pro Image"
    old = "Gemini 2.0 Flash (preview)"
    (menu,) = await chat.row(chat.alice, "/settings", f"{title(flash)} {TOP}")
    rows = (
        ("Model", f"{title(flash)} {MODELS.format('✓ ', '', '', '')}"),
        ("Back", f"{title(flash)} {TOP}"),
        ("Aspect ratio", f"{title(flash)} {{✓ automatic|{RATIOS}|Back}}"),
        ("16:9", f"{title(flash, '16:9')} {TOP}"),
        ("Aspect ratio", f"{title(flash, '16:9')} {{automatic|*|✓ 16:9|21:9|Back}}"),
        ("✓ 16:9", f"{title(flash, '16:9')} {TOP}"),
        ("Model", f"{title(flash, '16:9')} {MODELS.format('✓ ', '', '', '')}"),
        (pro, f"{title(pro, '16:9')} {TOP}"),
        ("Model", f"{title(pro, '16:9')} {MODELS.format('', '', '✓ ', '')}"),
        (old, f"{title(old)} {TOP}"),  # which has no ratios
        ("Aspect ratio", f"{title(old)} {{✓ automatic|Back}}"),
        ("✓ automatic", f"{title(old)} {TOP}"),
    )
    for button, shown in rows:
        await chat.press(chat.alice, menu, button)
        await chat.sees(chat.alice, shown)


async def test_choices_hold_through_a_restart_and_are_ones_own(chat: Conversation) -> None:
    (menu,) = await chat.row(chat.alice, "/settings", "Your settings*")
    await chat.press(chat.alice, menu, "Model")
    await chat.sees(chat.alice, "Your settings*Back}")
    await chat.press(chat.alice, menu, "Gemini 3 Pro Image")
    await chat.sees(chat.alice, f"{title('Gemini 3 Pro Image')} {TOP}")
    await chat.restart()
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert chat.last_call.model == "gemini-3-pro-image"
    await chat.row(chat.bob, "a red fox", PICTURE)
    assert chat.last_call.model == "gemini-2.5-flash-image"


async def test_a_menu_in_a_group_is_about_whoever_presses(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    (menu,) = await chat.row(chat.alice, "/settings", "Your settings*", chat=group)
    await chat.press(chat.bob, menu, "Aspect ratio", group)
    await chat.sees(group, "Your settings*Back}")
    await chat.press(chat.bob, menu, "9:16", group)
    await chat.sees(group, f"{title('Gemini 2.5 Flash Image', '9:16')} {TOP}")
    await chat.row(chat.alice, "/imagine a fox", PICTURE, chat=group)
    await chat.row(chat.bob, "/imagine a fox", PICTURE, chat=group)
    assert [call.aspect_ratio for call in chat.gateway.calls] == [None, "9:16"]


async def test_a_chosen_model_that_left_the_catalogue_gives_way(chat: Conversation) -> None:
    (menu,) = await chat.row(chat.alice, "/settings", "Your settings*")
    await chat.press(chat.alice, menu, "Model")
    await chat.sees(chat.alice, "Your settings*Back}")
    await chat.press(chat.alice, menu, "Gemini 3 Pro Image")
    await chat.sees(chat.alice, f"{title('Gemini 3 Pro Image')} {TOP}")
    await chat.end()
    with sqlite3.connect(chat.folder / "bot.db") as database:
        database.execute("UPDATE preferences SET model = 'gone-1'")
    database.close()
    await chat.begin()
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert chat.last_call.model == "gemini-2.5-flash-image"
