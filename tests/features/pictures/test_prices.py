"""What sizes count as: their buttons say it first, and exactly that is reserved and charged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.domain import now
from tests.conftest import Start
from tests.features.pictures.test_submenus import opened
from tests.features.prompts.test_flags import charged
from tests.storage.rows import allowance_used
from tests.support.conversation import PICTURE, Conversation

CATALOGUE = """
extends = false

[[model]]
id = "pro"
label = "Pro"
edit_route = "chat/completions"
max_inputs = 5
ratio_dialect = "image_config"
aspect_ratios = ["1:1"]
sizes = ["1K", "2K", "4K"]
credits = { "2K" = 2, "4K" = 3 }

[[model]]
id = "max"
label = "Max"
ratio_dialect = "image_config"
aspect_ratios = ["1:1"]
sizes = ["1K", "4K"]
credits = { "4K" = 5 }
"""
SIZES = "[photo]* {✓ automatic|1K|2K · counts as 2|4K · counts as 3|Back}"
CHANGED = "The price has changed. The button says the new one now."


def prices(folder: Path, catalogue: str = CATALOGUE) -> dict[str, str]:
    file = folder / "prices.toml"
    file.write_text(catalogue)
    return {"MODELS_FILE": str(file), "DEFAULT_MODEL": "pro"}


@pytest_asyncio.fixture
async def chat(start: Start, tmp_path: Path) -> AsyncIterator[Conversation]:
    async with start(USER_IMAGES_PER_DAY="9", **prices(tmp_path)) as conversation:
        yield conversation


async def sizes(chat: Conversation, message: dict[str, Any]) -> dict[str, Any]:
    return await opened(chat, chat.alice, message, "Size ▸", chat.alice)


async def test_a_size_costs_what_its_button_said(chat: Conversation) -> None:
    (first,) = await chat.row(chat.alice, "a fox", PICTURE)
    await chat.quiet()
    assert await charged(chat, chat.alice.id) == (1, 0)
    level = await sizes(chat, first)
    await chat.sees(chat.alice, SIZES)
    gate = chat.gateway.hold()
    await chat.press(chat.alice, level, "4K · counts as 3")
    await chat.sees(chat.alice, PICTURE, "Drawing*")
    assert await charged(chat, chat.alice.id) == (1, 3)
    gate.release()
    _, second = await chat.sees(chat.alice, PICTURE, PICTURE)
    await chat.quiet()
    assert await charged(chat, chat.alice.id) == (4, 0)
    assert chat.last_call.size == "4K"
    level = await sizes(chat, second)
    await chat.sees(
        chat.alice,
        PICTURE,
        "[photo]* {automatic · counts as 1|1K · counts as 1|2K · counts as 2|✓ 4K|Back}",
    )
    await opened(chat, chat.alice, level, "Back", chat.alice)
    await opened(chat, chat.alice, second, "Model ▸", chat.alice)
    await chat.sees(chat.alice, PICTURE, "[photo]* {✓ Pro*|Max · counts as 5*|Back}")
    assert await chat.audit() == []


async def test_flags_variations_and_settings_are_charged_alike(chat: Conversation) -> None:
    (first,) = await chat.row(chat.alice, "a fox --size 4K", PICTURE)
    await chat.quiet()
    assert await charged(chat, chat.alice.id) == (3, 0)
    await chat.press(chat.alice, first, "Variations")
    await chat.sees(chat.alice, *[PICTURE] * 3)
    await chat.quiet()
    assert await charged(chat, chat.alice.id) == (9, 0)


async def test_what_is_not_drawn_is_given_back(chat: Conversation) -> None:
    gate = chat.gateway.hold()
    (status,) = await chat.row(chat.alice, "a fox --size 4K", "Drawing*")
    assert await charged(chat, chat.alice.id) == (0, 3)
    await chat.press(chat.alice, status, "Cancel")
    await chat.quiet()
    gate.release()
    assert await charged(chat, chat.alice.id) == (0, 0)
    assert await chat.audit() == []


async def test_more_than_is_left_is_not_begun(start: Start, tmp_path: Path) -> None:
    async with start(USER_IMAGES_PER_DAY="2", **prices(tmp_path)) as chat:
        await chat.row(chat.alice, "a fox --size 4K", "You have 2 pictures left today*asks for 3.*")
        await chat.row(chat.alice, "a fox --size 2K", PICTURE)


async def test_an_edit_to_another_price_needs_room_for_the_new_one_only(
    start: Start, tmp_path: Path
) -> None:
    """What waited gives back what it held before its change is reserved."""
    async with start(USER_IMAGES_PER_DAY="3", MAX_CONCURRENCY="1", **prices(tmp_path)) as chat:
        with chat.gateway.hold():
            await chat.row(chat.bob, "a dog", "Drawing*")
            (message,) = chat.alice.send(text="a fox --size 2K")
            await chat.sees(chat.alice, "You are next*")
            assert await charged(chat, chat.alice.id) == (0, 2)
            chat.alice.edit(chat.alice, message["message_id"], "a fox --size 4K")
            await chat.telegram.until(lambda: not chat.telegram.pending_updates)
            await chat.sees(chat.alice, "*", "*")
            assert await charged(chat, chat.alice.id) == (0, 3)
        await chat.quiet()
        assert await charged(chat, chat.alice.id) == (3, 0)
        assert chat.last_call.size == "4K"
        assert await chat.audit() == []


async def test_an_edit_to_another_price_gives_the_groups_allowance_back(
    start: Start, tmp_path: Path
) -> None:
    async with start(MAX_CONCURRENCY="1", **prices(tmp_path)) as chat:
        group = chat.telegram.group("Friends", [chat.alice, chat.bob])

        async def used() -> list[int]:
            return await chat.store.read(
                lambda tx: [allowance_used(tx, group.id, who, now()) for who in (1001, 0)]
            )

        with chat.gateway.hold():
            await chat.row(chat.bob, "a dog", "Drawing*")
            (message,) = chat.alice.send(group, "/imagine a fox --size 2K")
            await chat.sees(group, "You are next*")
            assert await used() == [2, 2]
            chat.alice.edit(group, message["message_id"], "/imagine a fox --size 4K")
            await chat.sees(group, "*", "*")
            await chat.telegram.until(lambda: not chat.telegram.pending_updates)
            assert await used() == [3, 3]
            assert await chat.audit() == []  # though the first one's end is still to come
        await chat.quiet()
        assert await used() == [3, 3]


async def test_settings_say_the_price(chat: Conversation) -> None:
    (menu,) = await chat.row(chat.alice, "/settings", "*Size*")
    await opened(chat, chat.alice, menu, "Size", chat.alice)
    await chat.sees(chat.alice, "*{*1K|2K · counts as 2|4K · counts as 3|Back}")


async def test_an_old_button_does_not_cost_another_price(
    chat: Conversation, tmp_path: Path
) -> None:
    (first,) = await chat.row(chat.alice, "a fox", PICTURE)
    level = await sizes(chat, first)
    await chat.quiet()
    dearer = prices(tmp_path, CATALOGUE.replace('"4K" = 3', '"4K" = 4'))
    await chat.restart(**dearer)
    assert await chat.press(chat.alice, level, "4K · counts as 3") == CHANGED
    await chat.sees(chat.alice, "[photo]* {✓ automatic|1K|2K · counts as 2|4K · counts as 4|Back}")
    assert await charged(chat, chat.alice.id) == (1, 0)


@pytest.mark.parametrize("shown", ["", "*1", "*", "*x", "*999999999999", "*3*3"])
async def test_a_forged_price_draws_nothing(chat: Conversation, shown: str) -> None:
    (first,) = await chat.row(chat.alice, "a fox", PICTURE)
    level = await sizes(chat, first)
    data = level["reply_markup"]["inline_keyboard"][1][1]["callback_data"]
    assert data.endswith("4K*3")
    assert await chat.forge(chat.alice, level, data.removesuffix("*3") + shown) == CHANGED
    assert len(await chat.jobs()) == 1
    assert chat.telegram.violations == []


async def test_an_edit_to_another_size_is_reserved_anew(chat: Conversation) -> None:
    gate = chat.gateway.hold()
    for said in ("first", "second"):
        chat.alice.send(text=said)
    waits = chat.alice.send(text="a fox")[0]
    await chat.sees(chat.alice, "Drawing*", "Drawing*", "Waiting*")
    chat.alice.edit(chat.alice, waits["message_id"], "a fox --size 4K")
    await chat.sees(chat.alice, "Drawing*", "Drawing*", "Cancelled*", "Waiting*")
    gate.release()
    await chat.sees(chat.alice, PICTURE, PICTURE, "Cancelled*", PICTURE)
    await chat.quiet()
    assert await charged(chat, chat.alice.id) == (5, 0)
    assert await chat.audit() == []
