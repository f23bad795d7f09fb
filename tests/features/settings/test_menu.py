"""The settings, over the wire: a walk through the menu, and what it is good for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from bot.domain import Scope
from tests.conftest import Start
from tests.support.choice import choice
from tests.support.conversation import PICTURE, Conversation

TOP = "{Model|Aspect ratio|Pictures|Sent as|Caption line|Language|Ready ping}"
SIZED = "{Model|Aspect ratio|Size|Pictures|Sent as|Caption line|Language|Ready ping}"  # of a model that has sizes
ABOUT = (
    " Flash: 1 picture · edits photos Pro: 1 picture · edits photos Words: 1 picture"
    " Editor: 1 picture · edits photos Masker: 1 picture · edits photos"
)
MODELS = "{{{0}automatic (Flash)|{1}Flash|{2}Pro|{3}Words|{4}Editor|{5}Masker|Back}}"


@pytest_asyncio.fixture
async def small(start: Start, tmp_path: Path) -> AsyncIterator[Conversation]:
    async with start(**choice(tmp_path)) as conversation:
        yield conversation


def title(model: str, ratio: str = "automatic", size: str | None = None, count: int = 1) -> str:
    sized = f" Size: {size}" if size else ""
    return (
        f"Your settings  Model: {model} Aspect ratio: {ratio}{sized} Pictures: {count}"
        " Sent as: photo Caption line: when changed Language: automatic Ready ping: off"
    )


def listed(chosen: int) -> str:
    return MODELS.format(*("✓ " if number == chosen else "" for number in range(6)))


async def test_a_walk_through_the_menu(small: Conversation) -> None:
    alice = small.alice
    (menu,) = await small.row(alice, "/settings", f"{title('Flash')} {TOP}")
    rows = (
        ("Model", f"{title('Flash')} {ABOUT} {listed(0)}"),  # the retired one is not offered
        ("Back", f"{title('Flash')} {TOP}"),
        ("Aspect ratio", f"{title('Flash')} {{✓ automatic (the model chooses)|1:1|16:9|Back}}"),
        ("16:9", f"{title('Flash', '16:9')} {TOP}"),
        (
            "Aspect ratio",
            f"{title('Flash', '16:9')} {{automatic (the model chooses)|1:1|✓ 16:9|Back}}",
        ),
        ("✓ 16:9", f"{title('Flash', '16:9')} {TOP}"),
        ("Model", f"{title('Flash', '16:9')} {ABOUT} {listed(0)}"),
        ("Pro", f"{title('Pro', '16:9', 'automatic')} {SIZED}"),
        (
            "Size",
            f"{title('Pro', '16:9', 'automatic')} {{✓ automatic (the model chooses)|1K|2K|4K|Back}}",
        ),
        ("2K", f"{title('Pro', '16:9', '2K')} {SIZED}"),
        ("Pictures", f"{title('Pro', '16:9', '2K')} {{✓ automatic (1)|1|2|3|4|Back}}"),
        ("3", f"{title('Pro', '16:9', '2K', 3)} {SIZED}"),
        ("Pictures", f"{title('Pro', '16:9', '2K', 3)} {{automatic (1)|1|2|✓ 3|4|Back}}"),
        ("automatic (1)", f"{title('Pro', '16:9', '2K')} {SIZED}"),
        ("Model", f"{title('Pro', '16:9', '2K')} {ABOUT} {listed(2)}"),
        ("Words", f"{title('Words')} {TOP}"),  # which has neither ratios nor sizes
        ("Aspect ratio", f"{title('Words')} {{✓ automatic (the model chooses)|Back}}"),
        ("✓ automatic (the model chooses)", f"{title('Words')} {TOP}"),
    )
    for button, shown in rows:
        await small.press(alice, menu, button)
        await small.sees(alice, shown)
    await small.row(alice, "a red fox", PICTURE)
    assert small.last_call.model == "words"


async def test_of_many_models_a_few_are_shown_with_what_they_are_and_all_behind_a_button(
    start: Start,
) -> None:
    async with start(MENU_MODELS="flux, banana-pro") as chat:
        (menu,) = await chat.row(chat.alice, "/settings", "Your settings*")
        await chat.press(chat.alice, menu, "Model")
        default = "Gemini 2.5 Flash Image"
        keys = f"{{✓ automatic ({default})|FLUX|Gemini 3 Pro Image|{default}|Back|More ▸}}"
        about = f"FLUX: 1 picture Gemini 3 Pro Image: 1 picture · edits photos {default}*"
        await chat.sees(chat.alice, f"*{about}{keys}")
        await chat.press(chat.alice, menu, "More ▸")
        await chat.sees(chat.alice, "*{*|Ideogram|Recraft V3|Back}")
        await chat.press(chat.alice, menu, "Ideogram")
        await chat.sees(chat.alice, "Your settings  Model: Ideogram*")
        drawn = [(await chat.row(chat.alice, "a red fox", PICTURE))[0] for _ in range(3)][-1]
        await chat.press(chat.alice, drawn, "Model ▸")
        # How long it takes is known by now.
        await chat.said_last(
            chat.alice, "[photo]*{FLUX|Gemini 3 Pro Image|✓ Ideogram · 1 s|Back|More ▸}"
        )
        await chat.press(chat.alice, drawn, "More ▸")
        await chat.said_last(chat.alice, "[photo]*{Gemini 3.1 Flash Image|*|Recraft V3|Back}")


async def test_forged_choices_are_not_kept(small: Conversation) -> None:
    (menu,) = await small.row(small.alice, "/settings", "Your settings*")
    for data in (
        "model:old",
        "model:none",
        "ratio:4:3",
        "size:2K",
        "count:5",
        "count:0",
        "count:x",
    ):
        answer = await small.forge(small.alice, menu, data)
        assert answer == "This button no longer works. Please send your request again."
    await small.sees(small.alice, f"{title('Flash')} {TOP}")


async def test_a_retired_model_that_was_chosen_stays_and_is_marked(small: Conversation) -> None:
    alice = Scope(small.alice.id)
    await small.store.write(lambda tx: tx.preferences.choose(alice, "model", "old"))
    (menu,) = await small.row(small.alice, "/settings", f"{title('Old')} {TOP}")
    await small.press(small.alice, menu, "Model")
    await small.sees(
        small.alice,
        f"{title('Old')} {ABOUT} Old: 1 picture {{automatic (Flash)|Flash|Pro|Words|Editor|Masker|✓ Old|Back}}",
    )
    await small.row(small.alice, "a red fox", PICTURE)
    assert small.last_call.model == "old"


async def test_where_one_picture_is_all_there_is_no_choice_of_more(
    start: Start, tmp_path: Path
) -> None:
    async with start(MAX_COUNT="1", **choice(tmp_path)) as chat:
        top = "{Model|Aspect ratio|Sent as|Caption line|Language|Ready ping}"
        await chat.row(chat.alice, "/settings", f"Your settings*{top}")


async def test_choices_hold_through_a_restart_and_are_ones_own(chat: Conversation) -> None:
    (menu,) = await chat.row(chat.alice, "/settings", "Your settings*")
    await chat.press(chat.alice, menu, "Model")
    await chat.sees(chat.alice, "Your settings*Back|More ▸}")
    await chat.press(chat.alice, menu, "Gemini 3 Pro Image")
    await chat.sees(chat.alice, f"{title('Gemini 3 Pro Image', size='automatic')} {SIZED}")
    await chat.restart()
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert chat.last_call.model == "gemini-3-pro-image"
    await chat.row(chat.bob, "a red fox", PICTURE)
    assert chat.last_call.model == "gemini-2.5-flash-image"


async def test_a_chosen_model_that_left_the_catalogue_gives_way(chat: Conversation) -> None:
    (menu,) = await chat.row(chat.alice, "/settings", "Your settings*")
    await chat.press(chat.alice, menu, "Model")
    await chat.sees(chat.alice, "Your settings*Back|More ▸}")
    await chat.press(chat.alice, menu, "Gemini 3 Pro Image")
    await chat.sees(chat.alice, f"{title('Gemini 3 Pro Image', size='automatic')} {SIZED}")
    await chat.end()
    await chat.execute("UPDATE preferences SET model = 'gone-1'")
    await chat.begin()
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert chat.last_call.model == "gemini-2.5-flash-image"
