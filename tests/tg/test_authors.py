"""How people and chats are called: as they may be shown in lines that operators read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import now
from bot.domain.shown_names import CONTROL, clean_name
from tests.conftest import Start
from tests.features.groups.test_rights import changed
from tests.support.conversation import PICTURE, Conversation
from tests.support.pages import free_address, logged_in

TURNED = "Al\u202eice\u2066\x07\nnemo\u2029"
NAMES = [
    "محمد\u200cرضا",  # Persian: without the joiner it is another name
    "क्\u200dष Śrī",
    "👩\u200d👧 Mum 🏴\U000e0067\U000e0062\U000e007f",
    "José Ñandú-O'Neil",
    "שרה \u200fכהן",
    "李 小龍",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_all_languages_stay_as_they_are(name: str) -> None:
    assert clean_name(name) == name


@given(st.text())
def test_a_name_is_one_line_that_turns_nothing_round(name: str) -> None:
    cleaned = clean_name(name)
    assert not CONTROL.search(cleaned)
    assert len(cleaned.splitlines()) <= 1
    assert clean_name(cleaned) == cleaned


async def test_operators_read_names_in_their_order_wherever_they_stand(start: Start) -> None:
    address = free_address()
    async with start(WEB_ADDRESS=address, ADMIN_IDS="1001") as chat:
        turned = chat.telegram.person(TURNED)
        group = chat.telegram.group(f"Our {TURNED}", [turned])
        await chat.row(turned, "a red fox", PICTURE)
        await chat.row(turned, "/imagine a blue fox", PICTURE, chat=group)
        # One that was kept before names were looked at.
        await chat.store.write(lambda tx: tx.people.seen_user(5, TURNED, None, None, now()))
        for number in (turned.id, 5):
            (shown,) = await chat.row(chat.alice, f"/user {number}", "Alice nemo*")
            assert "\u202e" not in shown["text"]
        async with logged_in(chat, address) as client:
            for path in ("people", "jobs", f"people/{turned.id}", "people/5", "people?q=our"):
                page = (await client.get(f"/admin/{path}")).raise_for_status()
                assert "Alice nemo" in page.text, path
                assert not CONTROL.search(page.text), path


async def test_who_hears_of_somebody_or_of_a_chat_reads_it_in_its_order(start: Start) -> None:
    async with start(ACCESS="allowlist", ADMIN_IDS="1001") as chat:
        turned = chat.telegram.person(TURNED)
        turned.send(text="a red fox")
        await chat.sees(chat.alice, "Alice nemo (1003)*")
        group = chat.telegram.group(TURNED, [chat.alice, turned])
        group.remove_bot()
        group.add_bot()
        await chat.quiet()
        changed(chat, group, turned, but=set())
        await chat.said_last(chat.alice, "*in “Alice nemo”, to which you added me*")


async def test_a_question_names_who_pressed_in_its_order(chat: Conversation) -> None:
    turned = chat.telegram.person(TURNED)
    group = chat.telegram.group("Friends", [turned])
    (picture,) = await chat.row(turned, "/imagine a fox", PICTURE, chat=group)
    await chat.press(turned, picture, "Edit", group)
    await chat.said_last(group, "Alice nemo: *")
